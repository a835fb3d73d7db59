//! Separates options and arguments in the way that PM2's users know: options anywhere, `--name=x`,
//! bundled letters, `[x]` options with an optional value. This module does not know what options
//! mean.

use super::commands::{CommandSpec, find};
use super::options::{GLOBAL, OptionSpec, Takes};

/// An option of the command line.
#[derive(Clone, Debug)]
pub(super) struct ParsedOption {
    /// The option's entry in the table.
    pub(super) spec: &'static OptionSpec,
    /// The value, if there is one.
    pub(super) value: Option<String>,
}

/// A command line, separated into its parts.
#[derive(Debug, Default)]
pub(super) struct ParsedLine {
    /// The command, if the first argument names one.
    pub(super) command: Option<&'static CommandSpec>,
    /// The first argument, even if it is not a command.
    pub(super) first: Option<String>,
    /// The arguments after the first one.
    pub(super) arguments: Vec<String>,
    /// The options in their order.
    pub(super) options: Vec<ParsedOption>,
    /// The arguments after `--`.
    pub(super) passthrough: Option<Vec<String>>,
}

/// Why a command line cannot be parsed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    /// The option does not exist.
    #[error("unknown option `{0}'")]
    UnknownOption(String),
    /// The option needs a value.
    #[error("option `{0}' argument missing")]
    MissingValue(String),
    /// The command needs an argument.
    #[error("missing required argument `{0}'")]
    MissingArgument(&'static str),
}

/// Separates a command line into command, arguments and options.
pub(super) fn split(words: &[String]) -> Result<ParsedLine, UsageError> {
    // Which options exist depends on the command, and where the command stands depends on which
    // options take a value. So the first scan uses the options of all commands to find the command.
    let command = scan(words, Scope::Any)
        .ok()
        .and_then(|scanned| scanned.first.as_deref().and_then(find));
    let mut scanned = scan(words, Scope::Of(command))?;
    scanned.command = scanned.first.as_deref().and_then(find);
    Ok(scanned)
}

/// The commands whose own options a scan accepts.
#[derive(Clone, Copy)]
enum Scope {
    Any,
    Of(Option<&'static CommandSpec>),
}

impl Scope {
    fn own(self) -> Box<dyn Iterator<Item = &'static OptionSpec>> {
        match self {
            Self::Any => Box::new(
                super::commands::COMMANDS
                    .iter()
                    .flat_map(|command| command.own.iter()),
            ),
            Self::Of(command) => Box::new(command.into_iter().flat_map(|command| command.own)),
        }
    }

    // A command's own option wins over a global one of the same name, once the command is known.
    fn find(self, wanted: impl Fn(&OptionSpec) -> bool) -> Option<&'static OptionSpec> {
        let own = self.own().find(|option| wanted(option));
        let global = GLOBAL.iter().find(|option| wanted(option));
        match self {
            Self::Any => global.or(own),
            Self::Of(_) => own.or(global),
        }
    }

    fn long(self, name: &str) -> Option<&'static OptionSpec> {
        self.find(|option| option.long == name)
    }

    fn short(self, letter: char) -> Option<&'static OptionSpec> {
        self.find(|option| option.short.contains(&letter))
    }
}

fn scan(words: &[String], scope: Scope) -> Result<ParsedLine, UsageError> {
    let mut result = ParsedLine::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            result.passthrough = Some(rest.cloned().collect());
            break;
        }
        if !is_option(word) {
            match result.first {
                None => result.first = Some(word.clone()),
                Some(_) => result.arguments.push(word.clone()),
            }
            continue;
        }
        for (spec, attached) in options_of(word, scope)? {
            let value = match (spec.takes, attached) {
                (Takes::Nothing, _) => None,
                (_, Some(attached)) => Some(attached),
                (Takes::Word(_), None) => match rest.next() {
                    Some(next) => Some(next.clone()),
                    // The first scan only finds the command; the second one reports the error.
                    None if matches!(scope, Scope::Any) => None,
                    None => return Err(UsageError::MissingValue(spec.usage())),
                },
                (Takes::MaybeWord(_), None) => match rest.as_slice().first() {
                    Some(next) if !is_option(next) && next != "--" => rest.next().cloned(),
                    _ => None,
                },
            };
            result.options.push(ParsedOption { spec, value });
        }
    }
    Ok(result)
}

// A lone dash is an argument: standard input. So is a number: `scale app -1`.
fn is_option(word: &str) -> bool {
    let letters = word.strip_prefix('-').unwrap_or_default();
    letters.bytes().any(|byte| !byte.is_ascii_digit())
}

/// The options in one argument, each with the value attached to it.
fn options_of(
    word: &str,
    scope: Scope,
) -> Result<Vec<(&'static OptionSpec, Option<String>)>, UsageError> {
    let unknown = |text: &str| UsageError::UnknownOption(text.to_owned());
    if let Some(long) = word.strip_prefix("--") {
        let (name, attached) = match long.split_once('=') {
            Some((name, attached)) => (name, Some(attached.to_owned())),
            None => (long, None),
        };
        let spec = scope
            .long(name)
            .ok_or_else(|| unknown(&format!("--{name}")))?;
        return Ok(vec![(spec, attached)]);
    }
    let mut found = Vec::new();
    let letters = &word[1..];
    for (at, letter) in letters.char_indices() {
        let spec = scope
            .short(letter)
            .ok_or_else(|| unknown(&format!("-{letter}")))?;
        let after = &letters[at + letter.len_utf8()..];
        // PM2 takes `-i2` for `-i -2`, which is never intended. Here the text after a letter
        // that takes a value is that value.
        if matches!(spec.takes, Takes::Word(_)) && !after.is_empty() {
            found.push((spec, Some(after.trim_start_matches('=').to_owned())));
            break;
        }
        found.push((spec, None));
    }
    Ok(found)
}
