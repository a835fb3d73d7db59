//! Configuration files: which words name one, where the default one is, and how each kind becomes
//! declarations. JSON5, YAML and TOML are parsed; `.js` and its kin are programs and are evaluated
//! by node, as is a `.json` that is JavaScript.

mod program;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use ward_core::config::source::Source;
use ward_core::config::{Decl, SyntaxError, check, default_name, env, json, shape, toml, yaml};

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

/// How a file is read.
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

/// Which apps of a file, and with which variables.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    /// `--env`.
    pub(crate) env: Option<&'a str>,
    /// `--only`: names, separated by commas or spaces.
    pub(crate) only: Option<&'a str>,
}

/// A file, read.
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
    /// For standard error: unknown keys, a missing environment, code in a `.json`.
    pub(crate) notices: Vec<String>,
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
    let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(format!("File {target} not found")),
        _ => Failure::new(format!("File {target} cannot be read: {error}")),
    })?;
    match kind {
        Kind::Program | Kind::TypeScript => {
            let (value, printed) = program::evaluate(&path, kind == Kind::TypeScript)
                .map_err(|failed| malformed(target, &failed))?;
            assemble(
                Source {
                    file: target,
                    text: &text,
                },
                value,
                selection,
                printed,
            )
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

/// From a value to selected declarations.
fn assemble(
    source: Source<'_>,
    value: Value,
    selection: &Selection<'_>,
    mut notices: Vec<String>,
) -> Result<Loaded, Failure> {
    let shape = shape::read(value).map_err(|error| malformed(source.file, &error))?;
    let mut apps = Vec::new();
    let mut problems = Vec::new();
    for written in &shape.apps {
        match check::app(written, source) {
            Ok(checked) => {
                notices.extend(checked.warnings);
                apps.push(checked.decl);
            }
            Err(found) => problems.extend(found.iter().map(ToString::to_string)),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::new(problems.join("\n")));
    }
    let names: Vec<Option<String>> = apps.iter_mut().map(named).collect();
    let wanted: Option<Vec<&str>> = selection.only.map(|only| {
        only.split([',', ' '])
            .filter(|name| !name.is_empty())
            .collect()
    });
    let mut selected = Vec::new();
    for (mut app, plain) in apps.into_iter().zip(names) {
        let warnings = env::choose(&mut app, selection.env, shape.deploy.as_ref());
        let name = app.get("name").and_then(Value::as_str);
        let is = |wanted: &str| Some(wanted) == name || Some(wanted) == plain.as_deref();
        // A name may have a space or a comma in it.
        let whole = selection.only.is_some_and(is);
        if whole
            || wanted
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|name| is(name)))
        {
            notices.extend(warnings);
            selected.push((plain, app));
        }
    }
    for name in wanted.unwrap_or_default() {
        if selected
            .iter()
            .any(|(plain, _)| plain.as_deref() == selection.only)
        {
            break;
        }
        let has = |(plain, app): &(Option<String>, Decl)| {
            plain.as_deref() == Some(name) || app.get("name").and_then(Value::as_str) == Some(name)
        };
        if !selected.iter().any(has) {
            notices.push(format!("{}: no app is named {name}", source.file));
        }
    }
    let mut seen = Vec::new();
    notices.retain(|notice| {
        let new = !seen.contains(notice);
        if new {
            seen.push(notice.clone());
        }
        new
    });
    let apps = selected.into_iter().map(|(_, app)| app).collect();
    Ok(Loaded {
        apps,
        deploy: shape.deploy,
        notices,
    })
}

/// Fills in the name, so that running apps can be found by it.
fn named(app: &mut Decl) -> Option<String> {
    if let Some(Value::String(name)) = app.get("name") {
        return Some(name.clone());
    }
    let Some(Value::String(script)) = app.get("script") else {
        return None;
    };
    let name = default_name(script);
    app.insert("name".to_owned(), Value::String(name.clone()));
    Some(name)
}

fn malformed(file: &str, error: &dyn core::fmt::Display) -> Failure {
    Failure::new(format!("File {file} malformated\n{error}"))
}
