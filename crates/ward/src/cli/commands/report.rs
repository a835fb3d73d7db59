//! `report`: prints the data for a bug report.

use std::io;

use serde_json::{Value, json};
use ward_home::file;
use ward_wire::text::printable;

use super::logs::last_lines;
use crate::cli::args::Invocation;
use crate::cli::out::color::Paint;
use crate::cli::out::list::{self, ListOptions};
use crate::cli::out::{human, record, screen};
use crate::exit::Failure;

/// The number of lines of the daemon's log in the report.
const LOG_LINES: usize = 20;

/// Prints versions, machine, list and the end of the daemon's log as Markdown.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let records = client.records()?;
    let status = client.call("ward:status", &[json!({})]).unwrap_or_default();
    let version = client.call("getVersion", &[json!({})]).unwrap_or_default();
    let options = ListOptions {
        paint: Paint::PLAIN,
        terminal: None,
        sort: None,
        now_ms: screen::now_ms(),
    };
    let list = list::render(&records, None, &screen::users(), &options);
    let log = daemon_log(invocation);
    let facts = [
        ("ward", env!("CARGO_PKG_VERSION").to_owned()),
        ("called as", invocation.program.clone()),
        ("daemon", field(&status, "version")),
        ("daemon speaks PM2", record::to_text(&version)),
        ("daemon pid", field(&status, "pid")),
        ("daemon uptime", uptime(&status)),
        ("daemon memory", memory(&status)),
        ("home", invocation.paths.home.display().to_string()),
        (
            "system",
            format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        ),
        ("kernel", kernel()),
        (
            "cpus",
            std::thread::available_parallelism()
                .map_or(0, usize::from)
                .to_string(),
        ),
    ];
    let facts: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("- {name}: {}\n", printable(value)))
        .collect();
    let facts = facts.concat();
    invocation.console.line(format!(
        "## ward report\n\n{facts}\n### List\n\n```\n{list}```\n\n\
         ### Last {LOG_LINES} lines of the daemon's log\n\n```\n{log}```"
    ));
    Ok(())
}

fn field(status: &Value, key: &str) -> String {
    status
        .get(key)
        .map_or_else(|| "unknown".to_owned(), record::to_text)
}

fn uptime(status: &Value) -> String {
    let elapsed = status.get("uptime_ms").and_then(Value::as_i64);
    elapsed.map_or_else(|| "unknown".to_owned(), human::uptime)
}

fn memory(status: &Value) -> String {
    let bytes = status.get("memory_bytes").and_then(Value::as_u64);
    bytes.map_or_else(|| "unknown".to_owned(), human::bytes)
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn daemon_log(invocation: &Invocation) -> String {
    let lines = file::open(&invocation.paths.daemon_log)
        .map_err(io::Error::from)
        .and_then(|file| last_lines(&file, LOG_LINES))
        .unwrap_or_default();
    lines
        .iter()
        .map(|line| printable(&String::from_utf8_lossy(line)).into_owned() + "\n")
        .collect()
}
