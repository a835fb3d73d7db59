//! The command line: it parses arguments, sends requests to the daemon and prints text.

pub(crate) mod args;
pub(crate) mod client;
pub(crate) mod commands;
mod daemon;
pub(crate) mod doctor;
pub(crate) mod ecosystem;
pub(crate) mod help;
pub(crate) mod messages;
mod missing;
mod no_daemon;
pub(crate) mod out;
pub(crate) mod resolve;
pub(crate) mod select;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use ward_home::Paths;
use ward_wire::text::printable;

use self::args::{Invocation, UsageError};
use self::messages::Console;
use crate::exit::Failure;

/// Runs one command line. `program` is the name the binary was called by.
pub(crate) fn main(program: &str, words: Vec<OsString>) -> ExitCode {
    let words: Vec<String> = match words.into_iter().map(OsString::into_string).collect() {
        Ok(words) => words,
        Err(word) => return not_text(&word),
    };
    let paths = Paths::from_env(program);
    let invocation = match Invocation::read(program, &words, paths, &args::is_regular_file) {
        Ok(invocation) => invocation,
        Err(error) => return usage_error(&words, &error),
    };
    let console = invocation.console.clone();
    let result = run(&invocation).and_then(|()| console.finish());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&console, &failure);
            ExitCode::from(failure.code)
        }
    }
}

fn run(invocation: &Invocation) -> Result<(), Failure> {
    if invocation.is_set("version") {
        commands::version::print(invocation);
        return Ok(());
    }
    if invocation.is_set("help") {
        help::print(invocation);
        return Ok(());
    }
    if let Some(failure) = missing::program(&invocation.program) {
        return Err(failure);
    }
    let Some(command) = invocation.command else {
        return Err(no_command(invocation));
    };
    if command.strict
        && let Some(extra) = invocation.targets.first()
    {
        invocation.console.say("");
        invocation
            .console
            .line(format!("Unknown command argument: {extra}"));
        help::print_all(invocation);
        return Err(Failure::said());
    }
    refuse_wrong_options(invocation)?;
    if invocation.is_set("no-daemon") {
        return no_daemon::run(invocation, command.run);
    }
    (command.run)(invocation)
}

/// Handles a missing or unknown command. Both messages go to standard output, as in PM2.
fn no_command(invocation: &Invocation) -> Failure {
    if let Some(unknown) = &invocation.unknown {
        if let Some(failure) = missing::command(unknown) {
            return failure;
        }
        invocation.console.line("[PM2][ERROR] Command not found\n");
        help::suggest(invocation, unknown);
    }
    help::print_usage(invocation);
    Failure::said()
}

/// Reports invalid options: a warning for each, then all of them in one error. The command does
/// nothing.
fn refuse_wrong_options(invocation: &Invocation) -> Result<(), Failure> {
    if invocation.wrong.is_empty() {
        return Ok(());
    }
    for reason in &invocation.wrong {
        invocation.console.warn(reason);
    }
    Err(Failure::new(invocation.wrong.join(",")))
}

fn report(console: &Console, failure: &Failure) {
    if !failure.message.is_empty() {
        console.error(&failure.message);
    }
    if let Some(hint) = &failure.hint {
        console.aside(hint);
    }
}

/// A word that is not UTF-8: a record of an app holds text only, and would name another file.
fn not_text(word: &OsStr) -> ExitCode {
    let word = printable(&word.to_string_lossy()).into_owned();
    let failure = Failure::new(format!(
        "cannot take the argument {word:?}: it is not UTF-8, and the records of apps hold text only"
    ));
    report(&Console::new(false, None), &failure);
    ExitCode::from(failure.code)
}

/// The options of a command that is missing are unknown, too: what matters is the command.
fn usage_error(words: &[String], error: &UsageError) -> ExitCode {
    let console = Console::new(false, None);
    let command = words.iter().find(|word| !word.starts_with('-'));
    match command.and_then(|command| missing::command(command)) {
        Some(failure) => report(&console, &failure),
        None => console.aside(format!("\n  error: {error}\n")),
    }
    ExitCode::FAILURE
}
