//! `resurrect`: starts the apps of the saved list, except those whose name is in the list already.

use std::collections::HashSet;

use serde_json::{Value, json};
use ward_home::dump::{self, Entry, Saved};

use super::start::script;
use crate::cli::args::Invocation;
use crate::cli::client::{CallError, Client};
use crate::cli::messages::Console;
use crate::cli::select::Candidate;
use crate::exit::Failure;

/// So many entries are restored by one request.
const AT_ONCE: usize = 500;

/// Restores the saved list. An absent or broken list is no failure: a boot script calls this.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let console = &invocation.console;
    console.say("Resurrecting");
    let saved = dump::read(&invocation.paths).map_err(|error| super::save::failure(&error))?;
    tell_of_broken_files(console, &saved);
    let Some((file, entries)) = saved.list else {
        console.error(format!(
            "Failed to read dump file in {}",
            invocation.paths.dump.display()
        ));
        console.error("No processes saved; DUMP file doesn't exist");
        return Ok(());
    };
    console.say(format!("Restoring processes located in {}", file.display()));
    restore(invocation, &mut client, entries)?;
    super::list::print_after(&mut client, invocation)
}

fn restore(
    invocation: &Invocation,
    client: &mut Client,
    entries: Vec<Entry>,
) -> Result<(), Failure> {
    let present = Candidate::from_records(&client.summaries()?);
    let present: HashSet<&str> = present.iter().map(|it| it.name.as_str()).collect();
    let missing: Vec<Entry> = entries
        .into_iter()
        .filter(|entry| {
            let name = entry
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            !present.contains(name)
        })
        .map(to_restore)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = script::names(&missing);
    let mut started = Vec::new();
    // The daemon has its turn in between, and one entry that is refused does not make many requests of all.
    for entries in missing.chunks(AT_ONCE) {
        match start(client, entries)? {
            Value::Array(apps) => started.extend(apps),
            _ => return Err(CallError::Garbage.into()),
        }
    }
    let started = Value::Array(started);
    for (entry, instances) in missing.iter().zip(started.as_array().into_iter().flatten()) {
        let running = |instance: &Value| instance["ok"].as_bool().unwrap_or(false);
        if instances
            .as_array()
            .is_some_and(|all| !all.is_empty() && all.iter().all(running))
        {
            let script = entry.get("pm_exec_path").and_then(Value::as_str);
            let script = script.unwrap_or_default();
            invocation.console.say(format!("Process {script} restored"));
        }
    }
    // The apps that do not run are reported, but the exit code is 0: if a boot service fails, the
    // init system ends all of its apps.
    script::report_failures(invocation, &names, &started).or(Ok(()))
}

/// Starts all apps in one request. The daemon refuses the whole request if one entry is invalid;
/// then each app gets a request of its own, so that the others start.
fn start(client: &mut Client, entries: &[Entry]) -> Result<Value, Failure> {
    match script::ask_prepare(client, entries.to_vec()) {
        Err(CallError::Refused(_)) if entries.len() > 1 => {}
        Err(CallError::Refused(reason)) => {
            return Ok(json!([[{"ok": false, "error": reason}]]));
        }
        other => return Ok(other?),
    }
    let mut started = Vec::new();
    for entry in entries {
        match start(client, core::slice::from_ref(entry))? {
            Value::Array(apps) => started.extend(apps),
            _ => return Err(CallError::Garbage.into()),
        }
    }
    Ok(Value::Array(started))
}

/// A saved entry as a request. An app that was stopped is restored as stopped; every other app runs
/// and counts its restarts from zero.
fn to_restore(mut entry: Entry) -> Entry {
    let stopped = entry.get("status").and_then(Value::as_str) == Some("stopped");
    if !stopped {
        for key in ["status", "restart_time", "unstable_restarts"] {
            entry.shift_remove(key);
        }
    }
    entry
}

fn tell_of_broken_files(console: &Console, saved: &Saved) {
    for aside in &saved.aside {
        let file = aside.file.display();
        console.error(format!(
            "Failed to read dump file in {file}: {}",
            aside.reason
        ));
        match &aside.now {
            Some(now) => console.notice(format!("It is kept as {}", now.display())),
            None => console.warn_aside("It could not be renamed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(entry: Value) -> Value {
        match entry {
            Value::Object(entry) => Value::Object(to_restore(entry)),
            _ => Value::Null,
        }
    }

    #[test]
    fn a_stopped_app_comes_back_stopped_and_others_run() {
        let stopped = json!({"name": "a", "status": "stopped", "restart_time": 3});
        assert_eq!(restored(stopped.clone()), stopped);
        for status in ["online", "errored", "waiting restart", "launching"] {
            assert_eq!(
                restored(json!({"name": "a", "status": status, "restart_time": 3})),
                json!({"name": "a"})
            );
        }
    }
}
