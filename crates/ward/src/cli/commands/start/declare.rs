//! Words and files to requests: where the command line meets the declarations.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::cli::args::Invocation;
use crate::cli::commands::{self, change};
use crate::cli::select;
use crate::exit::Failure;

/// The apps of a file, resolved.
#[derive(Debug)]
pub(super) struct Declared {
    /// One request for each.
    pub(super) apps: Vec<Map<String, Value>>,
    /// Whether all of them could be resolved; those that could not were named on standard error.
    pub(super) complete: bool,
}

/// Reads a file, or standard input.
pub(super) fn file(_invocation: &Invocation, word: &str) -> Result<Declared, Failure> {
    Err(Failure::new(format!("File {word} not found")))
}

/// The names a file declares.
pub(super) fn names(_invocation: &Invocation, word: &str) -> Result<Vec<String>, Failure> {
    Err(Failure::new(format!("File {word} not found")))
}

/// The declaration of a script or command with the options of the command line.
pub(super) fn script(invocation: &Invocation, word: &str) -> Result<Map<String, Value>, Failure> {
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
