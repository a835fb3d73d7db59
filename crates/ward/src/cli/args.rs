//! Parses the arguments of a command line into an [`Invocation`], in two steps: `words` separates
//! options and arguments, `values` gives the options their types. This module does not know what a
//! command does with them.

pub(crate) mod commands;
pub(crate) mod options;
#[cfg(test)]
mod tests;
mod values;
mod words;

use core::time::Duration;
use std::path::Path;

use serde_json::{Map, Value};
use ward_core::config::units;
use ward_home::Paths;

use self::commands::CommandSpec;
use self::options::{Effect, Takes};
use self::words::{ParsedLine, ParsedOption};
use crate::cli::messages::Console;

pub(crate) use self::words::UsageError;

/// A parsed command line.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// The name that the binary was called by.
    pub(crate) program: String,
    /// The command; `None` if there is none or if it is unknown (see `unknown`).
    pub(crate) command: Option<&'static CommandSpec>,
    /// The first argument, if it is not a command.
    pub(crate) unknown: Option<String>,
    /// The arguments after the command.
    pub(crate) targets: Vec<String>,
    /// The values of options that fill keys of a declaration, by that key.
    pub(crate) options: Map<String, Value>,
    /// The errors of invalid options, with PM2's texts.
    pub(crate) wrong: Vec<String>,
    /// The arguments after `--`, which are meant for the app.
    pub(crate) passthrough: Option<Vec<String>>,
    /// The paths of the home.
    pub(crate) paths: Paths,
    /// The output streams.
    pub(crate) console: Console,
    parsed: Vec<ParsedOption>,
}

impl Invocation {
    /// Parses a command line. `is_file` tells whether an argument names an existing file, which
    /// decides what `start --watch app.js` means.
    pub(crate) fn read(
        program: &str,
        words: &[String],
        paths: Paths,
        is_file: &dyn Fn(&str) -> bool,
    ) -> Result<Self, UsageError> {
        let mut words = words::split(words)?;
        take_dashed_targets(&mut words);
        give_back_target(&mut words, is_file);
        let (options, wrong) = values::fields(&words.options);
        let is_set = |name: &str| words.options.iter().any(|option| option.spec.long == name);
        let color = if is_set("no-color") {
            Some(false)
        } else {
            is_set("color").then_some(true)
        };
        let console = Console::new(is_set("silent"), color);
        let help = is_set("help") || is_set("version");
        if let (Some(command), false) = (words.command, help)
            && let Some(missing) = command.missing(words.arguments.len())
        {
            return Err(UsageError::MissingArgument(missing));
        }
        Ok(Self {
            program: program.to_owned(),
            command: words.command,
            unknown: words.first.filter(|_| words.command.is_none()),
            targets: words.arguments,
            options,
            wrong,
            passthrough: words.passthrough,
            paths,
            console,
            parsed: words.options,
        })
    }

    /// Whether `name` is the name of the command.
    pub(crate) fn is_command(&self, name: &str) -> bool {
        self.command.is_some_and(|command| command.name == name)
    }

    /// Whether an option is present, by its long name.
    pub(crate) fn is_set(&self, long: &str) -> bool {
        self.parsed.iter().any(|option| option.spec.long == long)
    }

    /// The value of an option, by its long name; the last one wins. `None` if the option is absent
    /// or has no value.
    pub(crate) fn text(&self, long: &str) -> Option<&str> {
        self.parsed
            .iter()
            .rev()
            .find(|option| option.spec.long == long)
            .and_then(|option| option.value.as_deref())
    }

    /// The value of an option as a whole number; anything else counts as absent.
    pub(crate) fn number(&self, long: &str) -> Option<i64> {
        self.text(long).and_then(|text| text.trim().parse().ok())
    }

    /// The first argument after the command.
    pub(crate) fn target(&self) -> Option<&str> {
        self.targets.first().map(String::as_str)
    }

    /// The value of `--timeout`: the longest time that the daemon may take to answer.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.text("timeout")
            .and_then(units::millis_of_seconds)
            .map(Duration::from_millis)
    }
}

/// Commands that give the words after `--` to the app.
const PASSING_ON: [&str; 5] = [
    "start",
    "restart",
    "reload",
    "startOrRestart",
    "startOrReload",
];

/// Lets an app be called like an option: after `--`, words are names. Where they are words for the
/// app, they are names if there is no other, up to a second `--`: `restart -- --force -- --port 1`.
fn take_dashed_targets(words: &mut ParsedLine) {
    let Some(command) = words
        .command
        .filter(|command| !command.arguments.is_empty())
    else {
        return;
    };
    if !PASSING_ON.contains(&command.name) {
        words
            .arguments
            .extend(words.passthrough.take().unwrap_or_default());
    } else if command.needs_target()
        && words.arguments.is_empty()
        && let Some(passed) = words.passthrough.take()
    {
        let mut parts = passed
            .splitn(2, |word| word == "--")
            .map(<[String]>::to_vec);
        words.arguments = parts.next().unwrap_or_default();
        words.passthrough = parts.next();
    }
}

/// Corrects `start --watch app.js`: by the rules of options, `app.js` is the value of `--watch`,
/// and no target is left. Since that is never intended, an option with an optional value gives the
/// value back if the command would have no target.
fn give_back_target(words: &mut ParsedLine, is_file: &dyn Fn(&str) -> bool) {
    let Some(command) = words.command else {
        return;
    };
    let takes_targets = command.needs_target() || command.name == "start";
    if !takes_targets || !words.arguments.is_empty() {
        return;
    }
    let Some(option) = words.options.iter_mut().rev().find(|option| {
        matches!(option.spec.takes, Takes::MaybeWord(_))
            && matches!(option.spec.effect, Effect::Field(..))
            && option.value.is_some()
    }) else {
        return;
    };
    // `start --watch src` beside an ecosystem.config.js works in PM2 and keeps its meaning.
    let word = option.value.as_deref().unwrap_or_default();
    if command.name == "start" && !is_file(word) && is_file(DEFAULT_FILE) {
        return;
    }
    words.arguments.extend(option.value.take());
}

/// The file that `start` without a target takes.
pub(crate) const DEFAULT_FILE: &str = "ecosystem.config.js";

/// Whether a path names an existing regular file.
pub(crate) fn is_regular_file(path: &str) -> bool {
    Path::new(path).is_file()
}
