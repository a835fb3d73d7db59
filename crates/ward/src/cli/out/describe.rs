//! `describe`: everything about one app, in titled blocks.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::color::{Paint, Style};
use super::list;
use super::record::{Record, to_text};
use super::table::{Cell, Table};
use super::width;

/// How to describe.
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
        app.name()
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
    rows.cell("status", list::status(app));
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
    if app.get("failure").is_some() {
        rows.add("failure", app.shown("failure"));
    }
    rows.0
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
    match app.get(key)? {
        Value::Array(items) => Some(items.iter().map(to_text).collect::<Vec<_>>().join(" ")),
        other => Some(to_text(other)),
    }
}

fn node_env(app: Record<'_>) -> Option<String> {
    let given = app.get("env").and_then(|env| env.get("NODE_ENV"));
    given.map(to_text).or_else(|| app.shown("NODE_ENV"))
}

/// ISO 8601 with milliseconds, as JavaScript's `toISOString`.
fn iso(wall_ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(wall_ms).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

type Pairs = Vec<(String, String)>;

/// A titled table of two columns; nothing at all when there are no rows.
fn pairs(title: &str, pairs: Pairs, paint: Paint) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let rows = pairs
        .into_iter()
        .map(|(label, value)| vec![Cell::plain(label), Cell::plain(value)])
        .collect();
    let table = Table::fitted(rows).render(paint);
    format!("{}\n{table}", heading(title, paint))
}

fn heading(title: &str, paint: Paint) -> String {
    paint.apply(title, &[Style::Inverse, Style::Bold])
}

fn remark(text: &str, paint: Paint) -> String {
    format!("{}\n", paint.apply(text, &[Style::White, Style::Italic]))
}

fn options_field<'a>(app: Record<'a>, key: &str) -> Option<&'a Value> {
    app.get("axm_options")?.get(key)
}

fn human_info(app: Record<'_>, paint: Paint) -> String {
    let entry = |item: &Value| {
        let pair = item.as_array()?;
        Some((to_text(pair.first()?), to_text(pair.get(1)?)))
    };
    let infos = options_field(app, "human_info")
        .and_then(Value::as_array)
        .map(|items| items.iter().filter_map(entry).collect())
        .unwrap_or_default();
    pairs(&format!(" Module {} infos ", app.name()), infos, paint)
}

fn all(map: Option<&Map<String, Value>>) -> Pairs {
    map.into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), to_text(value)))
        .collect()
}

fn module_conf(app: Record<'_>) -> Pairs {
    all(options_field(app, "module_conf").and_then(Value::as_object))
}

fn revision(app: Record<'_>) -> Pairs {
    let Some(versioning) = app.get("versioning").and_then(Value::as_object) else {
        return Pairs::new();
    };
    let field = |key: &str| {
        let value = versioning.get(key).filter(|value| !value.is_null());
        value.map_or_else(|| "N/A".to_owned(), to_text)
    };
    let comment: String = field("comment").trim_end().chars().take(60).collect();
    [
        ("revision control", field("type")),
        ("remote url", field("url")),
        ("repository root", field("repo_path")),
        ("last update", field("update_time")),
        ("revision", field("revision")),
        ("comment", comment),
        ("branch", field("branch")),
    ]
    .into_iter()
    .map(|(label, value)| (label.to_owned(), value))
    .collect()
}

fn actions(app: Record<'_>, options: &DescribeOptions<'_>) -> String {
    let names: Vec<Vec<Cell>> = app
        .get("axm_actions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|action| action.get("action_name")?.as_str())
        .map(|name| vec![Cell::plain(name)])
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let how = format!(
        " Trigger via: {} trigger {} <action_name>",
        options.program,
        app.name()
    );
    format!(
        "{}\n{}{}\n",
        heading(" Actions available ", options.paint),
        Table::fitted(names).render(options.paint),
        remark(&how, options.paint)
    )
}

fn code_metrics(app: Record<'_>) -> Pairs {
    let metric = |(name, value): (&String, &Value)| {
        let shown = to_text(value.get("value")?);
        let unit = value.get("unit").and_then(Value::as_str).unwrap_or("");
        Some((
            name.clone(),
            format!("{shown} {unit}").trim_end().to_owned(),
        ))
    };
    app.get("axm_monitor")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(metric)
        .collect()
}

/// Variables that both the app and the caller have, with different values.
fn divergent(app: Record<'_>, options: &DescribeOptions<'_>) -> String {
    let room = options
        .terminal
        .unwrap_or(NO_TERMINAL)
        .saturating_sub(60)
        .max(20);
    let differs = |(key, value): (&String, &Value)| {
        let theirs = to_text(value);
        let (_, ours) = options.local.iter().find(|(name, _)| name == key)?;
        (*ours != theirs).then(|| (key.clone(), width::cut(&theirs, room)))
    };
    let rows: Pairs = app
        .get("env")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(differs)
        .collect();
    let title = " Divergent env variables from local env ";
    if rows.is_empty() {
        return format!("{}\n\n\n", heading(title, options.paint));
    }
    format!("{}\n", pairs(title, rows, options.paint))
}

fn hints(app: Record<'_>, options: &DescribeOptions<'_>) -> String {
    let (program, name) = (options.program, app.name());
    [
        format!(" Logs: {program} logs {name} [--lines 1000]"),
        format!(" Environment: {program} env {}", app.id()),
        format!(" CPU and memory, live: {program} monit"),
    ]
    .iter()
    .map(|line| remark(line, options.paint))
    .collect()
}

#[cfg(test)]
mod tests;
