//! The table of `list`, in three sizes by the width of the terminal, and the block of modules.

use serde_json::{Map, Value};

use super::cells::{cpu, memory, mode, pid, status, user, watching};
use super::color::{Paint, Style};
use super::record::Record;
use super::table::{Cell, Table};
use super::users::Users;
use super::{host, width};

/// The options of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListOptions<'a> {
    pub(crate) paint: Paint,
    /// Columns of the terminal; absent when the output is not one, which gets the full table.
    pub(crate) terminal: Option<usize>,
    /// `field[:asc|desc]`, as typed.
    pub(crate) sort: Option<&'a str>,
    /// Wall clock, for uptimes.
    pub(crate) now_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Full,
    Condensed,
    Mini,
}

type Columns = Vec<(&'static str, usize)>;

/// The whole output: apps, modules, host metrics.
pub(crate) fn render(
    records: &[Value],
    metrics: Option<&Map<String, Value>>,
    users: &Users,
    options: &ListOptions<'_>,
) -> String {
    let mut all: Vec<Record<'_>> = records.iter().map(Record::new).collect();
    sort(&mut all, options.sort);
    // One width of names for both tables, as PM2 has it.
    let size = choose(&all, options.terminal);
    let widths = columns(&all, size);
    let (modules, apps): (Vec<_>, Vec<_>) = all.into_iter().partition(|record| record.is_module());
    let mut table = Table::with_columns(&widths);
    for &app in &apps {
        table.push(row(app, size, users, options.now_ms));
    }
    let mut out = table.render(options.paint);
    out.push_str(&module_block(&modules, size, widths, users, options));
    if let Some(line) = metrics.and_then(|map| host::line(map, size == Size::Full, options.paint)) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn choose(apps: &[Record<'_>], terminal: Option<usize>) -> Size {
    let fits = |size| terminal.is_none_or(|have| Table::total_width(&columns(apps, size)) <= have);
    if fits(Size::Full) {
        Size::Full
    } else if fits(Size::Condensed) {
        Size::Condensed
    } else {
        Size::Mini
    }
}

fn columns(apps: &[Record<'_>], size: Size) -> Columns {
    let id = id_width(apps);
    // PM2 cuts "waiting restart" to nine columns; ward shows the whole status.
    let status = apps
        .iter()
        .map(|app| width::of(app.status()) + 2)
        .max()
        .unwrap_or(0)
        .max(11);
    match size {
        Size::Full => vec![
            ("id", id),
            ("name", name_width(apps, 40)),
            ("namespace", 13),
            ("version", 9),
            ("mode", 9),
            ("pid", 10),
            ("uptime", 8),
            ("↺", 6),
            ("status", status),
            ("cpu", 10),
            ("mem", 10),
            ("user", 10),
            ("watching", 10),
        ],
        Size::Condensed => vec![
            ("id", id),
            ("name", name_width(apps, 20)),
            ("mode", 10),
            ("↺", 6),
            ("status", status),
            ("cpu", 10),
            ("memory", 10),
        ],
        Size::Mini => vec![
            ("id", id),
            ("name", name_width(apps, 16)),
            ("status", status),
            ("cpu", 8),
            ("mem", 10),
        ],
    }
}

fn id_width(records: &[Record<'_>]) -> usize {
    let digits = |record: &Record<'_>| record.id().to_string().len() + 2;
    records.iter().map(digits).max().unwrap_or(0).max(4)
}

fn name_width(records: &[Record<'_>], limit: usize) -> usize {
    let longest = records
        .iter()
        .map(|record| width::of(record.name()) + mark(*record).map_or(0, |(mark, _)| mark.len()));
    (longest.max().unwrap_or(6) + 5).min(limit)
}

/// The marks before a name: traced, monitored.
fn mark(record: Record<'_>) -> Option<(&'static str, &'static [Style])> {
    if record.flag("trace") {
        Some(("[T] ", &[Style::Green]))
    } else if record.flag("_km_monitored") {
        Some(("[M] ", &[Style::Green, Style::Bold]))
    } else {
        None
    }
}

fn row(app: Record<'_>, size: Size, users: &Users, now_ms: i64) -> Vec<Cell> {
    let id = Cell::plain(app.id().to_string());
    let (mark, styles) = mark(app).unwrap_or_default();
    let name = Cell::plain(app.name()).marked(mark, styles);
    let restarts = Cell::plain(app.shown("restart_time").unwrap_or_else(|| "0".to_owned()));
    match size {
        Size::Full => vec![
            id,
            name,
            Cell::plain(app.namespace()),
            Cell::plain(app.version()),
            mode(app),
            pid(app),
            Cell::plain(app.uptime(now_ms)),
            restarts,
            status(app),
            cpu(app),
            memory(app),
            user(app, users),
            watching(app),
        ],
        Size::Condensed => vec![
            id,
            name,
            mode(app),
            restarts,
            status(app),
            cpu(app),
            memory(app),
        ],
        Size::Mini => vec![id, name, status(app), cpu(app), memory(app)],
    }
}

fn module_block(
    modules: &[Record<'_>],
    size: Size,
    widths: Columns,
    users: &Users,
    options: &ListOptions<'_>,
) -> String {
    if modules.is_empty() {
        return String::new();
    }
    let (id, name) = (widths[0], widths[1]);
    let columns = match size {
        Size::Full => vec![
            id,
            ("module", 30),
            ("version", 15),
            ("pid", 10),
            ("status", 10),
            ("↺", 6),
            ("cpu", 10),
            ("mem", 10),
            ("user", 10),
        ],
        Size::Condensed => vec![id, name, ("status", 10), ("cpu", 10), ("mem", 10)],
        Size::Mini => widths,
    };
    let mut table = Table::with_columns(&columns);
    for &module in modules {
        let mut cells = row(module, Size::Mini, users, options.now_ms);
        if size == Size::Full {
            let restarts = module
                .shown("restart_time")
                .unwrap_or_else(|| "0".to_owned());
            cells.insert(2, Cell::plain(module.version()));
            cells.insert(3, pid(module));
            cells.insert(5, Cell::plain(restarts));
            cells.push(user(module, users));
        }
        table.push(cells);
    }
    let title = if modules.len() == 1 {
        "Module"
    } else {
        "Modules"
    };
    let title = options.paint.apply(title, &[Style::Bold]);
    format!("{title}\n{}", table.render(options.paint))
}

/// Sorts by `field[:asc|desc]`; anything unknown means by name.
fn sort(records: &mut [Record<'_>], by: Option<&str>) {
    let by = by.unwrap_or("name");
    let (field, order) = by.split_once(':').unwrap_or((by, "asc"));
    let field = field.to_lowercase();
    let known = [
        "name",
        "namespace",
        "pid",
        "id",
        "cpu",
        "memory",
        "uptime",
        "status",
    ];
    let descending = order == "desc" && known.contains(&field.as_str());
    // Turned around before and after, so that equals keep the daemon's order either way.
    if descending {
        records.reverse();
    }
    match field.as_str() {
        "namespace" => records.sort_by_key(|record| record.namespace()),
        "pid" => records.sort_by_key(|record| record.pid().unwrap_or(0)),
        "id" => records.sort_by_key(|record| record.id()),
        "cpu" => records.sort_by(|a, b| a.cpu().total_cmp(&b.cpu())),
        "memory" => records.sort_by_key(|record| record.memory()),
        "uptime" => records.sort_by_key(|record| record.integer("pm_uptime").unwrap_or(0)),
        "status" => records.sort_by_key(|record| record.status()),
        _ => records.sort_by_cached_key(|record| record.name()),
    }
    if descending {
        records.reverse();
    }
}

#[cfg(test)]
mod tests;
