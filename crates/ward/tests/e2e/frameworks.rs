//! Real apps from npm as cluster workers, just as they are: each sees itself as Node's own workers
//! do, all of them get work, and they end in good order.

mod http;
mod next;
mod runtimes;
mod secure;
mod sockets;
mod versions;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::client::{Load, Style, get, try_get};
use crate::harness::{Ward, alive, free_port, look_again_until, npm_all, when_changed};

/// Everything but Next and Node itself, in versions that run on Node 20 and newer.
const PACKAGES: [&str; 12] = [
    "express@5.3.0",
    "fastify@5.12.8",
    "koa@3.3.0",
    "@nestjs/common@11.2.10",
    "@nestjs/core@11.2.10",
    "@nestjs/platform-express@11.2.10",
    "reflect-metadata@0.2.2",
    "rxjs@7.8.2",
    "ws@8.23.0",
    "socket.io@4.8.4",
    "socket.io-client@4.8.4",
    "selfsigned@5.5.0",
];

/// What the apps answer: the worker as it sees itself.
const SEEN: &str = include_str!("frameworks/apps/seen.cjs");

/// As long as a busy machine may take to load a framework: nothing here is about being late.
const PATIENCE: [&str; 2] = ["--listen-timeout", "60000"];

/// The words after `--`.
const WORDS: [&str; 2] = ["one", "two words"];

/// An app in cluster mode.
struct Site {
    ward: Ward,
    port: u16,
    workers: usize,
    script: String,
}

impl Site {
    /// A home with packages at hand and the app's file in it; nothing is started yet.
    fn prepare(script: &str, text: &str, workers: usize) -> Self {
        let port = free_port();
        let ward = Ward::new().with_env("PORT", &port.to_string());
        ward.write(script, text);
        ward.write("seen.cjs", SEEN);
        let packages = npm_all("frameworks", &PACKAGES);
        std::os::unix::fs::symlink(packages, ward.dir().join("node_modules")).unwrap();
        let script = script.to_owned();
        Self {
            ward,
            port,
            workers,
            script,
        }
    }

    /// `ward start <script> -i <workers> <options> -- one "two words"`.
    fn start(&self, options: &[&str]) {
        let workers = self.workers.to_string();
        let mut words = vec!["start", &self.script, "-i", &workers, "--name", "site"];
        words.extend(PATIENCE);
        words.extend(options);
        words.push("--");
        words.extend(WORDS);
        self.ward.run(&words).succeeds().prints("cluster");
    }

    /// Prepares and starts an app.
    fn up(script: &str, text: &str, workers: usize) -> Self {
        let site = Self::prepare(script, text, workers);
        site.start(&[]);
        site
    }

    /// Waits until each worker has answered. The start of a slow app is over when its workers run;
    /// some of them begin to listen later.
    fn settled(&self) {
        let missing = RefCell::new(self.records().into_keys().collect::<BTreeSet<u64>>());
        let ask = || {
            if let Ok(text) = try_get(self.port) {
                missing.borrow_mut().remove(&pid(&parse(&text)));
            }
            missing.borrow().clone()
        };
        look_again_until("answer of every worker", ask, BTreeSet::is_empty);
    }

    /// Every worker answered, equally often.
    fn took_turns(&self, answers: &[Value]) {
        let spread = spread(answers);
        assert_eq!(spread.len(), self.workers, "all workers answer: {spread:?}");
        let each = answers.len() / self.workers;
        assert!(spread.values().all(|count| *count == each), "{spread:?}");
    }

    /// Every worker is among the answers, and sees what it should see.
    fn seen_by_workers(&self, answers: &[Value]) {
        let records = self.records();
        assert_eq!(records.len(), self.workers);
        let script = self.ward.dir().join(&self.script);
        let (mut ids, mut slots) = (BTreeSet::new(), BTreeSet::new());
        for (pid, record) in &records {
            let answer = answers.iter().find(|answer| answer["pid"] == *pid);
            let answer = answer.unwrap_or_else(|| panic!("{pid} never answered"));
            assert_eq!(answer["isWorker"], true);
            assert_eq!(answer["isPrimary"], false);
            assert_eq!(answer["connected"], true);
            assert_eq!(answer["main"], true, "no wrapper around the script");
            assert_eq!(answer["script"], json!(script));
            assert_eq!(answer["argv"], json!(WORDS));
            assert_eq!(answer["execArgv"], json!([]), "the agent is not to be seen");
            assert_eq!(answer["cwd"], json!(self.ward.dir()));
            ids.insert(answer["worker"].as_u64().expect("a worker's id"));
            slots.insert(check_env(&answer["env"], record));
        }
        assert_eq!(ids.len(), self.workers, "ids: {ids:?}");
        let expected: BTreeSet<String> = (0..self.workers).map(|slot| slot.to_string()).collect();
        assert_eq!(slots, expected);
    }

    /// The records of the instances by process id.
    fn records(&self) -> BTreeMap<u64, Value> {
        let list = self.ward.list().into_iter();
        list.map(|app| (app["pid"].as_u64().expect("a pid"), app))
            .collect()
    }

    /// Asks over HTTP, each time on a connection of its own, and all is as it should be.
    fn serves(&self) {
        self.settled();
        let answers = (0..3 * self.workers).map(|_| parse(&get(self.port)));
        self.all_serve(&answers.collect::<Vec<_>>());
    }

    /// The workers take turns, and see what they should see.
    fn all_serve(&self, answers: &[Value]) {
        self.took_turns(answers);
        self.seen_by_workers(answers);
    }

    /// `ward reload`: all workers are new ones.
    fn replaces_all(&self) {
        let before: BTreeSet<u64> = self.records().into_keys().collect();
        self.ward.run(&["reload", "site"]).succeeds();
        let after = self.records();
        assert_eq!(after.len(), self.workers);
        assert!(after.keys().all(|pid| !before.contains(pid)));
    }

    /// Likewise under load: nothing is lost, and the new workers are as good as the old ones.
    fn reloads(&self) {
        let pause = Style::KeepAlive(Duration::from_millis(5));
        let load = Load::start(self.port, &[(Style::Close, 1), (pause, 1)]);
        self.replaces_all();
        load.serve_more(5);
        assert_eq!(load.finish().errors, Vec::<String>::new());
        self.serves();
    }

    /// One worker less, under load, and then as many as before: the number that became free is
    /// used again.
    fn scales(&self) {
        let scale = |count: usize| {
            let words = ["scale", "site", &count.to_string()];
            self.ward.run(&words).succeeds();
            assert_eq!(self.records().len(), count);
        };
        let pause = Style::KeepAlive(Duration::from_millis(5));
        let load = Load::start(self.port, &[(Style::Close, 1), (pause, 1)]);
        scale(self.workers - 1);
        load.serve_more(5);
        scale(self.workers);
        load.serve_more(5);
        assert_eq!(load.finish().errors, Vec::<String>::new());
        self.serves();
    }

    /// `ward stop`: all workers end by themselves, none comes back, and the port is free.
    fn stops(&self, code: i32) {
        let before = self.records();
        let restarts = |app: &Value| app["pm2_env"]["restart_time"].as_u64().expect("a count");
        let restarted: u64 = before.values().map(restarts).sum();
        self.ward.run(&["stop", "site"]).succeeds();
        for pid in before.into_keys() {
            assert!(!alive(u32::try_from(pid).unwrap()), "{pid} has ended");
        }
        assert_eq!(
            self.ward.list().iter().map(restarts).sum::<u64>(),
            restarted
        );
        for app in self.ward.list() {
            let record = &app["pm2_env"];
            assert_eq!(record["status"], "stopped");
            assert_eq!(record["exit_code"], code);
        }
        let log = self.ward.daemon_log();
        assert!(!log.contains("SIGKILL"), "none was ended by force: {log}");
        let refused = try_get(self.port).expect_err("nobody listens");
        assert!(refused.to_string().contains("refused"), "{refused}");
    }

    /// So many lives of all workers together said this before they ended.
    fn said_at_the_end(&self, text: &str, lives: usize) {
        let logs = || std::fs::read_dir(self.ward.home().join("logs")).unwrap();
        let said = |log: std::io::Result<std::fs::DirEntry>| {
            let log = std::fs::read_to_string(log.unwrap().path()).unwrap();
            log.matches(text).count()
        };
        let count = || logs().map(said).sum::<usize>();
        let folder = self.ward.home().join("logs");
        let count = when_changed(text, &[&folder], count, |count| *count >= lives);
        assert_eq!(count, lives, "{text}");
    }

    /// Runs a client written for node to its end; it prints JSON.
    fn client(&self, name: &str, text: &str, words: &[&str]) -> Value {
        let file = self.ward.write(name, text);
        let mut node = Command::new("node");
        node.arg(file).args(words).current_dir(self.ward.dir());
        let env = self.ward.env().iter().map(|(name, value)| (name, value));
        let ran = node.env_clear().envs(env).output().unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(ran.status.success(), "{name} {words:?}:\n{out}{err}");
        parse(&out)
    }
}

/// The environment of a worker, against its record; its slot.
fn check_env(env: &Value, record: &Value) -> String {
    let text = |key: &str| env[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("pm_id"), record["pm_id"].to_string());
    assert_eq!(text("name"), "site");
    assert_eq!(text("exec_mode"), "cluster_mode");
    assert!(!text("PM2_HOME").is_empty());
    assert!(Path::new(&text("pm_exec_path")).is_absolute());
    let names = env.as_object().expect("an environment").keys();
    let mut leaked =
        names.filter(|name| name.starts_with("NODE_CHANNEL") || *name == "NODE_UNIQUE_ID");
    assert_eq!(leaked.next(), None);
    text("NODE_APP_INSTANCE")
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The process that answered.
fn pid(answer: &Value) -> u64 {
    answer["pid"].as_u64().expect("a pid")
}

/// Answers of one connection: all of one process, which is told by the first.
fn same_worker(answers: &Value) -> Value {
    let all = answers.as_array().expect("answers");
    assert!(!all.is_empty());
    let pids: BTreeSet<u64> = all.iter().map(pid).collect();
    assert_eq!(pids.len(), 1, "one connection, one worker: {pids:?}");
    all[0].clone()
}

/// Likewise for each of many connections; the answers are checked one by one.
fn by_connection(all: &Value, check: impl Fn(usize, &Value)) -> Vec<Value> {
    let connections = all.as_array().expect("connections").iter();
    connections
        .map(|answers| {
            for (index, answer) in answers.as_array().expect("answers").iter().enumerate() {
                check(index, answer);
            }
            same_worker(answers)
        })
        .collect()
}

/// How often each process answered.
fn spread(answers: &[Value]) -> BTreeMap<u64, usize> {
    let mut spread = BTreeMap::new();
    for answer in answers {
        *spread.entry(pid(answer)).or_default() += 1;
    }
    spread
}
