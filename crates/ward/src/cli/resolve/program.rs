//! Finds the program to execute: a file, a program in `PATH` or a shell command.

use std::path::Path;

use serde_json::{Value, json};

use super::{Draft, lookup, text};
use crate::exit::Failure;

/// The program of an app.
pub(super) struct Program {
    /// The absolute path.
    pub(super) path: String,
    /// The arguments; `None` if the declaration says nothing about them.
    pub(super) args: Option<Vec<Value>>,
    /// The path from which the default name is derived.
    pub(super) name: String,
    /// Whether it needs no interpreter, as a shell command.
    pub(super) direct: bool,
}

/// Finds the program of a declaration.
pub(super) fn find(draft: &mut Draft<'_>) -> Result<Program, Failure> {
    let Some(script) = draft.take_text("script") else {
        return Err(Failure::new("No script path - aborting"));
    };
    let args = draft.decl.get("args").and_then(Value::as_array).cloned();
    if script == "serve" && draft.context.is_file {
        return Err(Failure::new(
            "the static file server (script \"serve\") is not in ward yet",
        ));
    }
    let here = draft.absolute(&script);
    if here.exists() {
        return Ok(Program {
            path: text(&here),
            args,
            name: script,
            direct: false,
        });
    }
    if script.contains(' ') {
        return shell(draft, script);
    }
    let in_path = if script.contains('/') {
        None
    } else {
        lookup::which(&script, &draft.path)
    };
    match in_path {
        Some(found) => {
            let found = std::path::absolute(&found).unwrap_or(found);
            Ok(Program {
                path: text(&found),
                args,
                name: script,
                direct: false,
            })
        }
        None => Err(not_found(draft, &script, &here)),
    }
}

/// A command line for the shell. Further arguments would only be arguments of the shell, as in PM2.
fn shell(draft: &Draft<'_>, command: String) -> Result<Program, Failure> {
    let shell = ["bash", "sh"]
        .iter()
        .find_map(|shell| lookup::which(shell, &draft.path));
    let Some(shell) = shell else {
        return Err(Failure::new(
            "Interpreter bash is NOT AVAILABLE in PATH. (type 'which bash' to double check.)",
        ));
    };
    let args = Some(vec![json!("-c"), json!(command)]);
    Ok(Program {
        path: text(&shell),
        args,
        name: command,
        direct: true,
    })
}

fn not_found(draft: &Draft<'_>, script: &str, here: &Path) -> Failure {
    let failure = Failure::new(format!("Script not found: {}", here.display()));
    if draft.context.is_file && !script.starts_with('/') && !draft.decl.contains_key("cwd") {
        return failure.with_hint(
            "Paths in a file count from the current directory; `cwd` of the app changes that.",
        );
    }
    failure
}
