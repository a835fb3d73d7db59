//! The first output of `logs`: the ends of the log files, one block per file, the most recently
//! written file last.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use ward_home::file::{self, FileError};
use ward_wire::text::printable;

use super::filter::{DAEMON, Filter};
use super::tail::last_lines;
use super::{LogOptions, Output, Source};
use crate::cli::out::color::{Paint, Style};
use crate::cli::out::record::Record;
use crate::cli::out::width;

/// A file whose end is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    path: PathBuf,
    /// The label of the lines, `<id>|<name>`.
    label: String,
    source: Source,
}

/// The files of all matching apps, each path once, the daemon's first.
pub(crate) fn files(
    records: &[Value],
    filter: &Filter,
    options: &LogOptions,
    daemon_log: &Path,
) -> Vec<LogFile> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for record in records.iter().map(Record::new) {
        if !filter.matches_record(record) {
            continue;
        }
        let label = format!("{}|{}", record.id(), printable(record.name()));
        for (key, source) in [
            ("pm_out_log_path", Source::Out),
            ("pm_err_log_path", Source::Err),
        ] {
            let path = record.text(key).filter(|path| is_file_path(path));
            let Some(path) = path.filter(|_| options.wants(source)) else {
                continue;
            };
            if seen.insert(path.to_owned()) {
                files.push(LogFile {
                    path: PathBuf::from(path),
                    label: label.clone(),
                    source,
                });
            }
        }
    }
    files.sort_by_key(|file| modified(&file.path));
    if filter.includes_daemon() && options.wants(Source::Daemon) && !options.raw {
        files.insert(
            0,
            LogFile {
                path: daemon_log.to_owned(),
                label: DAEMON.to_owned(),
                source: Source::Daemon,
            },
        );
    }
    files
}

fn is_file_path(path: &str) -> bool {
    !matches!(path, "" | "/dev/null" | "NULL")
}

fn modified(path: &Path) -> SystemTime {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The first line of the output.
pub(crate) fn announcement(word: Option<&str>, lines: usize, paint: Paint) -> String {
    let word = word.unwrap_or("all");
    let noun = if word == "all" {
        "processes"
    } else {
        "process"
    };
    let text = format!(
        "[TAILING] Tailing last {lines} lines for [{}] {noun} \
         (change the value with --lines option)",
        printable(word)
    );
    format!("{}\n", paint.apply(&text, &[Style::Bold, Style::Grey]))
}

/// The end of one file as a block; nothing for a missing file, because the app has not written yet.
pub(crate) fn block(file: &LogFile, options: &LogOptions) -> Output {
    let mut output = Output::default();
    let lines = match read(&file.path, options.lines) {
        Ok(Some(lines)) => lines,
        Ok(None) => return output,
        Err(error) => {
            let path = file.path.display().to_string();
            let text = format!("cannot read {}: {error}\n", printable(&path));
            output.err.extend_from_slice(text.as_bytes());
            return output;
        }
    };
    let path = file.path.display().to_string();
    let header = format!("{} last {} lines:", printable(&path), options.lines);
    let header = options.paint.apply(&header, &[Style::Grey]);
    output.out.extend_from_slice(header.as_bytes());
    output.out.push(b'\n');
    let prefix = prefix(file, options);
    for line in &lines {
        let target = if options.raw && file.source == Source::Err {
            &mut output.err
        } else {
            &mut output.out
        };
        target.extend_from_slice(prefix.as_bytes());
        match file.source {
            // Lines of the daemon quote apps; lines of apps are their own.
            Source::Daemon => {
                let line = String::from_utf8_lossy(line);
                target.extend_from_slice(printable(&line).as_bytes());
            }
            _ => target.extend_from_slice(line),
        }
        target.push(b'\n');
    }
    if !lines.is_empty() {
        output.out.push(b'\n');
    }
    output
}

/// Nothing for what is not there yet, and for pipes and devices: they have no end to read, and
/// opening them could wait for ever.
fn read(path: &Path, count: usize) -> io::Result<Option<Vec<Vec<u8>>>> {
    match file::open(path) {
        Ok(file) => last_lines(&file, count).map(Some),
        Err(FileError::NotRegular(_)) => Ok(None),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Ten columns, cut or filled, and a bar.
fn prefix(file: &LogFile, options: &LogOptions) -> String {
    if options.raw {
        return String::new();
    }
    let mut label = String::new();
    let mut used = 0;
    for character in file.label.chars() {
        let columns = width::of_char(character);
        if used + columns > 10 {
            break;
        }
        label.push(character);
        used += columns;
    }
    label.push_str(&" ".repeat(10 - used));
    label.push_str(" | ");
    options.paint.apply(&label, &[file.source.color()])
}

#[cfg(test)]
mod tests;
