//! An app in cluster mode, with what each of its workers should see.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{PACKAGES, parse, pid, spread};
use crate::cluster::client::{Load, Style, get, try_get};
use crate::harness::{Ward, alive, free_port, look_again_until, npm_all, when_changed};

/// What the apps answer: the worker as it sees itself.
const SEEN: &str = include_str!("apps/seen.cjs");

/// As long as a busy machine may take to load a framework: nothing here is about being late.
pub(super) const PATIENCE: [&str; 2] = ["--listen-timeout", "60000"];

/// The words after `--`.
pub(super) const WORDS: [&str; 2] = ["one", "two words"];

/// An app in cluster mode.
pub(super) struct Site {
    pub(super) ward: Ward,
    pub(super) port: u16,
    pub(super) workers: usize,
    pub(super) script: String,
}

impl Site {
    /// A home with packages at hand and the app's file in it; nothing is started yet.
    pub(super) fn prepare(script: &str, text: &str, workers: usize) -> Self {
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
    pub(super) fn start(&self, options: &[&str]) {
        let workers = self.workers.to_string();
        let mut words = vec!["start", &self.script, "-i", &workers, "--name", "site"];
        words.extend(PATIENCE);
        words.extend(options);
        words.push("--");
        words.extend(WORDS);
        self.ward.run(&words).succeeds().prints("cluster");
    }

    /// Prepares and starts an app.
    pub(super) fn up(script: &str, text: &str, workers: usize) -> Self {
        let site = Self::prepare(script, text, workers);
        site.start(&[]);
        site
    }

    /// Waits until each worker has answered. The start of a slow app is over when its workers run;
    /// some of them begin to listen later.
    pub(super) fn settled(&self) {
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
    pub(super) fn took_turns(&self, answers: &[Value]) {
        let spread = spread(answers);
        assert_eq!(spread.len(), self.workers, "all workers answer: {spread:?}");
        let each = answers.len() / self.workers;
        assert!(spread.values().all(|count| *count == each), "{spread:?}");
    }

    /// Every worker is among the answers, and sees what it should see.
    pub(super) fn seen_by_workers(&self, answers: &[Value]) {
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
    pub(super) fn records(&self) -> BTreeMap<u64, Value> {
        let list = self.ward.list().into_iter();
        list.map(|app| (app["pid"].as_u64().expect("a pid"), app))
            .collect()
    }

    /// Asks over HTTP, each time on a connection of its own, and all is as it should be.
    pub(super) fn serves(&self) {
        self.settled();
        let answers = (0..3 * self.workers).map(|_| parse(&get(self.port)));
        self.all_serve(&answers.collect::<Vec<_>>());
    }

    /// The workers take turns, and see what they should see.
    pub(super) fn all_serve(&self, answers: &[Value]) {
        self.took_turns(answers);
        self.seen_by_workers(answers);
    }

    /// `ward reload`: all workers are new ones.
    pub(super) fn replaces_all(&self) {
        let before: BTreeSet<u64> = self.records().into_keys().collect();
        self.ward.run(&["reload", "site"]).succeeds();
        let after = self.records();
        assert_eq!(after.len(), self.workers);
        assert!(after.keys().all(|pid| !before.contains(pid)));
    }

    /// Likewise under load: nothing is lost, and the new workers are as good as the old ones.
    pub(super) fn reloads(&self) {
        let pause = Style::KeepAlive(Duration::from_millis(5));
        let load = Load::start(self.port, &[(Style::Close, 1), (pause, 1)]);
        self.replaces_all();
        load.serve_more(5);
        assert_eq!(load.finish().errors, Vec::<String>::new());
        self.serves();
    }

    /// One worker less, under load, and then as many as before: the number that became free is
    /// used again.
    pub(super) fn scales(&self) {
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
    pub(super) fn stops(&self, code: i32) {
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
    pub(super) fn said_at_the_end(&self, text: &str, lives: usize) {
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
    pub(super) fn client(&self, name: &str, text: &str, words: &[&str]) -> Value {
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
pub(super) fn check_env(env: &Value, record: &Value) -> String {
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
