//! The process of a worker before the app starts (`ward __worker <context> <command>`): it finds
//! the command behind launchers and shells and becomes that command. A command that cannot be a
//! worker runs unchanged, as in fork mode, and the process tells the daemon why.

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

use super::ask::{self, Answer, Scripts};
use super::classify::{Place, Verdict, WorkerCommand, classify, command_line, is_shell};
use super::context::Context;
use super::shell::{self, shell_quote};
use crate::node::{CHANNEL_FD, agent, spread_inspectors};

/// The exit code of a shell that cannot run a command.
const CANNOT_RUN: u8 = 127;

/// Variables by which Node finds its channel and knows itself to be a worker.
const NODE_VARIABLES: [&str; 3] = [
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
];

/// Becomes the command of a worker. It returns only if that is not possible, or after the end of an
/// app that had to run as a child.
pub fn main(words: &[OsString]) -> ExitCode {
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let context = words.next().and_then(|word| Context::read(&word));
    let argv: Vec<String> = words.collect();
    let started = (context, argv.is_empty());
    let (Some(context), false) = started else {
        return report_error("__worker is ward's own; use `ward start`", 1);
    };
    let ended = Worker::new(context).and_then(|worker| worker.run(&argv));
    match ended {
        Ok(status) => exit_code(status),
        Err(error) => report_error(&error.to_string(), CANNOT_RUN),
    }
}

/// Writes a line to the log of the app.
fn report_error(text: &str, code: u8) -> ExitCode {
    // The log pipe may be closed already.
    writeln!(io::stderr(), "ward: {text}").ok();
    ExitCode::from(code)
}

/// The program that a launcher calls as its script shell: `ward -c <line>`.
pub fn script_shell(words: &[OsString]) -> ExitCode {
    let noted = match words.first() {
        Some(line) => ask::record(line),
        None => Err(io::ErrorKind::InvalidInput.into()),
    };
    match noted {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_error(
            &format!("cannot note what is to be run: {error}"),
            CANNOT_RUN,
        ),
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
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

    fn run(&self, argv: &[String]) -> io::Result<ExitStatus> {
        let search = env::var_os("PATH").unwrap_or_else(|| ward_sys::path::DEFAULT_PATH.into());
        let place = Place {
            cwd: &self.cwd,
            search,
        };
        let run = match classify(argv, None, &place) {
            Verdict::Worker(command) => self.become_worker(command),
            Verdict::Alone(reason) => self.become_alone(argv, &reason),
            Verdict::Launcher => match shell_line(argv) {
                Some(line) => self.become_shell_line(argv, line),
                None => return self.ask_launcher(argv),
            },
        };
        run.map(|never| match never {})
    }

    /// Becomes the app itself.
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
            self.notify_daemon("bare", "")?;
        }
        spread_inspectors(
            &mut argv,
            script.map(|at| at + agent::words(has_agent)),
            self.context.number,
        );
        let mut command = command_of(&argv);
        command
            .envs(env)
            .env("NODE_CHANNEL_FD", CHANNEL_FD.to_string())
            .env("NODE_CHANNEL_SERIALIZATION_MODE", "json")
            .env("NODE_UNIQUE_ID", self.context.unique_id.to_string());
        self.execute(&mut command)
    }

    /// Becomes the unchanged command, with a channel as in fork mode.
    fn become_alone(&self, argv: &[String], reason: &str) -> io::Result<Infallible> {
        self.notify_daemon("alone", reason)?;
        let mut command = command_of(argv);
        command
            .env("NODE_CHANNEL_FD", CHANNEL_FD.to_string())
            .env("NODE_CHANNEL_SERIALIZATION_MODE", "json")
            .env_remove("NODE_UNIQUE_ID");
        self.execute(&mut command)
    }

    /// Becomes the shell of `sh -c <line>`, whose last command then becomes the worker.
    fn become_shell_line(&self, argv: &[String], line: &str) -> io::Result<Infallible> {
        let ward = match ward_executable() {
            Ok(ward) => ward,
            Err(error) => return self.become_alone(argv, &executable_missing(&error)),
        };
        let line = self.rewrite_line(line, &ward)?;
        let mut command =
            command_of(&[&[argv[0].clone(), "-c".to_owned(), line], &argv[3..]].concat());
        without_channel(&mut command);
        self.execute(&mut command)
    }

    /// Asks a launcher for its command and becomes that command.
    fn ask_launcher(&self, argv: &[String]) -> io::Result<ExitStatus> {
        let ward = match ward_executable() {
            Ok(ward) => ward,
            Err(error) => {
                let alone = self.become_alone(argv, &executable_missing(&error));
                return alone.map(|never| match never {});
            }
        };
        // The daemon must not take the silence until the app starts for a runtime without Node's
        // protocol.
        self.notify_daemon("launching", "")?;
        let mut launcher = command_of(argv);
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
                self.notify_daemon("alone", "It runs the app without a script shell, in a process of its own. For a cluster give the app itself as `script`.")?;
                // The signals of a stop are meant for the app; this process ends with the app.
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

    /// Runs the `pre` script, then becomes the script itself. With a `post` script it becomes a
    /// shell that waits for the script and then runs the `post` script.
    fn run_scripts(&self, scripts: &Scripts, line: &str, ward: &Path) -> io::Result<ExitStatus> {
        if let Some(before) = &scripts.before {
            let status = before.command(&before.line).status()?;
            if !status.success() {
                return Ok(status);
            }
        }
        let mut line = self.rewrite_line(line, ward)?;
        if let Some(after) = &scripts.after {
            let event = shell_quote(&after.variable("npm_lifecycle_event").to_string_lossy());
            let text = shell_quote(&after.line.to_string_lossy());
            line = format!(
                "trap : INT TERM HUP\n( {line}\n) || exit $?\nnpm_lifecycle_event={event} npm_lifecycle_script={text} exec sh -c {text}"
            );
        }
        let mut command = scripts.main.command(OsStr::new(&line));
        self.execute(&mut command).map(|never| match never {})
    }

    /// The line with `exec ward __worker …` in front of its last command. The caller knows that
    /// there is such a command.
    fn rewrite_line(&self, line: &str, ward: &Path) -> io::Result<String> {
        let shell::Line {
            before, command, ..
        } = shell::last_command(line)
            .map_err(|why| io::Error::other(format!("{line:?} needs a shell: it has {why}")))?;
        let [word, context] = self.context.words();
        let ward = shell_quote(&ward.to_string_lossy());
        Ok(format!(
            "{before}exec {ward} {word} {} {command}",
            shell_quote(&context)
        ))
    }

    fn execute(&self, command: &mut Command) -> io::Result<Infallible> {
        // Only the app inherits the channel; the programs that ran before it did not.
        ward_sys::fdpass::close_on_exec(&self.channel, false)?;
        let error = command.exec();
        let program = command.get_program().display();
        Err(io::Error::new(
            error.kind(),
            format!("cannot run {program}: {error}"),
        ))
    }

    /// Sends an internal message to the daemon, in the form that the agent inside a worker uses.
    fn notify_daemon(&self, act: &str, reason: &str) -> io::Result<()> {
        let message = json!({ "cmd": "NODE_WARD", "act": act, "reason": reason });
        let mut channel = std::fs::File::from(self.channel.try_clone()?);
        channel.write_all(format!("{message}\n").as_bytes())
    }
}

/// The line of `sh -c <line>`.
fn shell_line(argv: &[String]) -> Option<&str> {
    match argv {
        [shell, option, line, ..] if option == "-c" && is_shell(shell) => Some(line),
        _ => None,
    }
}

fn command_of(argv: &[String]) -> Command {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]);
    command
}

fn without_channel(command: &mut Command) {
    for name in NODE_VARIABLES {
        command.env_remove(name);
    }
}

/// The path of this executable, for launchers and shells that run it again.
fn ward_executable() -> io::Result<PathBuf> {
    let path = env::current_exe()?;
    let text = path.to_string_lossy();
    // A new release may have replaced the file since this process started.
    let path = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(&text));
    if ward_sys::path::is_executable(&path) {
        return Ok(path);
    }
    let text = format!("{} cannot be run by the user of the app", path.display());
    Err(io::Error::other(text))
}

fn executable_missing(error: &io::Error) -> String {
    format!("What it runs cannot be found out: {error}.")
}
