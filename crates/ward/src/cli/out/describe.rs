//! `describe`: renders everything about one app, in titled blocks.

mod blocks;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::Value;
use ward_wire::text::printable;

use self::blocks::{
    actions, code_metrics, divergent, hints, human_info, module_conf, pairs, revision,
};
use super::cells;
use super::color::{Paint, Style};
use super::record::{Record, to_text};
use super::table::{Cell, Table};

/// The options of a description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DescribeOptions<'a> {
    pub(crate) paint: Paint,
    /// Columns of the terminal, if the output is one.
    pub(crate) terminal: Option<usize>,
    /// Wall clock, for uptimes.
    pub(crate) now_ms: i64,
    /// The name the program was called by, for the hints.
    pub(crate) program: &'a str,
    /// The environment of the caller, to compare with.
    pub(crate) local: &'a [(String, String)],
}

/// The width assumed when the output is not a terminal, as for the list.
const NO_TERMINAL: usize = 300;

/// All blocks of one record.
pub(crate) fn render(value: &Value, options: &DescribeOptions<'_>) -> String {
    let app = Record::new(value);
    let paint = options.paint;
    let mut out = human_info(app, paint);
    let title = format!(
        " Describing process with id {} - name {} ",
        app.id(),
        printable(app.name())
    );
    out.push_str(&paint.apply(&title, &[Style::Bold, Style::Inverse]));
    out.push('\n');
    out.push_str(&Table::fitted(main_rows(app, options.now_ms)).render(paint));
    out.push_str(&pairs("Process configuration", module_conf(app), paint));
    out.push_str(&pairs(" Revision control metadata ", revision(app), paint));
    out.push_str(&actions(app, options));
    out.push_str(&pairs(" Code metrics value ", code_metrics(app), paint));
    out.push_str(&divergent(app, options));
    out.push_str(&hints(app, options));
    out
}

fn main_rows(app: Record<'_>, now_ms: i64) -> Vec<Vec<Cell>> {
    let mut rows = Rows::default();
    rows.cell("status", cells::status(app));
    rows.add("name", Some(app.name().to_owned()));
    rows.add("namespace", Some(app.namespace().to_owned()));
    rows.add("version", Some(app.version().to_owned()));
    rows.add(
        "restarts",
        app.shown("restart_time").or_else(|| Some("0".to_owned())),
    );
    for (label, key) in [
        ("max memory restart", "max_memory_restart"),
        ("cron restart", "cron_restart"),
    ] {
        if app.get(key).is_some() {
            rows.add(label, app.shown(key));
        }
    }
    rows.add("uptime", Some(app.uptime(now_ms)));
    if app.get("pm_log_path").is_some() {
        rows.add("entire log path", app.shown("pm_log_path"));
    }
    rows.add("script path", app.shown("pm_exec_path"));
    rows.add("script args", words(app, "args"));
    rows.add("error log path", app.shown("pm_err_log_path"));
    rows.add("out log path", app.shown("pm_out_log_path"));
    rows.add("pid path", app.shown("pm_pid_path"));
    rows.add("interpreter", app.shown("exec_interpreter"));
    rows.add("interpreter args", words(app, "node_args"));
    rows.add("script id", Some(app.id().to_string()));
    rows.add("exec cwd", app.shown("pm_cwd"));
    rows.add("exec mode", app.shown("exec_mode"));
    rows.add("node.js version", app.shown("node_version"));
    rows.add("node env", node_env(app));
    rows.cell("watch & reload", watching(app));
    rows.add(
        "unstable restarts",
        app.shown("unstable_restarts")
            .or_else(|| Some("0".to_owned())),
    );
    rows.add("created at", app.integer("created_at").and_then(iso));
    // The rest is ward's own: PM2 does not say why an app is not running.
    if app.get("exit_signal").is_some() {
        rows.add("exit signal", app.shown("exit_signal"));
    } else if app.integer("exit_code").is_some_and(|code| code != 0) {
        rows.add("exit code", app.shown("exit_code"));
    }
    if app.get("waits_for").is_some() {
        rows.add("waits for", app.shown("waits_for"));
    }
    if app.get("listens_on").is_some() {
        rows.add("listens on", joined(app, "listens_on", ", "));
    }
    if app.get("open_connections").is_some() {
        rows.add("open connections", app.shown("open_connections"));
    }
    if app.get("paused").is_some() {
        rows.add("paused", Some("gets no connections".to_owned()));
    }
    if app.get("failure").is_some() {
        rows.add("failure", app.shown("failure"));
    }
    if app.get("fork_reason").is_some() {
        rows.add("fork mode because", app.shown("fork_reason"));
    }
    if let Some(reload) = app.get("last_reload") {
        rows.add("last reload", last_reload(reload));
    }
    rows.0
}

/// The time of the last reload, and what happened to the connections of the old worker.
fn last_reload(reload: &Value) -> Option<String> {
    let at = iso(reload["at"].as_i64()?)?;
    Some(match reload.get("connections") {
        Some(counts) => format!("{at} (connections: {})", connections(counts)),
        None => at,
    })
}

/// What happened to the connections of a replaced worker.
pub(crate) fn connections(counts: &Value) -> String {
    let count = |key: &str| {
        let count = counts[key].as_u64();
        count.map_or_else(|| "?".to_owned(), |count| count.to_string())
    };
    format!(
        "{} drained, {} given to others, {} cut",
        count("drained"),
        count("redispatched"),
        count("cut")
    )
}

/// Rows of a label and a value.
#[derive(Default)]
struct Rows(Vec<Vec<Cell>>);

impl Rows {
    fn cell(&mut self, label: &str, value: Cell) {
        self.0.push(vec![Cell::plain(label), value]);
    }

    fn add(&mut self, label: &str, value: Option<String>) {
        let value = value.filter(|value| !value.is_empty());
        self.cell(
            label,
            Cell::plain(value.unwrap_or_else(|| "N/A".to_owned())),
        );
    }
}

fn watching(app: Record<'_>) -> Cell {
    if app.is_watching() {
        Cell::new("✔", &[Style::Green, Style::Bold])
    } else {
        Cell::plain("✘")
    }
}

fn words(app: Record<'_>, key: &str) -> Option<String> {
    joined(app, key, " ")
}

fn joined(app: Record<'_>, key: &str, between: &str) -> Option<String> {
    match app.get(key)? {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(to_text).collect();
            Some(items.join(between))
        }
        other => Some(to_text(other)),
    }
}

fn node_env(app: Record<'_>) -> Option<String> {
    let declared = app.get("env").and_then(|env| env.get("NODE_ENV"));
    declared.map(to_text).or_else(|| app.shown("NODE_ENV"))
}

/// ISO 8601 with milliseconds, as JavaScript's `toISOString`.
fn iso(wall_ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(wall_ms).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}
