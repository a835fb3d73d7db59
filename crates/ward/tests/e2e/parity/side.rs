//! One side of the comparison: a home with a daemon, PM2's or ward's, that runs case after case.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::case::{Case, Step};
use super::normal::Normal;
use super::printed::{self, Counts};
use super::told::{forget, is_version_missing, read, told, walk, whose};
use crate::harness::{Ward, look_again_until, text_when};

/// A home and its working directories.
pub(super) struct Side {
    home: Ward,
}

/// What a step did.
pub(super) struct Seen {
    pub(super) step: String,
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The records.
    pub(super) records: ByApp,
    /// What the apps that are new since the last step told of themselves.
    pub(super) apps: ByApp,
}

/// By name and number among those of that name, in the order of ids: `web#0`.
pub(super) type ByApp = BTreeMap<String, Value>;

/// What a case did.
pub(super) struct Story {
    pub(super) steps: Vec<Seen>,
    /// The log files in the end, with their text.
    pub(super) logs: BTreeMap<String, String>,
}

/// What is remembered from step to step.
#[derive(Default)]
struct Known {
    pids: HashMap<u64, u64>,
    silent: Vec<String>,
    printed: Counts,
    ids_vary: bool,
}

impl Side {
    pub(super) fn new(home: Ward) -> Self {
        // Nobody here has a home of another name, and both sides wait as long as they do by themselves.
        let mut home = home.called("pm2").with_env("WARD_SETTLING_TIME", "100");
        home.unset_env("WARD_HOME");
        home.unset_env("RUST_BACKTRACE");
        home.unset_env("PM2_GRACEFUL_LISTEN_TIMEOUT");
        let path = format!(
            "{}:{}",
            home.root().display(),
            std::env::var("PATH").expect("PATH is set")
        );
        home.set_env("PATH", &path);
        home.set_env("FROM_SHELL", "yes");
        home.set_env("PM2_DISABLE_VERSION_CHECK", "true");
        // npm tells of new versions of itself once in a while, to one side or the other.
        home.set_env("NPM_CONFIG_UPDATE_NOTIFIER", "false");
        home.run(&["ping"]).succeeds();
        Self { home }
    }

    /// Runs a case; leaves no process and no log behind.
    pub(super) fn run(&mut self, case: &Case) -> Story {
        let folder = self.home.dir().join(&case.name);
        case.unpack(&folder);
        let mut known = Known {
            ids_vary: case.ids_vary,
            ..Known::default()
        };
        let mut steps: Vec<Seen> = Vec::new();
        for step in &case.steps {
            match step {
                Step::Command(line) => {
                    forget(&folder);
                    let output = self.bash(line, &folder);
                    let seen = self.look(line, &output, &folder, &mut known);
                    steps.push(seen);
                }
                Step::Status(name, status) => {
                    self.await_status(name, status);
                    let seen = steps.last_mut().expect("a step before the wait");
                    let (records, apps) = self.settled(&folder, &mut known);
                    let normal = Normal::new(&self.home, &records, known.ids_vary);
                    seen.records = by_app(&records, |record| Some(normal.record(record)));
                    seen.apps.extend(apps);
                }
                Step::Log(file, text) => {
                    text_when(&self.home.home().join("logs").join(file), |it| {
                        it.contains(text)
                    });
                }
                Step::Silent(name) => known.silent.push(name.clone()),
            }
        }
        let logs = printed::logs(
            &self.home,
            &folder,
            &Normal::new(&self.home, &self.list(), case.ids_vary),
        );
        self.clean();
        Story { steps, logs }
    }

    fn bash(&self, line: &str, folder: &Path) -> Output {
        let mut bash = Command::new("bash");
        bash.args(["-c", line])
            .current_dir(folder)
            .stdin(Stdio::null());
        bash.env_clear();
        bash.envs(self.home.env().iter().map(|(name, value)| (name, value)));
        bash.output().expect("bash runs")
    }

    fn look(&self, line: &str, output: &Output, folder: &Path, known: &mut Known) -> Seen {
        let before = known.pids.clone();
        let (records, apps) = self.settled(folder, known);
        let mut normal = Normal::new(&self.home, &records, known.ids_vary);
        normal.know_pids(before.values().copied());
        Seen {
            step: line.to_owned(),
            code: output.status.code().unwrap_or(-1),
            stdout: normal.text(&String::from_utf8_lossy(&output.stdout)),
            stderr: normal.text(&String::from_utf8_lossy(&output.stderr)),
            records: by_app(&records, |record| Some(normal.record(record))),
            apps,
        }
    }

    fn list(&self) -> Vec<Value> {
        if !self.home.home().join("rpc.sock").exists() {
            return Vec::new();
        }
        let answer = self.home.rpc().call("getMonitorData", &json!([{}]));
        answer["args"][0]
            .as_array()
            .unwrap_or_else(|| panic!("a list in {answer}"))
            .clone()
    }

    /// The records when every new app that is online has told of itself, and what they told.
    fn settled(&self, folder: &Path, known: &mut Known) -> (Vec<Value>, ByApp) {
        let look = || (self.list(), told(folder));
        let is_late = |record: &Value, told: &[PathBuf]| {
            let name = record["name"].as_str().unwrap_or_default();
            record["pm2_env"]["status"] == "online"
                && !known.silent.iter().any(|silent| silent == name)
                && known.pids.get(&id(record)) != record["pid"].as_u64().as_ref()
                && whose(told, record).is_none()
        };
        let (records, told) = look_again_until("word of each app", look, |(records, told)| {
            let mut records = records.iter();
            !records.any(|it| is_late(it, told) || is_version_missing(told, it))
        });
        let normal = Normal::new(&self.home, &records, known.ids_vary);
        let apps = by_app(&records, |record| {
            Some(normal.value(&read(whose(&told, record)?)))
        });
        let mut new = records.clone();
        new.retain(|record| whose(&told, record).is_some());
        known.printed = printed::await_all(&records, &new, &known.printed);
        let pids = records.iter().map(|it| (id(it), it["pid"].as_u64()));
        known.pids = pids.filter_map(|(id, pid)| Some((id, pid?))).collect();
        (records, apps)
    }

    fn await_status(&self, name: &str, status: &str) {
        let look = || self.list();
        look_again_until(&format!("{name} that is {status}"), look, |list| {
            let mut apps = list.iter().filter(|app| app["name"] == name).peekable();
            apps.peek().is_some() && apps.all(|app| app["pm2_env"]["status"] == status)
        });
    }

    fn clean(&self) {
        for record in self.list() {
            let mut rpc = self.home.rpc();
            rpc.call("stopWatch", &json!(["deleteProcessId", id(&record)]));
            rpc.call("deleteProcessId", &json!([id(&record)]));
        }
        for name in ["logs", "pids"] {
            let folder = self.home.home().join(name);
            walk(&folder, &mut |path| {
                fs::remove_file(path).ok();
            });
        }
        for name in ["dump.pm2", "dump.pm2.bak", "reload.lock"] {
            fs::remove_file(self.home.home().join(name)).ok();
        }
    }
}

fn by_app(records: &[Value], what: impl Fn(&Value) -> Option<Value>) -> ByApp {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut found = ByApp::new();
    for record in records {
        let name = record["name"].as_str().unwrap_or_default();
        let number = seen.entry(name).or_default();
        if let Some(value) = what(record) {
            found.insert(format!("{name}#{number}"), value);
        }
        *number += 1;
    }
    found
}

pub(super) fn id(record: &Value) -> u64 {
    record["pm_id"].as_u64().expect("an id")
}
