//! Starts a script or command that is not in the list yet, or starts it once more.

use std::path::Path;

use serde_json::{Map, Value};
use ward_wire::text::printable;

use super::batch::batches;
use super::declare;
use crate::cli::args::Invocation;
use crate::cli::client::{CallError, Client};
use crate::cli::commands::act::{self, Action, Extras};
use crate::cli::commands::{self, change, fork_mode};
use crate::cli::resolve::lookup;
use crate::cli::select::{Candidate, Selection};
use crate::exit::Failure;

/// Starts a script, unless it runs already.
pub(crate) fn run(
    invocation: &Invocation,
    client: &mut Client,
    candidates: &[Candidate],
    word: &str,
) -> Result<Vec<u32>, Failure> {
    let app = declare::script(invocation, word)?;
    if !invocation.is_set("force")
        && let Some(existing) = existing(candidates, &app)
    {
        let is_file = commands::cwd()?.join(word).is_file();
        if is_running(existing) && !is_file {
            return command_again(invocation, client, candidates, app);
        }
        return start_again(invocation, client, existing);
    }
    launch(invocation, client, vec![app])
}

/// An instance of the same script and name.
fn existing<'a>(candidates: &'a [Candidate], app: &Map<String, Value>) -> Option<&'a Candidate> {
    candidates
        .iter()
        .find(|candidate| is_instance(candidate, app))
}

fn is_instance(candidate: &Candidate, app: &Map<String, Value>) -> bool {
    app["pm_exec_path"] == candidate.script.as_str() && app["name"] == candidate.name.as_str()
}

fn start_again(
    invocation: &Invocation,
    client: &mut Client,
    existing: &Candidate,
) -> Result<Vec<u32>, Failure> {
    if is_running(existing) {
        return Err(Failure::new(
            "Script already launched, add -f option to force re-execution",
        ));
    }
    let extras = change::of(invocation, false)?;
    let name = &existing.name;
    let ids = act::on_word(invocation, client, Action::Restart, name, &extras)?;
    invocation.console.say("Process successfully started");
    Ok(ids)
}

fn is_running(candidate: &Candidate) -> bool {
    !matches!(
        candidate.status.as_str(),
        "stopped" | "stopping" | "errored"
    )
}

/// Handles a command that runs already, as in `start npm --name web -- start`. PM2 starts a second
/// copy, which finds the port taken; deploy scripts want one instance with the present declaration.
fn command_again(
    invocation: &Invocation,
    client: &mut Client,
    candidates: &[Candidate],
    app: Map<String, Value>,
) -> Result<Vec<u32>, Failure> {
    let instances = candidates.iter().filter(|it| is_instance(it, &app));
    let ids: Vec<u32> = instances.map(|it| it.id).collect();
    let name = app["name"].as_str().unwrap_or_default().to_owned();
    invocation.console.say(format!(
        "{name} runs already and is restarted as declared now, add -f option to start it once more"
    ));
    let selection = Selection {
        ids,
        typed_id: false,
    };
    act::applying(&invocation.console, Action::Restart, &name, &selection);
    let mut extras = Extras::new();
    extras.insert("spec".to_owned(), Value::Object(app));
    let acted = (&*selection.ids, candidates);
    act::on_ids(invocation, client, Action::Restart, acted, &extras)?;
    Ok(selection.ids)
}

/// Sends declarations to the daemon and reports the results.
pub(crate) fn launch(
    invocation: &Invocation,
    client: &mut Client,
    apps: Vec<Map<String, Value>>,
) -> Result<Vec<u32>, Failure> {
    for app in &apps {
        let stated = app.get("instances").and_then(Value::as_i64).unwrap_or(1);
        let count = commands::scale::processes(stated);
        let plural = if count > 1 { "s" } else { "" };
        invocation.console.say(format!(
            "Starting {} in {} ({count} instance{plural})",
            app["pm_exec_path"].as_str().unwrap_or_default(),
            app["exec_mode"].as_str().unwrap_or_default(),
        ));
    }
    let names = names(&apps);
    let started = prepare(client, apps)?;
    report_failures(invocation, &names, &started)?;
    invocation.console.say("Done.");
    Ok(ids(&started))
}

/// Asks the daemon to start apps; returns a list of instances for each of them.
pub(crate) fn prepare(
    client: &mut Client,
    apps: Vec<Map<String, Value>>,
) -> Result<Value, Failure> {
    Ok(ask_prepare(client, apps)?)
}

/// As [`prepare`], with the daemon's own refusal.
pub(crate) fn ask_prepare(
    client: &mut Client,
    apps: Vec<Map<String, Value>>,
) -> Result<Value, CallError> {
    let mut started = Vec::new();
    for batch in batches(apps) {
        let mut request = batch.into_request();
        commands::set_deadline(&mut request, client);
        match client.call("ward:prepare", &[Value::Object(request)])? {
            Value::Array(apps) => started.extend(apps),
            _ => return Err(CallError::Garbage),
        }
    }
    Ok(Value::Array(started))
}

/// The names of the apps, in their order.
pub(crate) fn names(apps: &[Map<String, Value>]) -> Vec<String> {
    let name =
        |app: &Map<String, Value>| app.get("name").and_then(Value::as_str).map(str::to_owned);
    apps.iter()
        .map(|app| name(app).unwrap_or_default())
        .collect()
}

/// The ids of all instances in a reply.
pub(crate) fn ids(started: &Value) -> Vec<u32> {
    let apps = started.as_array().into_iter().flatten();
    apps.flat_map(|app| app.as_array().into_iter().flatten())
        .filter_map(|instance| instance["pm_id"].as_u64())
        .filter_map(|id| u32::try_from(id).ok())
        .collect()
}

/// Whether the command has already warned that the app cannot run: `interpreter: 'none'` and a
/// script without execute permission. PM2 lists such an app and exits with 0.
pub(crate) fn was_foretold(record: &Value) -> bool {
    let script = record["pm_exec_path"].as_str().map(Path::new);
    record["exec_interpreter"] == "none"
        && script.is_some_and(|script| script.is_file() && !lookup::is_executable(script))
}

/// Reports every instance that does not run, with the reason.
pub(crate) fn report_failures(
    invocation: &Invocation,
    names: &[String],
    started: &Value,
) -> Result<(), Failure> {
    let mut failed = false;
    for (name, instances) in names.iter().zip(started.as_array().into_iter().flatten()) {
        let instances = || instances.as_array().into_iter().flatten();
        fork_mode::warn(&invocation.console, instances());
        for instance in instances() {
            if instance["ok"].as_bool().unwrap_or(false) {
                continue;
            }
            if was_foretold(&instance["process"]["pm2_env"]) {
                continue;
            }
            failed = true;
            let reason = instance["error"].as_str().unwrap_or("it did not start");
            let which = match instance["pm_id"].as_u64() {
                Some(id) => format!("[{}]({id})", printable(name)),
                None => format!("[{}]", printable(name)),
            };
            invocation.console.error(format!("{which} {reason}"));
        }
    }
    if failed { Err(Failure::said()) } else { Ok(()) }
}
