//! What differs from run to run, whoever runs it: paths of the scratch folder, pids, times, ids, memory.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::harness::Ward;

/// Columns of a list that never say the same twice.
const VARYING_COLUMNS: [&str; 4] = ["pid", "uptime", "cpu", "mem"];

static UUID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
static DATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?[+-]\d\d:\d\d|Z)?"));
static MILLISECONDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b1[789]\d{11}\b"));
static IN_FILE: LazyLock<Regex> = LazyLock::new(|| pattern(r"-(\d+)(\.log|\.pid|\.txt)"));
static ANSI: LazyLock<Regex> = LazyLock::new(|| pattern(r"\x1b\[[0-9;]*m"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// Replaces what varies by its kind.
pub(super) struct Normal {
    root: String,
    pids: HashSet<String>,
    ids_vary: bool,
}

impl Normal {
    pub(super) fn new(home: &Ward, records: &[Value], ids_vary: bool) -> Self {
        let mut normal = Self {
            root: home.root().display().to_string(),
            pids: HashSet::new(),
            ids_vary,
        };
        normal.know_pids(records.iter().filter_map(|record| record["pid"].as_u64()));
        let daemon = std::fs::read_to_string(home.home().join("pm2.pid")).unwrap_or_default();
        normal.know_pids(daemon.trim().parse().ok().into_iter());
        normal
    }

    /// These numbers are pids where they stand in a text.
    pub(super) fn know_pids(&mut self, pids: impl Iterator<Item = u64>) {
        self.pids
            .extend(pids.filter(|pid| *pid > 0).map(|pid| pid.to_string()));
    }

    /// A record of the list.
    pub(super) fn record(&self, record: &Value) -> Value {
        let mut record = self.value(record);
        for key in ["pid"] {
            if record[key].as_u64().is_some_and(|it| it > 0) {
                record[key] = "<pid>".into();
            }
        }
        for key in ["memory", "cpu"] {
            let number = &mut record["monit"][key];
            *number = if number.is_number() {
                "<number>"
            } else {
                "none"
            }
            .into();
        }
        record
    }

    /// A value, with all that is in it.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.line(text).into(),
            Value::Number(number) if MILLISECONDS.is_match(&number.to_string()) => "<ms>".into(),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| {
                    let is_id = self.ids_vary && key == "pm_id";
                    (key, if is_id { &Value::Null } else { value })
                });
                fields
                    .map(|(key, value)| (key.clone(), self.value(value)))
                    .collect()
            }
            other => other.clone(),
        }
    }

    /// What was printed. Tables keep their cells and lose their frames, whose width depends on the cells.
    pub(super) fn text(&self, text: &str) -> String {
        let mut head: Vec<String> = Vec::new();
        let mut lines = Vec::new();
        for line in ANSI.replace_all(text, "").lines() {
            // There when the daemon has looked at the host before, which is a matter of time.
            if line.starts_with("host metrics") {
                continue;
            }
            if line.starts_with(['┌', '├', '└']) {
                if line.starts_with('┌') {
                    head.clear();
                }
                continue;
            }
            if !line.starts_with('│') {
                lines.push(self.pids_in(&self.line(line)));
                continue;
            }
            let cells = line.trim_matches('│').split('│');
            let mut cells: Vec<String> = cells.map(|cell| self.line(cell.trim())).collect();
            if cells.len() == 2 && VARYING_COLUMNS.contains(&cells[0].as_str()) {
                cells[1] = format!("<{}>", cells[0]);
            }
            if cells.first().is_some_and(|cell| cell == "id") {
                head.clone_from(&cells);
            }
            for (cell, name) in cells.iter_mut().zip(&head) {
                let varies = VARYING_COLUMNS.contains(&name.as_str());
                if (varies || self.ids_vary && name == "id") && cell != name {
                    *cell = format!("<{name}>");
                }
            }
            lines.push(cells.join(" | "));
        }
        if self.ids_vary {
            lines.sort();
        }
        lines.join("\n")
    }

    fn line(&self, text: &str) -> String {
        let text = text.replace(&self.root, "<root>");
        let text = UUID.replace_all(&text, "<uuid>");
        let text = DATE.replace_all(&text, "<date>");
        let text = MILLISECONDS.replace_all(&text, "<ms>");
        if self.ids_vary {
            return IN_FILE.replace_all(&text, "-<id>$2").into_owned();
        }
        text.into_owned()
    }

    fn pids_in(&self, text: &str) -> String {
        static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d+\b"));
        let shown = |found: &regex::Captures<'_>| {
            let number = &found[0];
            if self.pids.contains(number) {
                "<pid>".to_owned()
            } else {
                number.to_owned()
            }
        };
        NUMBER.replace_all(text, shown).into_owned()
    }
}
