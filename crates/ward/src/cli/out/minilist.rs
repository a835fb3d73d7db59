//! `list --mini-list`: one block of lines per app, in the daemon's order.

use serde_json::Value;
use ward_wire::text::printable;

use super::human;
use super::record::Record;

/// All blocks; nothing for an empty list.
pub(crate) fn render(records: &[Value], now_ms: i64) -> String {
    records
        .iter()
        .map(|value| block(Record::new(value), now_ms))
        .collect()
}

fn block(app: Record<'_>, now_ms: i64) -> String {
    let path = |key: &str| app.text(key).unwrap_or("N/A").to_owned();
    let rows = [
        ("namespace", app.namespace().to_owned()),
        ("version", app.version().to_owned()),
        (
            "pid",
            app.pid()
                .map_or_else(|| "N/A".to_owned(), |pid| pid.to_string()),
        ),
        ("pm2 id", app.id().to_string()),
        ("status", app.status().to_owned()),
        ("mode", app.mode().to_owned()),
        (
            "restarted",
            app.shown("restart_time").unwrap_or_else(|| "0".to_owned()),
        ),
        ("uptime", app.uptime(now_ms)),
        // PM2 prints a space after the size.
        ("memory usage", format!("{} ", human::bytes(app.memory()))),
        ("error log", path("pm_err_log_path")),
        (
            "watching",
            if app.is_watching() { "yes" } else { "no" }.to_owned(),
        ),
        ("PID file", path("pm_pid_path")),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(label, value)| format!("{label} : {}\n", printable(value)))
        .collect();
    format!("+--- {}\n{}\n", printable(app.name()), lines.concat())
}
