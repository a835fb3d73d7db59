//! What apps have printed, in log files. Each life prints a line to both streams before it tells of itself; the daemon
//! may write them later.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::normal::Normal;
use super::told::walk;
use crate::harness::{DEADLINE, Ward};

/// How often the lines of the apps stand in each log file.
pub(super) type Counts = HashMap<(String, &'static str), usize>;

const STREAMS: [(&str, &str); 2] = [
    ("pm_out_log_path", "out of "),
    ("pm_err_log_path", "err of "),
];

/// Waits until what the new apps have printed stands in their log files; returns how much is there.
pub(super) fn await_all(records: &[Value], new: &[Value], before: &Counts) -> Counts {
    let until = Instant::now() + DEADLINE;
    let mut wanted = count(records, |_, _| 0);
    for record in new.iter().filter(|record| is_logged(record)) {
        for (key, line) in STREAMS {
            let file = (path(record, key), line);
            let more = before.get(&file).copied().unwrap_or(0).max(wanted[&file]) + 1;
            wanted.insert(file, more);
        }
    }
    loop {
        let now = count(records, lines);
        let is_late = |(file, wanted): (&(String, &str), &usize)| {
            now[file] < *wanted && Path::new(&file.0).is_file()
        };
        if !wanted.iter().any(is_late) || Instant::now() > until {
            return now;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// All log files of the home and of a case, when they do not change any more: a life that ended early has told nothing.
pub(super) fn logs(home: &Ward, folder: &Path, normal: &Normal) -> BTreeMap<String, String> {
    let read = || {
        let mut logs = BTreeMap::new();
        for root in [home.home().join("logs"), folder.to_owned()] {
            walk(&root, &mut |path| {
                if path.extension().is_some_and(|it| it == "log") {
                    let bytes = fs::read(path).unwrap_or_default();
                    let name = path.strip_prefix(home.root()).unwrap_or(path);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    logs.insert(name.display().to_string(), text);
                }
            });
        }
        logs
    };
    let mut last = read();
    let mut since = Instant::now();
    while since.elapsed() < Duration::from_millis(50) {
        std::thread::park_timeout(Duration::from_millis(10));
        let now = read();
        if now != last {
            last = now;
            since = Instant::now();
        }
    }
    let mut logs = BTreeMap::new();
    for (name, text) in last {
        let log: &mut String = logs.entry(normal.text(&name)).or_default();
        *log += &(normal.text(&text) + "\n");
    }
    logs
}

fn is_logged(record: &Value) -> bool {
    record["pm2_env"]["disable_logs"] != true && record["pm2_env"]["status"] == "online"
}

fn path(record: &Value, key: &str) -> String {
    record["pm2_env"][key]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn count(records: &[Value], how: impl Fn(&str, &str) -> usize) -> Counts {
    let mut counts = Counts::new();
    for record in records {
        for (key, line) in STREAMS {
            let path = path(record, key);
            counts.insert((path.clone(), line), how(&path, line));
        }
    }
    counts
}

fn lines(path: &str, line: &str) -> usize {
    let text = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&text).matches(line).count()
}
