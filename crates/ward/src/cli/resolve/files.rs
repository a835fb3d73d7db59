//! Log and pid files: their names, and the folders they need.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde_json::{Value, json};

use super::{Draft, text};
use crate::exit::Failure;

/// The values by which PM2 means "no file".
const NOWHERE: &str = "/dev/null";

/// Resolves all files of an app. The daemon inserts the id of the instance.
pub(super) fn paths(draft: &mut Draft<'_>, name: &str) -> Result<(), Failure> {
    let file_name = sanitised(name);
    let logs = draft.context.paths.logs.clone();
    let pids = draft.context.paths.pids.clone();
    match draft.decl.shift_remove("log_file") {
        Some(Value::Bool(true)) => file(
            draft,
            "pm_log_path",
            None,
            &logs.join(format!("{file_name}.log")),
        )?,
        Some(Value::String(path)) => file(draft, "pm_log_path", Some(&path), &logs)?,
        _ => {}
    }
    let out = draft.take_text("out_file");
    file(
        draft,
        "pm_out_log_path",
        out.as_deref(),
        &logs.join(format!("{file_name}-out.log")),
    )?;
    let error = draft.take_text("error_file");
    file(
        draft,
        "pm_err_log_path",
        error.as_deref(),
        &logs.join(format!("{file_name}-error.log")),
    )?;
    let pid = draft.take_text("pid_file");
    file(
        draft,
        "pm_pid_path",
        pid.as_deref(),
        &pids.join(format!("{file_name}.pid")),
    )
}

fn file(
    draft: &mut Draft<'_>,
    key: &str,
    stated: Option<&str>,
    default: &Path,
) -> Result<(), Failure> {
    let path = match stated {
        None | Some("") => default.to_path_buf(),
        Some("NULL" | NOWHERE) => {
            draft.put(key, NOWHERE);
            return Ok(());
        }
        Some(stated) => draft.absolute(stated),
    };
    if let Some(folder) = path.parent() {
        make(draft, folder)?;
    }
    draft.put(key, json!(text(&path)));
    Ok(())
}

/// Makes a folder and notes that for the user, unless the folder belongs to the home.
fn make(draft: &mut Draft<'_>, folder: &Path) -> Result<(), Failure> {
    if folder.is_dir() {
        return Ok(());
    }
    let own = folder.starts_with(&draft.context.paths.home);
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(if own { 0o700 } else { 0o777 });
    builder.create(folder).map_err(|error| {
        Failure::new(format!(
            "Could not create folder: {}: {error}",
            folder.display()
        ))
    })?;
    if !own {
        draft
            .warnings
            .push(format!("Folder does not exist: {}", folder.display()));
        draft
            .warnings
            .push(format!("Creating folder: {}", folder.display()));
    }
    Ok(())
}

/// A name as part of a file name, with the characters that PM2 allows.
pub(super) fn sanitised(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '\\');
    name.chars()
        .map(|c| if fits(c) { c } else { '-' })
        .collect()
}
