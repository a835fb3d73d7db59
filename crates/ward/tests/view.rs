//! The commands that only show things, as programs: real binary, real pipes, and a stand-in for the
//! daemon whose records are known.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use ward_wire::amp::Decoder;
use ward_wire::bus::encode_event;
use ward_wire::rpc::{self, Body, Request};

const PATIENCE: Duration = Duration::from_secs(10);

/// A home with sockets that answer.
struct Home {
    folder: TempDir,
    subscribers: Receiver<UnixStream>,
}

impl Home {
    /// `records` gets the folder, where the logs of its apps are.
    fn with(records: impl FnOnce(&Path) -> Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = records(folder.path());
        let rpc = UnixListener::bind(folder.path().join("rpc.sock")).unwrap();
        let bus = UnixListener::bind(folder.path().join("pub.sock")).unwrap();
        let (sender, subscribers) = channel();
        thread::spawn(move || {
            for stream in rpc.incoming().flatten() {
                answer(stream, &records);
            }
        });
        thread::spawn(move || pass_on(&bus, &sender));
        Self {
            folder,
            subscribers,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ward"));
        command
            .args(words)
            .env_clear()
            .env("PM2_HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Standard output of a command that succeeds and says nothing aside.
    fn text(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
        assert!(output.status.success(), "{words:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn pass_on(bus: &UnixListener, sender: &Sender<UnixStream>) {
    for stream in bus.incoming().flatten() {
        if sender.send(stream).is_err() {
            return;
        }
    }
}

fn answer(mut stream: UnixStream, records: &Value) {
    let mut decoder = Decoder::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some(frame) = decoder.next().unwrap() {
            let request = Request::from_frame(&frame).unwrap();
            let Body::Call { method, .. } = &request.body else {
                return;
            };
            let reply = match method.as_str() {
                "getMonitorData" => rpc::reply_ok(&request.id, std::slice::from_ref(records)),
                "getSystemData" => rpc::reply_ok(&request.id, &[json!({})]),
                "getVersion" => rpc::reply_ok(&request.id, &[json!("7.0.4")]),
                other => {
                    rpc::reply_error(&request.id, &format!("method \"{other}\" does not exist"))
                }
            };
            stream.write_all(&reply).unwrap();
        }
        match stream.read(&mut chunk) {
            Ok(length) if length > 0 => decoder.push(&chunk[..length]),
            _ => return,
        }
    }
}

fn app(id: u32, name: &str, folder: &Path) -> Value {
    let log = |kind: &str| folder.join(format!("{name}-{kind}.log"));
    json!({"pid": 100 + id, "name": name, "pm_id": id, "monit": {"memory": 1024, "cpu": 0.5},
        "pm2_env": {"name": name, "namespace": "default", "status": "online", "pm_id": id,
            "exec_mode": "fork_mode", "pm_uptime": 0, "restart_time": 0, "FOO": "bar",
            "pm_exec_path": "/srv/app.js", "pm_out_log_path": log("out"),
            "pm_err_log_path": log("error")}})
}

fn two_apps() -> Home {
    Home::with(|folder| json!([app(0, "web", folder), app(1, "api", folder)]))
}

fn one_app() -> Home {
    Home::with(|folder| json!([app(0, "web", folder)]))
}

#[test]
fn machine_readable_lists_are_nothing_but_the_list_also_when_silent() {
    let home = two_apps();
    for words in [&["jlist"][..], &["jlist", "-s"]] {
        let text = home.text(words);
        assert!(!text.ends_with('\n'));
        let records: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(records[1]["name"], "api");
    }
    for words in [&["prettylist"][..], &["-s", "prettylist"]] {
        let text = home.text(words);
        assert_eq!(text.matches("status: 'online'").count(), 2, "{text}");
        assert_eq!(text.matches("pm_id: 0").count(), 2, "{text}");
    }
    assert_eq!(home.text(&["pid", "-s"]), "100\n101\n");
    assert_eq!(home.text(&["list", "-s"]), "");
    assert_eq!(home.text(&["describe", "-s", "web"]), "");
}

#[test]
fn small_answers() {
    let home = two_apps();
    assert_eq!(home.text(&["pid", "api"]), "101\n");
    assert_eq!(home.text(&["pid", "nope"]), "\n");
    assert_eq!(home.text(&["id", "api"]), "[ 1 ]\n");
    assert_eq!(home.text(&["id", "/srv/app.js"]), "[ 0, 1 ]\n");
    assert_eq!(home.text(&["id", "nope"]), "[]\n");
    assert_eq!(home.text(&["env", "0"]), "FOO: bar\nnamespace: default\n");
    assert!(home.text(&["ls"]).contains("│ 1  │ api "));
    assert!(
        home.text(&["ls", "-m"])
            .starts_with("+--- web\nnamespace : default\n")
    );
    assert!(
        home.text(&["desc", "1"])
            .contains("process with id 1 - name api ")
    );
    assert_eq!(home.text(&["slist"]), "{}");
    assert!(
        home.text(&["report"])
            .contains("- daemon speaks PM2: 7.0.4\n")
    );
    assert_eq!(Home::with(|_| json!([])).text(&["prettylist"]), "[]");
}

#[test]
fn what_is_not_there_is_said_on_standard_error() {
    let home = two_apps();
    for (words, message) in [
        (
            &["describe", "nope"][..],
            "[PM2][WARN] nope doesn't exist\n",
        ),
        (&["env", "9"], "[PM2][ERROR] Modules with id 9 not found\n"),
        (
            &["logs", "nope"],
            "[PM2][ERROR] Process or Namespace nope not found\n",
        ),
        (
            &["logs", "nope", "--json"],
            "[PM2][ERROR] Process or Namespace nope not found\n",
        ),
    ] {
        let output = home.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    }
    let output = home.run(&["logs", "nope"]);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        out.starts_with("[TAILING] Tailing last 15 lines for [nope] process ("),
        "{out}"
    );
}

#[test]
fn flush_empties_files_also_for_a_daemon_that_cannot() {
    let home = one_app();
    let (out, daemon) = (home.path("web-out.log"), home.path("pm2.log"));
    fs::write(&out, "line\n").unwrap();
    fs::write(&daemon, "line\n").unwrap();
    assert_eq!(home.text(&["flush", "nope"]), "[PM2] Logs flushed\n");
    assert_eq!(fs::read_to_string(&out).unwrap(), "line\n");
    let text = home.text(&["flush"]);
    let expected = format!(
        "[PM2] Flushing {}\n[PM2] Flushing:\n[PM2] {}\n[PM2] {}\n[PM2] Logs flushed\n",
        daemon.display(),
        out.display(),
        home.path("web-error.log").display()
    );
    assert_eq!(text, expected);
    assert_eq!(fs::read_to_string(&out).unwrap(), "");
    assert_eq!(fs::read_to_string(&daemon).unwrap(), "");
    assert!(!home.path("web-error.log").exists());
}

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
