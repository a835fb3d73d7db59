//! Configuration that is a program: node (or bun, deno) runs it and returns the result as JSON.

use core::fmt;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cli::resolve::lookup;

/// The mark before the result, so that no other output is taken for it.
const MARK: &[u8] = b"\0ward\0";

const LOAD: &str = include_str!("load.mjs");
const EVALUATE: &str = include_str!("evaluate.js");

/// Why the evaluation has no value.
#[derive(Debug)]
pub(super) enum Failed {
    /// No runtime in `PATH` can run the file.
    NoRuntime(&'static str),
    /// The runtime could not be started.
    Run(std::io::Error),
    /// The file threw an exception: message and place.
    Threw { place: String, message: String },
    /// The runtime ended without a result.
    Silent,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime(wanted) => write!(f, "{wanted}"),
            Self::Run(error) => write!(f, "node cannot be run: {error}"),
            Self::Threw { place, message } if place.is_empty() => f.write_str(message),
            Self::Threw { place, message } => write!(f, "{place}: {message}"),
            Self::Silent => f.write_str("it ended without a result"),
        }
    }
}

/// The value of a configuration file, and its changes of the environment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Evaluated {
    /// The exported value: `module.exports`, `export default`, named exports, or the result of an
    /// exported function.
    pub(super) value: Value,
    /// The variables that the file added or changed.
    pub(super) set: Map<String, Value>,
    /// The variables that the file deleted.
    pub(super) unset: Vec<String>,
    /// The exception, if the file threw one.
    thrown: Option<String>,
}

/// Runs a configuration file. Both standard streams are its own, so the answer comes through
/// memory that we share with it: nothing that it prints, and nothing that it leaves running, can be
/// taken for the answer or keep us waiting.
pub(super) fn evaluate(path: &Path, typescript: bool, silent: bool) -> Result<Evaluated, Failed> {
    let mut command = runtime(typescript)?;
    let memory = memfd_create("ward-config", MemfdFlags::CLOEXEC);
    let mut answer = File::from(memory.map_err(|errno| Failed::Run(errno.into()))?);
    let opened = format!("/proc/{}/fd/{}", std::process::id(), answer.as_raw_fd());
    command
        .arg(LOAD)
        .env("WARD_CONFIG_FILE", path)
        .env("WARD_CONFIG_ANSWER", opened)
        .env("WARD_CONFIG_WORDS", json!(words()).to_string())
        // If the command runs inside an app, these variables belong to that app.
        .env_remove("NODE_CHANNEL_FD")
        .env_remove("NODE_UNIQUE_ID")
        .stdin(Stdio::null());
    if silent {
        command.env("WARD_CONFIG_SILENT", "1");
    }
    command.status().map_err(Failed::Run)?;
    let mut text = Vec::new();
    answer.rewind().map_err(Failed::Run)?;
    answer.read_to_end(&mut text).map_err(Failed::Run)?;
    let evaluated: Evaluated = serde_json::from_slice(&text).map_err(|_| Failed::Silent)?;
    match evaluated.thrown {
        Some(printed) => Err(threw(&printed, &path.to_string_lossy())),
        None => Ok(evaluated),
    }
}

/// The command line as PM2 shows it to such a file, without node: the program, then its words.
fn words() -> Vec<String> {
    let mut words = std::env::args_os();
    let called = words.next().map(PathBuf::from).unwrap_or_default();
    let program = if called.components().count() > 1 {
        std::path::absolute(&called).ok()
    } else {
        which(&called.to_string_lossy()).or_else(|| std::env::current_exe().ok())
    };
    core::iter::once(program.unwrap_or(called).into_os_string())
        .chain(words)
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// Evaluates a text as one JavaScript expression: no `require`, no `process`, one second.
pub(super) fn evaluate_text(file: &str, text: &str) -> Result<Value, Failed> {
    let node = which("node").ok_or(Failed::NoRuntime("node is needed to evaluate it"))?;
    let mut command = Command::new(node);
    command
        .args(["-e", EVALUATE])
        .env_clear()
        .env("WARD_CONFIG_FILE", file)
        .stdin(Stdio::piped());
    run(command, text, file)
}

fn run(mut command: Command, input: &str, file: &str) -> Result<Value, Failed> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failed::Run)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends early has written the reason to standard error.
        drop(stdin.write_all(input.as_bytes()));
    }
    let output = child.wait_with_output().map_err(Failed::Run)?;
    let answer =
        memchr::memmem::rfind(&output.stdout, MARK).map(|at| &output.stdout[at + MARK.len()..]);
    if !output.status.success() {
        return Err(threw(&String::from_utf8_lossy(&output.stderr), file));
    }
    let value = answer.and_then(|answer| serde_json::from_slice(answer).ok());
    value.ok_or(Failed::Silent)
}

/// A command that takes a module as its last word.
fn runtime(typescript: bool) -> Result<Command, Failed> {
    let with = |program: PathBuf, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words);
        command
    };
    let module = ["--input-type=module", "-e"];
    if let Some(node) = which("node") {
        if !typescript {
            return Ok(with(node, &module));
        }
        match lookup::node_version(&node).map(lookup::strips_types) {
            Some(lookup::Stripping::Native) => return Ok(with(node, &module)),
            Some(lookup::Stripping::ByFlag) => {
                return Ok(with(
                    node,
                    &["--experimental-strip-types", "--input-type=module", "-e"],
                ));
            }
            _ => {}
        }
    }
    if let Some(bun) = which("bun") {
        // Only the file itself decides whether to read a `.env`.
        return Ok(with(bun, &["--env-file=/dev/null", "-e"]));
    }
    if let Some(deno) = which("deno") {
        return Ok(with(deno, &["eval", "--ext=mjs"]));
    }
    Err(Failed::NoRuntime(if typescript {
        "a TypeScript file needs node >= 22.18, bun or deno in PATH"
    } else {
        "a JavaScript file needs node, bun or deno in PATH"
    }))
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    lookup::which(program, &path.to_string_lossy())
}

/// Finds message and place in what node prints for an uncaught exception: `file:line`, the line,
/// a caret below the column, an empty line, the error with its stack; or in the stack alone.
fn threw(printed: &str, file: &str) -> Failed {
    let lines: Vec<&str> = printed.lines().collect();
    let is_error = |line: &&&str| {
        let name = line.split([':', ' ']).next().unwrap_or_default();
        name.ends_with("Error") || name.ends_with("Exception")
    };
    let message = lines
        .iter()
        .find(is_error)
        .map(|line| line.trim().to_owned());
    let message = message
        .or_else(|| {
            lines
                .iter()
                .map(|line| line.trim())
                .find(|line| !line.is_empty())
                .map(str::to_owned)
        })
        .unwrap_or_else(|| "it failed without a word".to_owned());
    let name = file.rsplit('/').next().unwrap_or(file);
    let place = located(&lines, file).map(|(line, column)| match column {
        Some(column) => format!("{name}:{line}:{column}"),
        None => format!("{name}:{line}"),
    });
    Failed::Threw {
        place: place.unwrap_or_default(),
        message,
    }
}

fn located(lines: &[&str], file: &str) -> Option<(usize, Option<usize>)> {
    let numbers = |text: &str| {
        let at = text.find(file)?;
        let mut parts = text[at + file.len()..]
            .trim_end_matches(')')
            .strip_prefix(':')?
            .split(':');
        let line: usize = parts.next()?.parse().ok()?;
        Some((line, parts.next().and_then(|column| column.parse().ok())))
    };
    let (index, (line, column)) = lines
        .iter()
        .enumerate()
        .find_map(|(index, text)| Some((index, numbers(text)?)))?;
    let caret = lines
        .iter()
        .skip(index + 1)
        .take(2)
        .find(|text| text.trim_start().starts_with('^'));
    let column = column.or_else(|| caret.and_then(|text| text.find('^')).map(|at| at + 1));
    Some((line, column))
}
