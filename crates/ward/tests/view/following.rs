//! `logs` while it follows.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::mpsc::channel;
use std::thread;

use serde_json::{Value, json};
use ward_wire::bus::encode_event;

use crate::home::{Home, PATIENCE, app, one_app};

/// A running `logs` and its side of the bus.
struct Following {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    bus: UnixStream,
}

impl Following {
    fn start(home: &Home, words: &[&str]) -> Self {
        let mut child = home.command(words).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let bus = home.subscribers.recv_timeout(PATIENCE).unwrap();
        Self { child, out, bus }
    }

    fn publish(&mut self, topic: &str, data: &str) {
        let process = json!({"pm_id": 0, "name": "web", "namespace": "default", "rev": null});
        let payload = json!({"process": process, "data": data});
        self.bus.write_all(&encode_event(topic, &payload)).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// The reader goes away; the command must end well and soon, though nothing is published.
    fn leave(self) {
        let Self {
            mut child,
            out,
            bus: _bus,
        } = self;
        drop(out);
        let (sender, ended) = channel();
        let pid = rustix::process::Pid::from_child(&child);
        thread::spawn(move || sender.send(child.wait().unwrap()));
        let status = ended.recv_timeout(PATIENCE);
        if status.is_err() {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        assert!(status.unwrap().success());
    }
}

#[test]
fn logs_stream_until_the_reader_leaves() {
    let home = one_app();
    let mut logs = Following::start(&home, &["logs", "web", "--lines", "0"]);
    logs.publish("log:out", "one\ntwo\n");
    logs.publish("log:err", "three\n");
    assert_eq!(logs.line(), "0|web  | one\n");
    assert_eq!(logs.line(), "0|web  | two\n");
    assert_eq!(logs.line(), "0|web  | three\n");
    logs.leave();
}

#[test]
fn logs_as_json_are_one_object_per_line() {
    let home = one_app();
    let mut logs = Following::start(&home, &["logs", "--json"]);
    logs.publish("log:out", "one\ntwo\n");
    for message in ["one", "two"] {
        let line: Value = serde_json::from_str(&logs.line()).unwrap();
        assert_eq!(line["message"], message);
        assert_eq!(line["app_name"], "web");
    }
    logs.leave();
}

#[test]
fn the_ends_of_the_files_come_first_and_raw_errors_go_aside() {
    let home = one_app();
    let long = "x".repeat(500);
    fs::write(home.path("web-out.log"), format!("first\n{long}\n")).unwrap();
    fs::write(home.path("web-error.log"), "bad\n").unwrap();
    let output = home.run(&["logs", "--nostream", "--lines", "1", "--raw"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        out.contains(&format!("web-out.log last 1 lines:\n{long}\n\n")),
        "{out}"
    );
    assert!(!out.contains("first"), "{out}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "bad\n");
}

#[test]
fn a_reader_that_had_enough_is_no_failure() {
    let home = Home::with(|folder| (0..2000).map(|id| app(id, "web", folder)).collect());
    for words in [&["ls"][..], &["jlist"], &["prettylist"]] {
        let mut child = home.command(words).spawn().unwrap();
        let mut some = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    }
}
