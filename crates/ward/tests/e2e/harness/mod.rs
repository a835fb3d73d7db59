//! A home of its own for each test, the real binary, and ways to wait for what really happened.
//! Nothing here sleeps: a wait ends with an event on the bus, the end of a process, or a deadline.

mod bus;
mod npm;
mod ports;
mod rpc;

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use self::bus::{Bus, Event};
pub(crate) use self::npm::{NODES, build, node, npm, npm_all};
pub(crate) use self::ports::free_port;
pub(crate) use self::rpc::{Rpc, frame};

/// No wait takes longer; reaching it is a failure. Generous, for a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// One scratch home and working directory, with the daemon that belongs to it.
pub(crate) struct Ward {
    root: TempDir,
    env: Vec<(String, String)>,
    program: PathBuf,
}

/// What a command printed and how it ended.
pub(crate) struct Ran {
    words: String,
    output: Output,
}

impl Ward {
    /// A new home. No daemon runs yet.
    pub(crate) fn new() -> Self {
        needs();
        let root = tempfile::Builder::new()
            .prefix("ward-e2e-")
            .tempdir()
            .expect("a scratch folder");
        fs::create_dir(root.path().join("work")).expect("a working directory");
        let env = vec![
            (
                "PATH".to_owned(),
                std::env::var("PATH").expect("PATH is set"),
            ),
            ("HOME".to_owned(), root.path().display().to_string()),
            (
                "WARD_HOME".to_owned(),
                root.path().join("home").display().to_string(),
            ),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
            // A busy machine needs long to start Node; whose subject these times are sets its own.
            ("PM2_GRACEFUL_LISTEN_TIMEOUT".to_owned(), "60000".to_owned()),
            ("WARD_SETTLING_TIME".to_owned(), "30000".to_owned()),
        ];
        Self {
            root,
            env,
            program: PathBuf::from(env!("CARGO_BIN_EXE_ward")),
        }
    }

    /// A new home for workers that never listen: their `start` is not kept waiting for it.
    pub(crate) fn where_nobody_listens() -> Self {
        Self::new().with_env("WARD_SETTLING_TIME", "100")
    }

    /// Adds a variable to the environment of every command, and so of the daemon.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.set_env(name, value);
        self
    }

    /// Sets a variable for the commands that follow.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.unset_env(name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a variable for the commands that follow.
    pub(crate) fn unset_env(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// The environment of the commands.
    pub(crate) fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// A home for PM2 itself, given as the program to call: what ward is compared with.
    pub(crate) fn instead(program: PathBuf) -> Self {
        let mut pm2 = Self::new().with_env("PM2_DISABLE_VERSION_CHECK", "true");
        pm2.program = program;
        pm2
    }

    /// Calls the binary through a link of this name.
    pub(crate) fn called(mut self, name: &str) -> Self {
        let link = self.root.path().join(name);
        std::os::unix::fs::symlink(&self.program, &link).expect("a link");
        self.program = link;
        self
    }

    /// The home folder.
    pub(crate) fn home(&self) -> PathBuf {
        let home = self.env.iter().find(|(name, _)| name == "WARD_HOME");
        home.map_or_else(
            || self.root.path().join(".pm2"),
            |(_, path)| PathBuf::from(path),
        )
    }

    /// The folder of everything: the home, the working directory, the links.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The working directory of all commands.
    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// A command line, not yet started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .current_dir(self.dir())
            .env_clear()
            .stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command line to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with_input(words, "")
    }

    /// Runs a command line with this text on standard input.
    pub(crate) fn run_with_input(&self, words: &[&str], input: &str) -> Ran {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().expect("ward starts");
        if let Some(mut stdin) = child.stdin.take() {
            std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("ward reads its input");
        }
        let guard = Guard::new(child.id(), words.join(" "));
        let output = child.wait_with_output().expect("ward ends");
        drop(guard);
        Ran {
            words: words.join(" "),
            output,
        }
    }

    /// All records, as `jlist` prints them.
    pub(crate) fn list(&self) -> Vec<Value> {
        let ran = self.run(&["jlist"]).succeeds();
        serde_json::from_str(ran.stdout().trim()).expect("jlist prints one JSON array")
    }

    /// The one record with this name.
    pub(crate) fn app(&self, name: &str) -> Value {
        let mut found: Vec<Value> = self
            .list()
            .into_iter()
            .filter(|app| app["name"] == name)
            .collect();
        assert_eq!(found.len(), 1, "one instance of {name}");
        found.remove(0)
    }

    /// The process id of the one instance with this name.
    pub(crate) fn pid(&self, name: &str) -> u32 {
        u32::try_from(self.app(name)["pid"].as_u64().expect("a pid")).expect("a pid")
    }

    /// The status of the one instance with this name.
    pub(crate) fn status(&self, name: &str) -> String {
        self.app(name)["pm2_env"]["status"]
            .as_str()
            .expect("a status")
            .to_owned()
    }

    /// Follows the bus from now on. Starts the daemon if there is none.
    pub(crate) fn bus(&self) -> Bus {
        if !self.home().join("pub.sock").exists() {
            self.run(&["ping"]).succeeds();
        }
        let bus = Bus::connect(&self.home().join("pub.sock"));
        // The daemon takes subscribers before it answers, so from here on the bus is complete.
        self.rpc().call("ping", &serde_json::json!([{}]));
        bus
    }

    /// A raw connection to the daemon. Starts the daemon if there is none.
    pub(crate) fn rpc(&self) -> Rpc {
        if !self.home().join("rpc.sock").exists() {
            self.run(&["ping"]).succeeds();
        }
        Rpc::connect(&self.home().join("rpc.sock"))
    }

    /// Waits until the list satisfies `wanted`; looks again at each event on the bus.
    pub(crate) fn wait_until(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut bus = self.bus();
        let until = Instant::now() + DEADLINE;
        loop {
            let list = self.list();
            if wanted(&list) {
                return list;
            }
            bus.next_by(until, what);
        }
    }

    /// Waits until the one instance with this name has this status.
    pub(crate) fn wait_status(&self, name: &str, status: &str) {
        self.wait_until(&format!("{name} {status}"), |list| {
            list.iter()
                .any(|app| app["name"] == name && app["pm2_env"]["status"] == status)
        });
    }

    /// The environment a process was given.
    pub(crate) fn environ(&self, name: &str) -> Vec<String> {
        environ_of(self.pid(name))
    }

    /// The daemons of this home, found by their environment.
    pub(crate) fn daemons(&self) -> Vec<u32> {
        let mark = format!("WARD_HOME={}", self.home().display());
        processes()
            .filter(|pid| {
                let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let is_daemon = words
                    .split(|byte| *byte == 0)
                    .any(|word| word == b"__daemon");
                is_daemon && environ_of(*pid).contains(&mark)
            })
            .collect()
    }

    /// An app's log file, when it is as wanted. The end of a command does not mean that everything
    /// an app has printed was read already.
    pub(crate) fn log_when(&self, file: &str, wanted: impl Fn(&str) -> bool) -> String {
        text_when(&self.home().join("logs").join(file), wanted)
    }

    /// The daemon's log, when it is as wanted.
    pub(crate) fn daemon_log_when(&self, wanted: impl Fn(&str) -> bool) -> String {
        text_when(&self.home().join("pm2.log"), wanted)
    }

    /// The daemon's log.
    pub(crate) fn daemon_log(&self) -> String {
        fs::read_to_string(self.home().join("pm2.log")).unwrap_or_default()
    }

    /// An app's log file.
    pub(crate) fn log(&self, file: &str) -> String {
        fs::read_to_string(self.home().join("logs").join(file)).unwrap_or_default()
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        if self.home().join("rpc.sock").exists() {
            let killed = self.run(&["kill"]);
            if std::thread::panicking() {
                eprintln!(
                    "--- kill said {}\n--- pm2.log:\n{}",
                    killed.all(),
                    self.daemon_log()
                );
            }
        }
    }
}

impl Ran {
    /// Exit code 0, or the test fails and shows everything.
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(
            self.code(),
            0,
            "`ward {}` failed:\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Exit code 1, nothing on the way lost, something said on standard error.
    pub(crate) fn fails(self) -> Self {
        assert_eq!(
            self.code(),
            1,
            "`ward {}` should fail:\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Standard error contains this.
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(
            self.stderr().contains(text),
            "`ward {}`: no {text:?} in\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Standard output contains this.
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(
            self.stdout().contains(text),
            "`ward {}`: no {text:?} in\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Standard output does not contain this.
    pub(crate) fn prints_no(self, text: &str) -> Self {
        assert!(
            !self.stdout().contains(text),
            "`ward {}`: {text:?} in\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// The exit code; 128 + n for a death by signal.
    pub(crate) fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let status = self.output.status;
        status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
            .expect("an end")
    }

    /// What it printed.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// What it complained.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn all(&self) -> String {
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            self.code(),
            self.stdout(),
            self.stderr()
        )
    }
}

/// Programs the apps and clients of the tests are written for or call; the README names them.
const NEEDS: [&str; 7] = [
    "bash", "node", "npm", "openssl", "python3", "setpriv", "setsid",
];

/// Says which of them are missing, instead of a failure far from the cause in each test.
fn needs() {
    static MISSING: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let is_missing = |name: &&str| !folders.iter().any(|it| it.join(name).is_file());
        NEEDS.into_iter().filter(is_missing).collect()
    });
    assert!(MISSING.is_empty(), "the tests need {MISSING:?} in PATH");
}

/// Kills a command that outlives the deadline, so that a hang is a failure with a name.
struct Guard {
    done: std::sync::mpsc::Sender<()>,
}

impl Guard {
    fn new(pid: u32, words: String) -> Self {
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            if wait.recv_timeout(DEADLINE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("`ward {words}` hangs, killing it");
                kill(pid, rustix::process::Signal::KILL);
            }
        });
        Self { done }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.done.send(()).ok();
    }
}

/// What is in a file, when it is as wanted.
pub(crate) fn text_when(file: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let until = Instant::now() + DEADLINE;
    loop {
        let bytes = fs::read(file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        if wanted(&text) {
            return text.into_owned();
        }
        let file = file.display();
        assert!(Instant::now() < until, "{file} stays otherwise: {text}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Sends a signal to a process.
pub(crate) fn kill(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not 0");
    rustix::process::kill_process(pid, signal).ok();
}

/// Waits until a process has ended.
pub(crate) fn wait_gone(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not 0");
    let Ok(pidfd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
        return;
    };
    assert!(
        readable(&pidfd, Instant::now() + DEADLINE),
        "process {pid:?} is still there"
    );
}

/// Whether a process exists and is no zombie.
pub(crate) fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .trim_start()
            .starts_with('Z')
    })
}

/// All process ids.
pub(crate) fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The environment of a process, as `NAME=value`.
pub(crate) fn environ_of(pid: u32) -> Vec<String> {
    let until = Instant::now() + DEADLINE;
    let bytes = loop {
        let bytes = fs::read(format!("/proc/{pid}/environ")).expect("the process is there");
        // Within an exec (of a shell that becomes the app) the kernel shows nothing.
        if !bytes.is_empty() || Instant::now() > until {
            break bytes;
        }
        std::thread::yield_now();
    };
    bytes
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// Waits until `fd` can be read; false at the deadline.
pub(crate) fn readable(fd: &impl AsFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).expect("a short time");
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
    }
}
