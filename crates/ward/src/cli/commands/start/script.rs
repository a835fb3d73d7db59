//! A script or command that is not in the list yet, or is to be started once more.

use serde_json::{Map, Value};

use super::declare;
use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::commands::act::{self, Action};
use crate::cli::commands::{self, change};
use crate::cli::select::Candidate;
use crate::exit::Failure;

/// Starts a script, unless it runs already.
pub(crate) fn run(
    invocation: &Invocation,
    client: &mut Client,
    candidates: &[Candidate],
    word: &str,
) -> Result<(), Failure> {
    let app = declare::script(invocation, word)?;
    if !invocation.is_set("force")
        && let Some(existing) = existing(candidates, &app)
    {
        return start_again(invocation, client, existing);
    }
    launch(invocation, client, vec![app])
}

/// An instance of the same script and name.
fn existing<'a>(candidates: &'a [Candidate], app: &Map<String, Value>) -> Option<&'a Candidate> {
    candidates.iter().find(|candidate| {
        app["pm_exec_path"] == candidate.script.as_str() && app["name"] == candidate.name.as_str()
    })
}

fn start_again(
    invocation: &Invocation,
    client: &mut Client,
    existing: &Candidate,
) -> Result<(), Failure> {
    if !matches!(existing.status.as_str(), "stopped" | "stopping" | "errored") {
        return Err(Failure::new(
            "Script already launched, add -f option to force re-execution",
        ));
    }
    let extras = change::of(invocation, false)?;
    act::on_word(invocation, client, Action::Restart, &existing.name, &extras)?;
    invocation.console.say("Process successfully started");
    Ok(())
}

/// Hands declarations to the daemon and reports.
pub(crate) fn launch(
    invocation: &Invocation,
    client: &mut Client,
    apps: Vec<Map<String, Value>>,
) -> Result<(), Failure> {
    for app in &apps {
        let count = app.get("instances").and_then(Value::as_i64).unwrap_or(1);
        let plural = if count > 1 { "s" } else { "" };
        invocation.console.say(format!(
            "Starting {} in {} ({count} instance{plural})",
            app["pm_exec_path"].as_str().unwrap_or_default(),
            app["exec_mode"].as_str().unwrap_or_default(),
        ));
    }
    let started = prepare(client, apps)?;
    report_failures(invocation, &started)?;
    invocation.console.say("Done.");
    Ok(())
}

/// Asks the daemon to start apps; one list of instances for each comes back.
pub(crate) fn prepare(
    client: &mut Client,
    apps: Vec<Map<String, Value>>,
) -> Result<Value, Failure> {
    let mut request = Map::new();
    let apps = apps.into_iter().map(Value::Object).collect();
    request.insert("apps".to_owned(), Value::Array(apps));
    commands::set_deadline(&mut request, client);
    Ok(client.call("ward:prepare", &[Value::Object(request)])?)
}

/// Names every instance that does not run, with its reason.
pub(crate) fn report_failures(invocation: &Invocation, started: &Value) -> Result<(), Failure> {
    let mut failed = false;
    let instances = started.as_array().into_iter().flatten();
    for instance in instances.flat_map(|app| app.as_array().into_iter().flatten()) {
        if instance["ok"].as_bool().unwrap_or(false) {
            continue;
        }
        failed = true;
        let name = instance["name"].as_str().unwrap_or_default();
        let reason = instance["error"].as_str().unwrap_or("it did not start");
        invocation
            .console
            .error(format!("[{name}]({}) {reason}", instance["pm_id"]));
    }
    if failed { Err(Failure::said()) } else { Ok(()) }
}
