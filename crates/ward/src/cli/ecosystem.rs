//! Configuration files: which arguments name one, where the default one is, and how each kind
//! becomes declarations. JSON5, YAML and TOML are parsed. Node evaluates `.js` files and their
//! variants, and a `.json` file that contains JavaScript.

mod apps;
mod program;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use ward_core::config::source::Source;
use ward_core::config::{Decl, SyntaxError, json, toml, yaml};
use ward_home::file::{self, LARGEST_CONFIG};

use self::apps::assemble;
use crate::exit::Failure;

/// Files that `start` without a target looks for, in this order.
const DEFAULTS: [&str; 9] = [
    "ecosystem.config.js",
    "ecosystem.config.cjs",
    "ecosystem.config.mjs",
    "ecosystem.config.ts",
    "ecosystem.json",
    "ecosystem.json5",
    "ecosystem.yaml",
    "ecosystem.yml",
    "ecosystem.toml",
];

/// The way in which a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Yaml,
    Toml,
    Program,
    TypeScript,
}

/// What names a kind. The longest fitting one counts.
const ENDINGS: [(&str, Kind); 11] = [
    (".json5", Kind::Json),
    (".json", Kind::Json),
    (".yaml", Kind::Yaml),
    (".yml", Kind::Yaml),
    (".toml", Kind::Toml),
    (".config.js", Kind::Program),
    (".config.cjs", Kind::Program),
    (".config.mjs", Kind::Program),
    (".config.ts", Kind::TypeScript),
    (".config.mts", Kind::TypeScript),
    (".config.cts", Kind::TypeScript),
];

/// The selected apps of a file, and the selected variables.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    /// The value of `--env`: the `env_<name>` block to merge.
    pub(crate) env: Option<&'a str>,
    /// `--only`: names, separated by commas or spaces.
    pub(crate) only: Option<&'a str>,
    /// Whether the output of the file (`console.log` and the like) is hidden (`--silent`).
    pub(crate) silent: bool,
}

/// The changes of the environment that evaluating a file made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Variables that were added or changed.
    pub(crate) set: Map<String, Value>,
    /// Variables that were deleted.
    pub(crate) unset: Vec<String>,
}

/// The content of a file.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// Selected apps, checked, variables chosen, names filled in. May be empty.
    pub(crate) apps: Vec<Decl>,
    /// Environments to deploy to.
    #[allow(
        dead_code,
        reason = "for the command that deploys; their variables are merged here"
    )]
    pub(crate) deploy: Option<Map<String, Value>>,
    /// For standard error: unknown keys, a name that is not there, code in a `.json`.
    pub(crate) notices: Vec<String>,
    /// Names of apps for which the chosen environment is not defined.
    pub(crate) undefined: Vec<String>,
    /// What the file, if it is a program, did to the environment of its apps.
    pub(crate) changed: Changed,
}

/// Whether a word of the command line names a configuration. PM2 takes every word that contains
/// such an ending; in the middle of a word it counts here only if there is such a file, so that
/// apps may have such names.
pub(crate) fn is_config_name(word: &str, cwd: &Path) -> bool {
    ENDINGS.iter().any(|(ending, _)| word.ends_with(ending))
        || (kind(word).is_some() && cwd.join(word).is_file())
}

/// The file that `start` without a target takes.
pub(crate) fn default_file(cwd: &Path) -> Option<PathBuf> {
    DEFAULTS
        .iter()
        .map(|name| cwd.join(name))
        .find(|path| path.is_file())
}

/// Reads a configuration: a path, or `-` for standard input.
pub(crate) fn load(target: &str, cwd: &Path, selection: &Selection<'_>) -> Result<Loaded, Failure> {
    if target == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(format!("cannot read standard input: {error}")))?;
        return from_text("standard input", &text, Kind::Json, selection);
    }
    let path = cwd.join(target);
    let kind = kind(target).unwrap_or(Kind::Json);
    let text = file::read_text(&path, LARGEST_CONFIG).map_err(|error| {
        Failure::new(if error.is_missing() {
            format!("File {target} not found")
        } else {
            format!("File {target} cannot be read: {error}")
        })
    })?;
    match kind {
        Kind::Program | Kind::TypeScript => {
            let typescript = kind == Kind::TypeScript;
            let evaluated = program::evaluate(&path, typescript, selection.silent)
                .map_err(|failed| malformed(target, &failed))?;
            let source = Source {
                file: target,
                text: &text,
            };
            Ok(Loaded {
                changed: Changed {
                    set: evaluated.set,
                    unset: evaluated.unset,
                },
                ..assemble(source, evaluated.value, selection, Vec::new())?
            })
        }
        _ => from_text(target, &text, kind, selection),
    }
}

fn kind(word: &str) -> Option<Kind> {
    let ending = ENDINGS.iter().find(|(ending, _)| word.ends_with(ending));
    let inside = || ENDINGS.iter().find(|(ending, _)| word.contains(ending));
    ending.or_else(inside).map(|(_, kind)| *kind)
}

fn from_text(
    file: &str,
    text: &str,
    kind: Kind,
    selection: &Selection<'_>,
) -> Result<Loaded, Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let mut notices = Vec::new();
    let broken =
        |error: &SyntaxError| Failure::new(format!("File {file} malformated\n{file}:{error}"));
    let value = match kind {
        Kind::Yaml => yaml::parse(text).map_err(|error| broken(&error))?,
        Kind::Toml => toml::parse(text).map_err(|error| broken(&error))?,
        Kind::Json | Kind::Program | Kind::TypeScript => match json::parse(text) {
            Ok(value) => value,
            Err(error) => match program::evaluate_text(file, text) {
                Ok(value) => {
                    notices.push(format!(
                        "{file} is no JSON5 ({error}): it was evaluated as JavaScript, without require and process. Name it .config.js"
                    ));
                    value
                }
                Err(failed) => {
                    return Err(broken(&error).with_hint(format!("as JavaScript: {failed}")));
                }
            },
        },
    };
    assemble(Source { file, text }, value, selection, notices)
}

fn malformed(file: &str, error: &dyn core::fmt::Display) -> Failure {
    Failure::new(format!("File {file} malformated\n{error}"))
}
