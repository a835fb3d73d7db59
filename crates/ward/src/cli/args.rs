//! Arguments: the words of a command line to an [`Invocation`]. Two steps: `words` takes the line
//! apart, `values` gives the options their types. What a command does with them is not known here.

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

use self::commands::CommandSpec;
use self::options::{Effect, Takes};
use self::words::{Given, Words};
use crate::cli::messages::Console;
use ward_home::Paths;

pub(crate) use self::words::UsageError;

/// One command line, understood.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Name the binary was called by.
    pub(crate) program: String,
    /// What is asked; `None` when nothing is, or when it is unknown (see `unknown`).
    pub(crate) command: Option<&'static CommandSpec>,
    /// A first word that is no command.
    pub(crate) unknown: Option<String>,
    /// The words after the command.
    pub(crate) targets: Vec<String>,
    /// Options that fill keys of a declaration, by that key.
    pub(crate) options: Map<String, Value>,
    /// Options that could not be read, in PM2's words.
    pub(crate) wrong: Vec<String>,
    /// Words after `--`, meant for the app.
    pub(crate) passthrough: Option<Vec<String>>,
    /// Where things are.
    pub(crate) paths: Paths,
    /// Where messages go.
    pub(crate) console: Console,
    given: Vec<Given>,
}

impl Invocation {
    /// Reads a command line. `is_file` says whether a word names an existing file; it decides what
    /// `start --watch app.js` means.
    pub(crate) fn read(
        program: &str,
        words: &[String],
        paths: Paths,
        is_file: &dyn Fn(&str) -> bool,
    ) -> Result<Self, UsageError> {
        let mut words = words::split(words)?;
        give_back_target(&mut words, is_file);
        let (options, wrong) = values::fields(&words.given);
        let is_set = |name: &str| words.given.iter().any(|option| option.spec.long == name);
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
            given: words.given,
        })
    }

    /// Whether this is the command.
    pub(crate) fn is_command(&self, name: &str) -> bool {
        self.command.is_some_and(|command| command.name == name)
    }

    /// Whether an option was given, by its long name.
    pub(crate) fn is_set(&self, long: &str) -> bool {
        self.given.iter().any(|option| option.spec.long == long)
    }

    /// The word of an option, by its long name; the last one wins. `None` when it was not given or
    /// has no word.
    pub(crate) fn text(&self, long: &str) -> Option<&str> {
        self.given
            .iter()
            .rev()
            .find(|option| option.spec.long == long)
            .and_then(|option| option.word.as_deref())
    }

    /// The word of an option as a whole number; anything else counts as absent.
    pub(crate) fn number(&self, long: &str) -> Option<i64> {
        self.text(long).and_then(|text| text.trim().parse().ok())
    }

    /// The first word after the command.
    pub(crate) fn target(&self) -> Option<&str> {
        self.targets.first().map(String::as_str)
    }

    /// How long the daemon may take to answer, when `--timeout` says so.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.text("timeout")
            .and_then(units::millis_of_seconds)
            .map(Duration::from_millis)
    }
}

/// `start --watch app.js`: by the rules of the words, `app.js` is what to watch and nothing is left
/// to start. Nobody means that, so an option that may go without a word gives it back when the
/// command would have no target.
fn give_back_target(words: &mut Words, is_file: &dyn Fn(&str) -> bool) {
    let Some(command) = words.command else {
        return;
    };
    let takes_targets = command.needs_target() || command.name == "start";
    if !takes_targets || !words.arguments.is_empty() {
        return;
    }
    let Some(option) = words.given.iter_mut().rev().find(|option| {
        matches!(option.spec.takes, Takes::MaybeWord(_))
            && matches!(option.spec.effect, Effect::Field(..))
            && option.word.is_some()
    }) else {
        return;
    };
    // `start --watch src` beside an ecosystem.config.js is a working line of PM2's: it stays.
    let word = option.word.as_deref().unwrap_or_default();
    if command.name == "start" && !is_file(word) && is_file(DEFAULT_FILE) {
        return;
    }
    words.arguments.extend(option.word.take());
}

/// What `start` without a target looks for.
pub(crate) const DEFAULT_FILE: &str = "ecosystem.config.js";

/// Whether a path names an existing regular file.
pub(crate) fn is_regular_file(path: &str) -> bool {
    Path::new(path).is_file()
}
