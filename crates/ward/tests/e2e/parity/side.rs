//! One side of the comparison: a home with a daemon, PM2's or ward's, that runs case after case.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::case::{Case, Step};
use super::normal::Normal;
use crate::harness::{DEADLINE, Ward, text_when};

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
        let logs = self.logs(&folder, case.ids_vary);
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
        let until = Instant::now() + DEADLINE;
        loop {
            let records = self.list();
            let told = told(folder);
            let is_late = |record: &&Value| {
                let name = record["name"].as_str().unwrap_or_default();
                record["pm2_env"]["status"] == "online"
                    && !known.silent.iter().any(|silent| silent == name)
                    && known.pids.get(&id(record)) != record["pid"].as_u64().as_ref()
                    && find(&told, record).is_none()
            };
            let late = records
                .iter()
                .any(|it| is_late(&it) || is_unknown(&told, it));
            if !late || Instant::now() > until {
                let normal = Normal::new(&self.home, &records, known.ids_vary);
                let apps = by_app(&records, |record| {
                    Some(normal.value(&read(find(&told, record)?)))
                });
                let pids = records.iter().map(|it| (id(it), it["pid"].as_u64()));
                known.pids = pids.filter_map(|(id, pid)| Some((id, pid?))).collect();
                return (records, apps);
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn await_status(&self, name: &str, status: &str) {
        let until = Instant::now() + DEADLINE;
        loop {
            let list = self.list();
            let mut apps = list.iter().filter(|app| app["name"] == name).peekable();
            if apps.peek().is_some() && apps.all(|app| app["pm2_env"]["status"] == status) {
                return;
            }
            assert!(Instant::now() < until, "{name} is never {status}: {list:?}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// All log files of the home and of the case. They are read when they do not change any more: who told of itself has
    /// printed before, but the daemon may not have written it yet.
    fn logs(&self, folder: &Path, ids_vary: bool) -> BTreeMap<String, String> {
        let read = || {
            let mut logs = BTreeMap::new();
            for root in [self.home.home().join("logs"), folder.to_owned()] {
                walk(&root, &mut |path| {
                    if path.extension().is_some_and(|it| it == "log") {
                        let bytes = fs::read(path).unwrap_or_default();
                        let name = path.strip_prefix(self.home.root()).unwrap_or(path);
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        logs.insert(name.display().to_string(), text);
                    }
                });
            }
            logs
        };
        let mut last = read();
        let mut since = Instant::now();
        while since.elapsed() < Duration::from_millis(60) {
            std::thread::park_timeout(Duration::from_millis(10));
            let now = read();
            if now != last {
                last = now;
                since = Instant::now();
            }
        }
        let normal = Normal::new(&self.home, &self.list(), ids_vary);
        let mut logs = BTreeMap::new();
        for (name, text) in last {
            let log: &mut String = logs.entry(normal.text(&name)).or_default();
            *log += &(normal.text(&text) + "\n");
        }
        logs
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

fn id(record: &Value) -> u64 {
    record["pm_id"].as_u64().expect("an id")
}

/// Removes what apps have told.
fn forget(folder: &Path) {
    for path in told(folder) {
        fs::remove_file(path).ok();
    }
}

/// The files in which apps have told of themselves.
fn told(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(folder, &mut |path| {
        let is_whole = path
            .extension()
            .is_some_and(|it| it == "json" || it == "text");
        if is_whole && path.parent().is_some_and(|it| it.ends_with("got")) {
            files.push(path.to_owned());
        }
    });
    files
}

/// What this app has told: `got/<id>.<pid>.json`, by itself or by a process below it.
fn find<'a>(told: &'a [PathBuf], record: &Value) -> Option<&'a PathBuf> {
    let id = format!("{}.", id(record));
    let own = format!("{id}{}.", record["pid"]);
    let name = |path: &&PathBuf| path.file_name().unwrap_or_default().display().to_string();
    let is_own = told.iter().find(|path| name(path).starts_with(&own));
    is_own.or_else(|| told.iter().find(|path| name(path).starts_with(&id)))
}

/// Reads what an app wrote: JSON, or from a shell the kernel's own text.
fn read(path: &Path) -> Value {
    let text = String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned();
    if path.extension().is_some_and(|it| it == "json") {
        return serde_json::from_str(&text).expect("JSON of an app");
    }
    let (variables, rest) = text.rsplit_once('\0').expect("an environment");
    let variables = variables.split('\0').filter_map(|it| it.split_once('='));
    let env: serde_json::Map<String, Value> = variables
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut lines = rest.lines();
    let mut line = || lines.next().unwrap_or_default();
    json!({"env": env, "cwd": line(), "uid": line(), "gid": line(), "argv": lines.collect::<Vec<_>>()})
}

/// Whether the version of its Node is still on the way: an app tells it before it tells us, but to the daemon.
fn is_unknown(told: &[PathBuf], record: &Value) -> bool {
    let settings = &record["pm2_env"];
    find(told, record).is_some()
        && settings["exec_interpreter"] == "node"
        && settings["node_version"].is_null()
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            walk(&path, visit);
        } else {
            visit(&path);
        }
    }
}
