//! Asks a launcher what it would run. npm, npx, yarn 1 and pnpm run the scripts of a package in a
//! shell that a variable names. Here that shell is ward, which records folder, environment and
//! command line and runs nothing. So the launcher itself finds packages, workspaces, options and
//! `pre` scripts.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};

/// The variable with the path of the file to which the script shell appends what it is asked to
/// run: the folder, the command line, each variable and an empty string, each ended by a NUL byte.
pub const RECORD: &str = "WARD_LAUNCH_RECORD";

/// The variables that name the script shell: of npm and pnpm up to 11, of pnpm from 12, of yarn 1.
const SHELL_VARIABLES: [&str; 3] = [
    "npm_config_script_shell",
    "pnpm_config_script_shell",
    "YARN_SCRIPT_SHELL",
];

/// The variable in which a launcher names the script that it runs, such as `prestart`.
const EVENT: &str = "npm_lifecycle_event";

/// How often to look at the children of a launcher. A launcher calls its script shell as soon as it
/// has loaded and has no other child until then, however busy the machine is. A child that is seen
/// twice therefore means that the launcher runs the app itself, without the script shell.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A script that a launcher would run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) cwd: PathBuf,
    /// The command line.
    pub(super) line: OsString,
    /// The whole environment.
    pub(super) env: Vec<(OsString, OsString)>,
}

impl Script {
    /// A shell that runs `line` in the folder and environment that the launcher chose.
    pub(super) fn command(&self, line: &OsStr) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).current_dir(&self.cwd);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(super) fn variable(&self, wanted: &str) -> OsString {
        let found = self.env.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// What a launcher would run: the script with its `pre` and `post` scripts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scripts {
    pub(super) before: Option<Script>,
    pub(super) main: Script,
    pub(super) after: Option<Script>,
}

/// What became of a launcher that was asked.
#[derive(Debug)]
pub(super) enum Answer {
    /// It would run these scripts.
    Runs(Box<Scripts>),
    /// It ended without calling the script shell: it failed with a message of its own, or it ran
    /// the app without a shell, and the app has ended.
    Ended(ExitStatus),
    /// It would run several independent scripts, in parallel or in sequence.
    Several,
    /// It uses no script shell, and the app already runs as its child.
    RunsItself(Running),
}

/// A launcher that runs the app itself.
#[derive(Debug)]
pub(super) struct Running {
    ended: Receiver<io::Result<ExitStatus>>,
}

impl Running {
    /// Waits until the launcher ends.
    pub(super) fn wait(self) -> io::Result<ExitStatus> {
        let ended = self.ended.recv();
        ended.unwrap_or_else(|_| Err(io::Error::other("nobody waits for the launcher")))
    }
}

/// Runs the launcher with `shell`, the path of ward, as its script shell.
pub(super) fn ask(mut launcher: Command, shell: &Path) -> io::Result<Answer> {
    let mut record_file = File::from(memfd_create("ward-launch", MemfdFlags::CLOEXEC)?);
    let path = format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        record_file.as_raw_fd()
    );
    launcher.env(RECORD, path).stdin(Stdio::null());
    launcher.envs(SHELL_VARIABLES.map(|name| (name, shell)));
    let child = launcher.spawn()?;
    let pid = child.id();
    let running = Running {
        ended: wait_on_a_thread(child)?,
    };
    let mut before = Vec::new();
    let status = loop {
        match running.ended.recv_timeout(LOOK_EVERY) {
            Ok(status) => break status?,
            Err(RecvTimeoutError::Timeout) => {
                let now = children(pid);
                if now.iter().any(|child| before.contains(child)) {
                    return Ok(Answer::RunsItself(running));
                }
                before = now;
            }
            Err(RecvTimeoutError::Disconnected) => return running.wait().map(Answer::Ended),
        }
    };
    let mut bytes = Vec::new();
    record_file.rewind()?;
    record_file.read_to_end(&mut bytes)?;
    let scripts = read(&bytes);
    if !status.success() || scripts.is_empty() {
        return Ok(Answer::Ended(status));
    }
    Ok(group_hooks(scripts).map_or(Answer::Several, |scripts| Answer::Runs(Box::new(scripts))))
}

/// The children of a process, of all its threads (proc(5), `/proc/pid/task/tid/children`).
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let numbers = |list: String| -> Vec<u32> {
        let words = list.split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    };
    lists.flat_map(numbers).collect()
}

fn wait_on_a_thread(mut child: Child) -> io::Result<Receiver<io::Result<ExitStatus>>> {
    let (done, ended) = channel();
    thread::Builder::new()
        .name("launcher".to_owned())
        .spawn(move || done.send(child.wait()))?;
    Ok(ended)
}

/// Ward as a script shell: `ward -c <line>` records what it is asked to run.
pub(super) fn record(line: &OsStr) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut append = |part: &OsStr| {
        bytes.extend_from_slice(part.as_bytes());
        bytes.push(0);
    };
    append(env::current_dir()?.as_os_str());
    append(line);
    for (name, value) in env::vars_os() {
        let mut variable = name;
        variable.push("=");
        variable.push(value);
        append(&variable);
    }
    // No variable is an empty string, so an empty string ends the list.
    append(OsStr::new(""));
    let path = env::var_os(RECORD).unwrap_or_default();
    OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(&bytes)
}

/// Parses what [`record`] wrote.
fn read(bytes: &[u8]) -> Vec<Script> {
    let mut parts = bytes.split(|byte| *byte == 0);
    let mut scripts = Vec::new();
    let text = |part: &[u8]| OsString::from_vec(part.to_vec());
    while let (Some(cwd), Some(line)) = (parts.next(), parts.next()) {
        let variables = parts.by_ref().take_while(|part| !part.is_empty());
        let pair = |part: &[u8]| {
            let at = part.iter().position(|byte| *byte == b'=')?;
            Some((text(&part[..at]), text(&part[at + 1..])))
        };
        let is_ours = |name: &OsStr| name == RECORD || SHELL_VARIABLES.iter().any(|it| name == *it);
        let mut env: Vec<_> = variables.filter_map(pair).collect();
        env.retain(|(name, _)| !is_ours(name));
        // A script shell that the user has set stays in force for the app.
        let own = SHELL_VARIABLES
            .iter()
            .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)));
        env.extend(own);
        scripts.push(Script {
            cwd: PathBuf::from(text(cwd)),
            line: text(line),
            env,
        });
    }
    scripts
}

/// Finds the script among its `pre` and `post` scripts; `None` if there are others beside it.
fn group_hooks(scripts: Vec<Script>) -> Option<Scripts> {
    let event = |script: &Script| {
        let found = script.env.iter().find(|(name, _)| name == EVENT);
        found
            .map(|(_, event)| event.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let events: Vec<String> = scripts.iter().map(event).collect();
    let is_hook = |prefix: &str, main: usize, other: usize| {
        events
            .get(other)
            .is_some_and(|name| *name == format!("{prefix}{}", events[main]))
    };
    let main = usize::from(scripts.len() > 1 && is_hook("pre", 1, 0));
    let after = is_hook("post", main, main + 1);
    if scripts.len() != main + 1 + usize::from(after) {
        return None;
    }
    let mut scripts = scripts.into_iter();
    Some(Scripts {
        before: if main > 0 { scripts.next() } else { None },
        main: scripts.next()?,
        after: scripts.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(event: &str) -> Script {
        Script {
            cwd: PathBuf::from("/srv"),
            line: OsString::from(event),
            env: vec![(EVENT.into(), event.into())],
        }
    }

    fn arranged(events: &[&str]) -> Option<String> {
        let scripts = group_hooks(events.iter().map(|event| script(event)).collect())?;
        let text = |script: &Script| script.line.to_string_lossy().into_owned();
        let is_hook = |script: &Option<Script>| script.as_ref().map(text).unwrap_or_default();
        Some(format!(
            "{}<{}>{}",
            is_hook(&scripts.before),
            text(&scripts.main),
            is_hook(&scripts.after)
        ))
    }

    #[test]
    fn scripts_around_another_are_told_from_it() {
        for (events, wanted) in [
            (&["start"][..], Some("<start>")),
            (&["prestart", "start"], Some("prestart<start>")),
            (
                &["prestart", "start", "poststart"],
                Some("prestart<start>poststart"),
            ),
            (&["start", "poststart"], Some("<start>poststart")),
            (&["prestart"], Some("<prestart>")),
            (&["npx"], Some("<npx>")),
            (&["start", "start"], None),
            (&["build", "start"], None),
        ] {
            assert_eq!(arranged(events).as_deref(), wanted, "{events:?}");
        }
    }

    #[test]
    fn what_was_noted_is_read_again() {
        let bytes = b"/srv\0node a.js\0A=1\0B=x=y\0WARD_LAUNCH_RECORD=/x\0npm_config_script_shell=/y\0\0/\0b\0C=2\0\0";
        let scripts = read(bytes);
        let pair = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        assert_eq!(scripts.len(), 2);
        assert_eq!(
            (scripts[0].cwd.as_path(), scripts[0].line.as_os_str()),
            (Path::new("/srv"), OsStr::new("node a.js"))
        );
        assert_eq!(scripts[0].env, [pair("A", "1"), pair("B", "x=y")]);
        assert_eq!(scripts[1].env, [pair("C", "2")]);
    }
}
