//! A script or command that is not in the list yet, or is to be started once more.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::commands::act::{self, Action};
use crate::cli::commands::{self, change};
use crate::cli::select::{self, Candidate};
use crate::exit::Failure;

/// Starts a script, unless it runs already.
pub(crate) fn run(
    invocation: &Invocation,
    client: &mut Client,
    candidates: &[Candidate],
    word: &str,
) -> Result<(), Failure> {
    let app = declare(invocation, word)?;
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
    let mut request = Map::new();
    request.insert("apps".to_owned(), json!(apps));
    commands::set_deadline(&mut request, client);
    let started = client.call("ward:prepare", &[Value::Object(request)])?;
    report_failures(invocation, &started)?;
    invocation.console.say("Done.");
    Ok(())
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

fn declare(invocation: &Invocation, word: &str) -> Result<Map<String, Value>, Failure> {
    let cwd = commands::cwd()?;
    let script = select::resolve(&cwd, word);
    if !script.exists() {
        return Err(Failure::new(format!(
            "Script not found: {}",
            script.display()
        )));
    }
    let base = Path::new(word)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let logs = invocation.paths.logs.display();
    let pids = invocation.paths.pids.display();
    let mut app = json!({
        "name": base,
        "namespace": "default",
        "pm_exec_path": script,
        "pm_cwd": cwd,
        "exec_interpreter": match script.extension().and_then(|e| e.to_str()) {
            Some("js") => "node",
            Some("py") => "python3",
            Some("sh") => "bash",
            _ => "none",
        },
        "exec_mode": "fork_mode",
        "instances": 1,
        "node_args": [],
        "env": change::captured(),
        "autostart": true,
        "autorestart": true,
        "treekill": true,
        "merge_logs": true,
        "instance_var": "NODE_APP_INSTANCE",
        "kill_retry_time": 100,
    });
    let fields = app.as_object_mut().expect("an object just made");
    for (key, value) in &invocation.options {
        fields.insert(key.clone(), value.clone());
    }
    let name = fields["name"].as_str().unwrap_or_default().to_owned();
    for (key, path) in [
        ("pm_out_log_path", format!("{logs}/{name}-out.log")),
        ("pm_err_log_path", format!("{logs}/{name}-error.log")),
        ("pm_pid_path", format!("{pids}/{name}.pid")),
    ] {
        fields.insert(key.to_owned(), json!(path));
    }
    fields.insert(
        "ward".to_owned(),
        json!({"captured": change::captured(), "declared": {}}),
    );
    if let Some(words) = &invocation.passthrough {
        fields.insert("args".to_owned(), json!(words));
    }
    Ok(fields.clone())
}
