//! The process of a worker before the app begins (`ward __worker <context> <command>`): it finds
//! the command behind launchers and shells and becomes it. What turns out to be no worker is run
//! all the same, alone, and the daemon is told why.

use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use serde_json::json;
use ward_sys::signal::{self, Signal};

use super::ask::{self, Answer, Script, Scripts};
use super::classify::{Place, Verdict, WorkerCommand, classify, command_line, is_shell};
use super::shell;
use crate::channel::CHANNEL_FD;
use crate::cluster::{agent, spread_inspectors};

/// What the shell exits with when a command cannot be run.
const CANNOT_RUN: u8 = 127;

/// Variables by which Node finds its channel and knows itself to be a worker.
const NODES_OWN: [&str; 3] = [
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
];

/// What a worker needs beside its command; one word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// `NODE_UNIQUE_ID`.
    pub(crate) unique_id: u32,
    /// The number of the instance.
    pub(crate) number: u32,
    /// The agent to load, if any.
    pub(crate) agent: Option<PathBuf>,
}

impl Context {
    /// The words that make a command the worker's, given before the command.
    pub(crate) fn words(&self) -> [String; 2] {
        let agent = self
            .agent
            .as_deref()
            .map_or_else(String::new, |path| path.display().to_string());
        [
            "__worker".to_owned(),
            format!("{}:{}:{agent}", self.unique_id, self.number),
        ]
    }

    fn read(word: &str) -> Option<Self> {
        let mut parts = word.splitn(3, ':');
        Some(Self {
            unique_id: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            agent: parts
                .next()
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        })
    }
}

/// Becomes the command; returns only when that is not possible, or when the app had to be waited for.
pub(crate) fn main(words: &[OsString]) -> ExitCode {
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let context = words.next().and_then(|word| Context::read(&word));
    let argv: Vec<String> = words.collect();
    let started = (context, argv.is_empty());
    let (Some(context), false) = started else {
        eprintln!("ward: __worker is ward's own; use `ward start`");
        return ExitCode::FAILURE;
    };
    let ended = Worker::new(context).and_then(|worker| worker.run(argv));
    match ended {
        Ok(status) => code(status),
        Err(error) => {
            eprintln!("ward: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn code(status: ExitStatus) -> ExitCode {
    let signal = || 128 + status.signal().unwrap_or_default();
    let code = status.code().unwrap_or_else(signal);
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

struct Worker {
    context: Context,
    channel: OwnedFd,
    cwd: PathBuf,
}

impl Worker {
    fn new(context: Context) -> io::Result<Self> {
        Ok(Self {
            context,
            channel: ward_sys::fdpass::inherit(CHANNEL_FD)?,
            cwd: env::current_dir()?,
        })
    }

    fn run(&self, argv: Vec<String>) -> io::Result<ExitStatus> {
        let search = env::var_os("PATH").unwrap_or_else(|| ward_sys::path::DEFAULT_PATH.into());
        let place = Place {
            cwd: &self.cwd,
            search,
        };
        let run = match classify(&argv, None, &place) {
            Verdict::Worker(command) => self.become_worker(command),
            Verdict::Alone(reason) => self.become_alone(&argv, &reason),
            Verdict::Launcher => match line_of(&argv) {
                Some(line) => self.become_line(&argv, line),
                None => return self.ask(&argv),
            },
        };
        run.map(|never| match never {})
    }

    /// The app itself.
    fn become_worker(&self, command: WorkerCommand) -> io::Result<Infallible> {
        let WorkerCommand {
            mut argv,
            script,
            env,
            ..
        } = command;
        let has_agent = match &self.context.agent {
            Some(agent) => agent::load(&mut argv, script, agent),
            None => false,
        };
        if self.context.agent.is_some() && !has_agent {
            self.tell("bare", "")?;
        }
        spread_inspectors(
            &mut argv,
            script.map(|at| at + agent::words(has_agent)),
            self.context.number,
        );
        let mut command = program(&argv);
        command
            .envs(env)
            .env("NODE_CHANNEL_FD", CHANNEL_FD.to_string())
            .env("NODE_CHANNEL_SERIALIZATION_MODE", "json")
            .env("NODE_UNIQUE_ID", self.context.unique_id.to_string());
        self.execute(&mut command)
    }

    /// The command as it is, with a channel as in fork mode.
    fn become_alone(&self, argv: &[String], reason: &str) -> io::Result<Infallible> {
        self.tell("alone", reason)?;
        let mut command = program(argv);
        command
            .env("NODE_CHANNEL_FD", CHANNEL_FD.to_string())
            .env("NODE_CHANNEL_SERIALIZATION_MODE", "json")
            .env_remove("NODE_UNIQUE_ID");
        self.execute(&mut command)
    }

    /// `sh -c <line>`: its last command becomes the worker.
    fn become_line(&self, argv: &[String], line: &str) -> io::Result<Infallible> {
        let ward = match own_path() {
            Ok(ward) => ward,
            Err(error) => return self.become_alone(argv, &unreachable_ward(&error)),
        };
        let Ok(line) = self.rewritten(line, &ward) else {
            return self.become_alone(argv, "");
        };
        let mut command =
            program(&[&[argv[0].clone(), "-c".to_owned(), line], &argv[3..]].concat());
        without_channel(&mut command);
        self.execute(&mut command)
    }

    /// A launcher.
    fn ask(&self, argv: &[String]) -> io::Result<ExitStatus> {
        let ward = match own_path() {
            Ok(ward) => ward,
            Err(error) => {
                let alone = self.become_alone(argv, &unreachable_ward(&error));
                return alone.map(|never| match never {});
            }
        };
        // Whoever begins late is not silent for want of a protocol.
        self.tell("launching", "")?;
        let mut launcher = program(argv);
        without_channel(&mut launcher);
        let alone = |reason: &str| self.become_alone(argv, reason).map(|never| match never {});
        let scripts = match ask::ask(launcher, &ward)? {
            Answer::Ended(status) => return Ok(status),
            Answer::Runs(scripts) => scripts,
            Answer::Several => {
                return alone(
                    "It runs several scripts of packages. For a cluster declare an app for each.",
                );
            }
            Answer::RunsItself(running) => {
                self.tell("alone", "It runs the app without a script shell, in a process of its own. For a cluster give the app itself as `script`.")?;
                // The signals of a stop are for the app; its end is ours.
                signal::ignore(Signal::INT)?;
                signal::ignore(Signal::TERM)?;
                return running.wait();
            }
        };
        let line = scripts.main.line.to_string_lossy().into_owned();
        let place = Place {
            cwd: &scripts.main.cwd,
            search: scripts.main.variable("PATH"),
        };
        match command_line(&line, &place) {
            Verdict::Alone(reason) => alone(&reason),
            Verdict::Worker(_) | Verdict::Launcher => self.run_scripts(&scripts, &line, &ward),
        }
    }

    /// The script before, then the script itself in place of this process; the script after it needs
    /// a shell that waits.
    fn run_scripts(&self, scripts: &Scripts, line: &str, ward: &Path) -> io::Result<ExitStatus> {
        if let Some(before) = &scripts.before {
            let status = before.command(&before.line).status()?;
            if !status.success() {
                return Ok(status);
            }
        }
        let Ok(mut line) = self.rewritten(line, ward) else {
            return Err(io::Error::other(
                "the command line of the script cannot be read",
            ));
        };
        if let Some(after) = &scripts.after {
            let event = quoted(&after.variable("npm_lifecycle_event").to_string_lossy());
            let text = quoted(&after.line.to_string_lossy());
            line = format!(
                "trap : INT TERM HUP\n( {line}\n) || exit $?\nnpm_lifecycle_event={event} npm_lifecycle_script={text} exec sh -c {text}"
            );
        }
        let mut command = scripts.main.command(OsStr::new(&line));
        self.execute(&mut command).map(|never| match never {})
    }

    /// The line with ward in front of its last command, in place of the shell.
    fn rewritten(&self, line: &str, ward: &Path) -> Result<String, shell::NeedsShell> {
        let shell::Line {
            before, command, ..
        } = shell::last_command(line)?;
        let [word, context] = self.context.words();
        let ward = quoted(&ward.to_string_lossy());
        Ok(format!(
            "{before}exec {ward} {word} {} {command}",
            quoted(&context)
        ))
    }

    fn execute(&self, command: &mut Command) -> io::Result<Infallible> {
        self.keep_channel(false)?;
        let error = command.exec();
        let program = command.get_program().display();
        Err(io::Error::new(
            error.kind(),
            format!("cannot run {program}: {error}"),
        ))
    }

    /// Keeps the channel from programs that run before the app, or gives it to what runs now.
    fn keep_channel(&self, keep: bool) -> io::Result<()> {
        ward_sys::fdpass::close_on_exec(&self.channel, keep).map(drop)
    }

    /// Tells the daemon something, as the agent in a worker does.
    fn tell(&self, act: &str, reason: &str) -> io::Result<()> {
        let message = json!({ "cmd": "NODE_WARD", "act": act, "reason": reason });
        let mut channel = std::fs::File::from(self.channel.try_clone()?);
        channel.write_all(format!("{message}\n").as_bytes())
    }
}

impl Script {
    /// A shell with a line, where and how the launcher would run it.
    fn command(&self, line: &OsStr) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).current_dir(&self.cwd);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn variable(&self, wanted: &str) -> OsString {
        let found = self.env.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// The line of `sh -c <line>`.
fn line_of(argv: &[String]) -> Option<&str> {
    match argv {
        [shell, option, line, ..] if option == "-c" && is_shell(shell) => Some(line),
        _ => None,
    }
}

fn program(argv: &[String]) -> Command {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]);
    command
}

fn without_channel(command: &mut Command) {
    for name in NODES_OWN {
        command.env_remove(name);
    }
}

/// The path of this program, for those that have to run it again.
fn own_path() -> io::Result<PathBuf> {
    let path = env::current_exe()?;
    let text = path.to_string_lossy();
    // A newer one may have taken its place since.
    let path = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(&text));
    if ward_sys::path::is_executable(&path) {
        return Ok(path);
    }
    let text = format!("{} cannot be run by the user of the app", path.display());
    Err(io::Error::other(text))
}

fn unreachable_ward(error: &io::Error) -> String {
    format!("What it runs cannot be found out: {error}.")
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
