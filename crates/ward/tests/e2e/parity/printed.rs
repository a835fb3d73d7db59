//! What apps have printed, in log files. Each life prints a line to both streams before it tells of itself; the daemon
//! may write them later.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::normal::Normal;
use super::told::walk;
use crate::harness::{Changes, DEADLINE, Ward, when_changed};

/// How often the lines of the apps stand in each log file.
pub(super) type Counts = HashMap<(String, &'static str), usize>;

const STREAMS: [(&str, &str); 2] = [
    ("pm_out_log_path", "out of "),
    ("pm_err_log_path", "err of "),
];

/// Waits until what the new apps have printed stands in their log files; returns how much is there.
pub(super) fn await_all(records: &[Value], new: &[Value], before: &Counts) -> Counts {
    let mut wanted = count(records, |_, _| 0);
    for record in new.iter().filter(|record| is_logged(record)) {
        for (key, line) in STREAMS {
            let file = (path(record, key), line);
            let more = before.get(&file).copied().unwrap_or(0).max(wanted[&file]) + 1;
            wanted.insert(file, more);
        }
    }
    let files = wanted.keys().map(|(file, _)| Path::new(file));
    let files: Vec<&Path> = files.filter(|file| file.is_absolute()).collect();
    let look = || count(records, lines);
    when_changed("output of new apps", &files, look, |now| {
        let is_late = |(file, wanted): (&(String, &str), &usize)| {
            now[file] < *wanted && Path::new(&file.0).is_file()
        };
        !wanted.iter().any(is_late)
    })
}

/// Log files that have not changed for so long are finished.
const QUIET: Duration = Duration::from_millis(50);

/// All log files of the home and of a case, when they do not change any more. A life that ended before it told of itself
/// may have printed much or nothing, and PM2 does not say when it has read the last of it.
pub(super) fn logs(home: &Ward, folder: &Path, normal: &Normal) -> BTreeMap<String, String> {
    let roots = [home.home().join("logs"), folder.to_owned()];
    let read = || {
        let mut logs = BTreeMap::new();
        for root in &roots {
            walk(root, &mut |path| {
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
    let changes = Changes::new();
    let until = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < until, "log files that never rest");
        for root in &roots {
            changes.watch_below(root);
        }
        if !changes.wait(Instant::now() + QUIET) {
            break;
        }
    }
    let mut logs = BTreeMap::new();
    for (name, text) in read() {
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
