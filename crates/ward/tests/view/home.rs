//! A home with sockets that answer, in place of a daemon.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use ward_wire::amp::Decoder;
use ward_wire::rpc::{self, Body, Request};

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A home with sockets that answer.
pub(super) struct Home {
    pub(super) folder: TempDir,
    pub(super) subscribers: Receiver<UnixStream>,
}

impl Home {
    /// `records` gets the folder, where the logs of its apps are.
    pub(super) fn with(records: impl FnOnce(&Path) -> Value) -> Self {
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

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
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

    pub(super) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Standard output of a command that succeeds and says nothing aside.
    pub(super) fn text(&self, words: &[&str]) -> String {
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

pub(super) fn app(id: u32, name: &str, folder: &Path) -> Value {
    let log = |kind: &str| folder.join(format!("{name}-{kind}.log"));
    json!({"pid": 100 + id, "name": name, "pm_id": id, "monit": {"memory": 1024, "cpu": 0.5},
        "pm2_env": {"name": name, "namespace": "default", "status": "online", "pm_id": id,
            "exec_mode": "fork_mode", "pm_uptime": 0, "restart_time": 0, "FOO": "bar",
            "pm_exec_path": "/srv/app.js", "pm_out_log_path": log("out"),
            "pm_err_log_path": log("error")}})
}

pub(super) fn two_apps() -> Home {
    Home::with(|folder| json!([app(0, "web", folder), app(1, "api", folder)]))
}

pub(super) fn one_app() -> Home {
    Home::with(|folder| json!([app(0, "web", folder)]))
}
