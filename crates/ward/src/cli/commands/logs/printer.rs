//! Prints the log events of the daemon as lines: text with a prefix, raw, JSON, or `key=value`.

use serde_json::{Map, Value, json};
use ward_core::date::{DateFormat, iso};
use ward_wire::text::printable;

use super::filter::{DAEMON, Filter};
use super::{Form, LogOptions, Output, Source};
use crate::cli::out::color::Style;
use crate::cli::out::{json, record, width};

/// The format of the time in `--format`.
const FORMAT_TIME: &str = "YYYY-MM-DD-HH:mm:ssZZ";

/// Turns events into output. Holds the width of the prefixes, which grows with the names seen.
#[derive(Debug)]
pub(crate) struct Printer {
    options: LogOptions,
    filter: Filter,
    format_time: DateFormat,
    width: usize,
}

/// The parts of a log event that are printed.
struct Event<'a> {
    id: &'a Value,
    name: &'a str,
    source: Source,
    at_ms: u64,
    data: &'a str,
}

impl Printer {
    pub(crate) fn new(options: LogOptions, filter: Filter) -> Self {
        Self {
            options,
            filter,
            format_time: DateFormat::parse(FORMAT_TIME),
            width: 3,
        }
    }

    /// Prints an event, if it is a log event that the filter selects. `now_ms` replaces a missing
    /// time.
    pub(crate) fn print(&mut self, topic: &str, payload: &Value, now_ms: u64, output: &mut Output) {
        let at_ms = payload.get("at").and_then(Value::as_u64).unwrap_or(now_ms);
        let source = match topic {
            "log:out" => Source::Out,
            "log:err" => Source::Err,
            "log:PM2" => Source::Daemon,
            "process:event" => return self.lifecycle(payload, at_ms, output),
            _ => return,
        };
        let process = payload.get("process").unwrap_or(&Value::Null);
        let name = process.get("name").and_then(Value::as_str).unwrap_or("");
        let id = process.get("pm_id").unwrap_or(&Value::Null);
        let namespace = process.get("namespace").and_then(Value::as_str);
        let wanted = match source {
            Source::Daemon => self.filter.includes_daemon(),
            _ => self.filter.matches(id.as_i64(), name, namespace),
        };
        let Some(data) = payload.get("data").and_then(Value::as_str) else {
            return;
        };
        if !wanted || !self.options.wants(source) {
            return;
        }
        let event = Event {
            id,
            name,
            source,
            at_ms,
            data,
        };
        match self.options.form {
            Form::Text => self.text(&event, output),
            Form::Json => json_lines(&event, output),
            Form::Format => self.key_values(&event, output),
        }
    }

    fn text(&mut self, event: &Event<'_>, output: &mut Output) {
        let raw = self.options.raw;
        let prefix = if raw {
            String::new()
        } else {
            self.prefix(event)
        };
        let target = if raw && event.source == Source::Err {
            &mut output.err
        } else {
            &mut output.out
        };
        for line in lines(event.data) {
            target.extend_from_slice(prefix.as_bytes());
            // Lines of the daemon quote apps; lines of apps are their own.
            let line = match event.source {
                Source::Daemon => printable(line),
                _ => line.into(),
            };
            target.extend_from_slice(self.highlighted(&line).as_bytes());
            target.push(b'\n');
        }
    }

    fn prefix(&mut self, event: &Event<'_>) -> String {
        let paint = self.options.paint;
        let label = format!("{}|{}", record::to_text(event.id), printable(event.name));
        // PM2's rule: the column grows to one more than the longest label so far.
        if width::of(&label) > self.width {
            self.width = width::of(&label) + 1;
        }
        let label = if event.source == Source::Daemon {
            DAEMON.to_owned()
        } else {
            label
        };
        let space = " ".repeat(self.width.saturating_sub(width::of(&label)));
        let label = paint.apply(&format!("{label}{space} | "), &[event.source.color()]);
        match &self.options.timestamp {
            Some(format) => {
                let time = format!("{} ", format.format(event.at_ms));
                paint.apply(&time, &[Style::Dim, Style::Grey]) + &label
            }
            None => label,
        }
    }

    fn highlighted<'a>(&self, line: &'a str) -> std::borrow::Cow<'a, str> {
        let word = self.options.highlight.as_deref();
        match word.filter(|word| !word.is_empty() && self.options.paint.on) {
            Some(word) => line
                .replacen(word, &self.options.paint.apply(word, &[Style::OnGrey]), 1)
                .into(),
            None => line.into(),
        }
    }

    fn key_values(&self, event: &Event<'_>, output: &mut Output) {
        let time = self.format_time.format(event.at_ms);
        let head = match event.source {
            Source::Daemon => format!("timestamp={time} app=pm2"),
            source => {
                let kind = if source == Source::Err {
                    "error"
                } else {
                    "out"
                };
                let (id, name) = (record::to_text(event.id), printable(event.name));
                format!("timestamp={time} app={name} id={id} type={kind}")
            }
        };
        for line in lines(event.data) {
            output
                .out
                .extend_from_slice(format!("{head} message={line}\n").as_bytes());
        }
    }

    /// Starts and exits are part of `--json` only, and not when one stream was asked for.
    fn lifecycle(&self, payload: &Value, at_ms: u64, output: &mut Output) {
        if self.options.form != Form::Json || self.options.only.is_some() {
            return;
        }
        let process = payload.get("process").unwrap_or(&Value::Null);
        let name = process.get("name").and_then(Value::as_str).unwrap_or("");
        let namespace = process.get("namespace").and_then(Value::as_str);
        let id = process.get("pm_id").and_then(Value::as_i64);
        let Some(status) = payload.get("event").and_then(Value::as_str) else {
            return;
        };
        if self.filter.matches(id, name, namespace) {
            let line = json!({"timestamp": iso(at_ms), "type": "process_event",
                "status": status, "app_name": name});
            push_json(&line, output);
        }
    }
}

/// Blank lines are dropped while streaming, as PM2 does.
fn lines(data: &str) -> impl Iterator<Item = &str> {
    data.split('\n').filter(|line| !line.is_empty())
}

/// Daemon lines have no place in the JSON stream: its consumers expect apps.
fn json_lines(event: &Event<'_>, output: &mut Output) {
    let kind = match event.source {
        Source::Out => "out",
        Source::Err => "err",
        Source::Daemon => return,
    };
    for line in lines(event.data) {
        let known = serde_json::from_str::<Map<String, Value>>(line)
            .ok()
            .filter(is_log_record);
        // The app's log type is `json`, so the line is a record already and is not wrapped again.
        let Some(mut record) = known else {
            let line = json!({"message": line, "timestamp": iso(event.at_ms), "type": kind,
                "process_id": event.id, "app_name": event.name});
            push_json(&line, output);
            continue;
        };
        let text = record.insert("message".to_owned(), Value::Null);
        for message in lines(text.as_ref().and_then(Value::as_str).unwrap_or("")) {
            record.insert("message".to_owned(), json!(message));
            push_json(&Value::Object(record.clone()), output);
        }
    }
}

fn is_log_record(record: &Map<String, Value>) -> bool {
    record.get("message").is_some_and(Value::is_string)
        && ["timestamp", "type", "process_id", "app_name"]
            .iter()
            .all(|key| record.contains_key(*key))
}

fn push_json(value: &Value, output: &mut Output) {
    output
        .out
        .extend_from_slice(json::to_terminal(value).as_bytes());
    output.out.push(b'\n');
}

#[cfg(test)]
mod tests;
