//! `flush [name|id]`: empties log files.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use serde_json::{Value, json};

use crate::cli::args::Invocation;
use crate::cli::client::CallError;
use crate::cli::out::record::Record;
use crate::exit::Failure;

const LOG_KEYS: [&str; 3] = ["pm_log_path", "pm_out_log_path", "pm_err_log_path"];

/// Empties the logs of the matching apps, or those of all apps and the daemon. A target without a
/// match is no failure.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let console = &invocation.console;
    let wanted = invocation.target();
    let mut client = super::connect(invocation)?;
    let records = client.records()?;
    let matching: Vec<Record<'_>> = records
        .iter()
        .map(Record::new)
        .filter(|record| {
            wanted.is_none_or(|word| record.name() == word || record.id().to_string() == word)
        })
        .collect();
    let ids = wanted.map(|_| {
        matching
            .iter()
            .map(|record| record.id())
            .collect::<Vec<_>>()
    });
    let by_daemon = client.call("ward:flush", &[json!({ "ids": ids })]);
    // PM2's daemon does not know the method, so the command empties the files itself.
    let by_hand = match by_daemon {
        Ok(_) => false,
        Err(CallError::Refused(_) | CallError::Foreign) => true,
        Err(error) => return Err(error.into()),
    };
    let mut paths: Vec<&Path> = Vec::new();
    if wanted.is_none() {
        console.say(format!(
            "Flushing {}",
            invocation.paths.daemon_log.display()
        ));
        paths.push(&invocation.paths.daemon_log);
    }
    for record in matching {
        console.say("Flushing:");
        for path in LOG_KEYS.iter().filter_map(|key| path_of(record, key)) {
            console.say(path);
            paths.push(Path::new(path));
        }
    }
    if by_hand {
        for path in paths {
            empty(path)?;
        }
    }
    console.say("Logs flushed");
    Ok(())
}

fn path_of<'a>(record: Record<'a>, key: &str) -> Option<&'a str> {
    record
        .get(key)
        .and_then(Value::as_str)
        .filter(|path| !matches!(*path, "" | "/dev/null" | "NULL"))
}

/// Empties a file. Its writers append, so they go on at its new end. A missing file is no failure.
fn empty(path: &Path) -> Result<(), Failure> {
    let mut options = File::options();
    // Nobody may read a pipe that stands in its place.
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    match options.write(true).truncate(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::new(format!(
            "cannot empty {}: {error}",
            path.display()
        ))),
    }
}
