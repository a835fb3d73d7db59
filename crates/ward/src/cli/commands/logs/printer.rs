//! What the daemon publishes, as lines: text with a prefix, raw, JSON, or `key=value`.

use serde_json::{Map, Value, json};

use super::filter::{DAEMON, Filter};
use super::{Form, LogOptions, Output, Source};
use crate::cli::out::color::Style;
use crate::cli::out::{json as one_line, record, width};
use crate::log::date::{DateFormat, iso};

/// Format of the time in `--format`.
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

    /// Prints one event, if it is one and is wanted. `now_ms` stands in for a missing time.
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
            target.extend_from_slice(self.highlighted(line).as_bytes());
            target.push(b'\n');
        }
    }

    fn prefix(&mut self, event: &Event<'_>) -> String {
        let paint = self.options.paint;
        let label = format!("{}|{}", record::to_text(event.id), event.name);
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
                let id = record::to_text(event.id);
                format!("timestamp={time} app={} id={id} type={kind}", event.name)
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
        // The app's log type is json already: its record is passed on, not wrapped once more.
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
        .extend_from_slice(one_line::line(value).as_bytes());
    output.out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::out::color::Paint;

    const AT: u64 = 1_795_227_445_920;

    fn log(id: i64, name: &str, data: &str) -> Value {
        json!({"process": {"pm_id": id, "name": name, "namespace": "default"}, "at": AT, "data": data})
    }

    fn daemon(data: &str) -> Value {
        json!({"process": {"pm_id": "PM2", "name": "PM2", "rev": null}, "at": AT, "data": data})
    }

    fn run(options: LogOptions, filter: Filter, events: &[(&str, Value)]) -> (String, String) {
        let mut printer = Printer::new(options, filter);
        let mut output = Output::default();
        for (topic, payload) in events {
            printer.print(topic, payload, AT, &mut output);
        }
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.out), text(output.err))
    }

    #[test]
    fn prefixes_grow_as_pm2s_do() {
        let events = [
            ("log:out", log(3, "q", "out line 5\n")),
            ("log:out", log(10, "q", "out\n\nline\n")),
            ("log:err", log(3, "q", "err 5\n")),
            ("log:PM2", daemon("App [q:3] online\n")),
            ("log:out", log(5, "abcdefg", "no end")),
            ("log:out", log(4, "abc", "x\n")),
            ("log:PM2", daemon("App [abc:4] online\n")),
            (
                "process:event",
                json!({"event": "online", "process": {"name": "q"}}),
            ),
            ("other", json!(null)),
            ("log:out", json!({"data": 3})),
        ];
        let (out, err) = run(LogOptions::default(), Filter::All, &events);
        assert_eq!(err, "");
        insta::assert_snapshot!(out, @r"
        3|q | out line 5
        10|q  | out
        10|q  | line
        3|q   | err 5
        PM2      | App [q:3] online
        5|abcdefg  | no end
        4|abc      | x
        PM2        | App [abc:4] online
        ");
    }

    #[test]
    fn raw_lines_have_no_prefix_and_errors_go_aside() {
        let events = [
            ("log:out", log(0, "web", "a\nb\n")),
            ("log:err", log(0, "web", "c\n")),
            ("log:PM2", daemon("d\n")),
        ];
        let options = LogOptions {
            raw: true,
            ..LogOptions::default()
        };
        let (out, err) = run(options, Filter::All, &events);
        assert_eq!((out.as_str(), err.as_str()), ("a\nb\n", "c\n"));
    }

    #[test]
    fn one_stream_and_one_app() {
        let events = [
            ("log:out", log(0, "web", "a\n")),
            ("log:err", log(0, "web", "b\n")),
            ("log:err", log(1, "api", "c\n")),
            ("log:PM2", daemon("d\n")),
        ];
        let options = LogOptions {
            only: Some(Source::Err),
            ..LogOptions::default()
        };
        let (out, _) = run(options, Filter::Name("web".to_owned()), &events);
        assert_eq!(out, "0|web  | b\n");
        let (out, _) = run(LogOptions::default(), Filter::Daemon, &events);
        assert_eq!(out, "PM2      | d\n");
    }

    #[test]
    fn colours_time_and_highlight() {
        let options = LogOptions {
            paint: Paint { on: true },
            timestamp: Some(DateFormat::parse("[at]")),
            highlight: Some("out".to_owned()),
            ..LogOptions::default()
        };
        let (out, _) = run(
            options,
            Filter::All,
            &[("log:out", log(4, "abc", "out out\n"))],
        );
        assert_eq!(
            out,
            "\x1b[2m\x1b[90mat \x1b[39m\x1b[22m\x1b[32m4|abc  | \x1b[39m\x1b[100mout\x1b[49m out\n"
        );
    }

    #[test]
    fn json_is_one_object_per_line_and_never_encoded_twice() {
        let inner =
            r#"{"message":"a\nb\n","timestamp":"T","type":"out","process_id":1,"app_name":"js"}"#;
        let events = [
            ("log:out", log(0, "lg", "one\ntwo \"q\"\n")),
            ("log:out", log(1, "js", &format!("{inner}\n"))),
            ("log:out", log(0, "lg", "{\"message\":1}\n")),
            ("log:PM2", daemon("quiet\n")),
            (
                "process:event",
                json!({"event": "exit", "at": AT, "process": {"name": "lg"}}),
            ),
        ];
        let options = LogOptions {
            form: Form::Json,
            ..LogOptions::default()
        };
        let (out, _) = run(options.clone(), Filter::All, &events);
        insta::assert_snapshot!(out, @r#"
        {"message":"one","timestamp":"2026-11-21T02:17:25.920Z","type":"out","process_id":0,"app_name":"lg"}
        {"message":"two \"q\"","timestamp":"2026-11-21T02:17:25.920Z","type":"out","process_id":0,"app_name":"lg"}
        {"message":"a","timestamp":"T","type":"out","process_id":1,"app_name":"js"}
        {"message":"b","timestamp":"T","type":"out","process_id":1,"app_name":"js"}
        {"message":"{\"message\":1}","timestamp":"2026-11-21T02:17:25.920Z","type":"out","process_id":0,"app_name":"lg"}
        {"timestamp":"2026-11-21T02:17:25.920Z","type":"process_event","status":"exit","app_name":"lg"}
        "#);
        let only = LogOptions {
            only: Some(Source::Err),
            ..options
        };
        assert_eq!(run(only, Filter::All, &events).0, "");
    }

    #[test]
    fn key_values() {
        let events = [
            ("log:out", log(0, "lg", "one\ntwo\n")),
            ("log:err", log(0, "lg", "three\n")),
            ("log:PM2", daemon("four\n")),
        ];
        let options = LogOptions {
            form: Form::Format,
            ..LogOptions::default()
        };
        let (out, _) = run(options, Filter::All, &events);
        let without_time: Vec<&str> = out
            .lines()
            .map(|line| line.split_once(' ').unwrap().1)
            .collect();
        assert_eq!(
            without_time,
            [
                "app=lg id=0 type=out message=one",
                "app=lg id=0 type=out message=two",
                "app=lg id=0 type=error message=three",
                "app=pm2 message=four"
            ]
        );
        assert!(out.starts_with("timestamp=2026-11-2"), "{out}");
    }
}
