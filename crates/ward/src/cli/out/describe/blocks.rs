//! The blocks of `describe` besides the main one.

use serde_json::{Map, Value};
use ward_wire::text::printable;

use super::{DescribeOptions, NO_TERMINAL};
use crate::cli::out::color::{Paint, Style};
use crate::cli::out::record::{Record, to_text};
use crate::cli::out::table::{Cell, Table};
use crate::cli::out::width;

type Pairs = Vec<(String, String)>;

/// A titled table of two columns; nothing at all when there are no rows.
pub(super) fn pairs(title: &str, pairs: Pairs, paint: Paint) -> String {
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
    paint.apply(&printable(title), &[Style::Inverse, Style::Bold])
}

fn remark(text: &str, paint: Paint) -> String {
    format!(
        "{}\n",
        paint.apply(&printable(text), &[Style::White, Style::Italic])
    )
}

fn options_field<'a>(app: Record<'a>, key: &str) -> Option<&'a Value> {
    app.get("axm_options")?.get(key)
}

pub(super) fn human_info(app: Record<'_>, paint: Paint) -> String {
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

pub(super) fn module_conf(app: Record<'_>) -> Pairs {
    all(options_field(app, "module_conf").and_then(Value::as_object))
}

pub(super) fn revision(app: Record<'_>) -> Pairs {
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

pub(super) fn actions(app: Record<'_>, options: &DescribeOptions<'_>) -> String {
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

pub(super) fn code_metrics(app: Record<'_>) -> Pairs {
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
pub(super) fn divergent(app: Record<'_>, options: &DescribeOptions<'_>) -> String {
    let room = options
        .terminal
        .unwrap_or(NO_TERMINAL)
        .saturating_sub(60)
        .max(20);
    let differs = |(key, value): (&String, &Value)| {
        let theirs = to_text(value);
        let (_, ours) = options.local.iter().find(|(name, _)| name == key)?;
        (*ours != theirs).then(|| (key.clone(), width::cut(&theirs, room).into_owned()))
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

pub(super) fn hints(app: Record<'_>, options: &DescribeOptions<'_>) -> String {
    let (program, name) = (options.program, app.name());
    [
        format!(" Logs: {program} logs {name} [--lines 1000]"),
        format!(" Environment: {program} env {}", app.id()),
    ]
    .iter()
    .map(|line| remark(line, options.paint))
    .collect()
}
