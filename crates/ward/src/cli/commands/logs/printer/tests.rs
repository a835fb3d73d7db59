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
    assert_eq!((out.as_str(), err.as_str()), ("a\nb\nd\n", "c\n"));
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
