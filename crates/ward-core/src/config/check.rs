//! A declaration as written becomes one in canonical keys and types, or a list of problems in
//! PM2's words with place, value and wish added.

mod cluster;
mod loose;
#[cfg(test)]
mod tests;

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::fields::{self, Default, FIELDS, Field, Kind, Unit};
use super::source::Source;
use super::{Decl, shell_split, units};
use crate::limits::MOST_INSTANCES_OF_APP;
use crate::suggest::nearest;
use crate::{cron, signal};

/// A value that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// PM2's text.
    pub text: String,
    /// `file:line`; empty for options of the command line.
    pub place: String,
    /// What was given, as JSON.
    pub given: String,
    /// What is wanted; empty where the text says it.
    pub wanted: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.text)?;
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "given {}", self.given)?;
        if !self.wanted.is_empty() {
            write!(f, ", wanted {}", self.wanted)?;
        }
        f.write_str(")")
    }
}

/// A checked declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Canonical keys; `env_<name>` keys; nothing else.
    pub decl: Decl,
    /// One per unknown key, and the like.
    pub warnings: Vec<String>,
}

/// Checks one app of a file.
pub fn app(written: &Map<String, Value>, source: Source<'_>) -> Result<Checked, Vec<Problem>> {
    let name = written.get("name").and_then(Value::as_str);
    run(written, Some(source), name)
}

/// Checks options by their keys, as the command line gives them. The string `null` passes: it
/// deletes a key of a running app.
pub fn options(written: &Map<String, Value>) -> Result<Checked, Vec<Problem>> {
    run(written, None, None)
}

/// Fills in what PM2 fills in when nothing was said.
pub fn fill_defaults(decl: &mut Decl) {
    for field in FIELDS {
        let value = match field.default {
            Default::None => continue,
            Default::True => Value::Bool(true),
            Default::Text(text) => text.into(),
            Default::Number(number) => number.into(),
            Default::Empty => Value::Array(Vec::new()),
        };
        decl.entry(field.name).or_insert(value);
    }
}

fn run(
    written: &Map<String, Value>,
    source: Option<Source<'_>>,
    app: Option<&str>,
) -> Result<Checked, Vec<Problem>> {
    let mut check = Check {
        decl: Map::new(),
        warnings: Vec::new(),
        problems: Vec::new(),
        source,
        app,
    };
    for (key, value) in written {
        if key.starts_with("env_") && key.len() > 4 {
            check.variant(key, value);
        } else if let Some(field) = fields::find(key) {
            if field.name == "cluster" {
                check.unknown_within(key, value);
            }
            // The strongest name that says something counts, whatever the order in the text.
            if strongest(field, written).is_some_and(|name| name == *key) && !value.is_null() {
                check.field(field, key, value);
            }
        } else {
            check.unknown(key);
        }
    }
    check.cluster();
    if check.problems.is_empty() {
        Ok(Checked {
            decl: check.decl,
            warnings: check.warnings,
        })
    } else {
        Err(check.problems)
    }
}

fn strongest(field: &'static Field, written: &Map<String, Value>) -> Option<String> {
    let says = |name: &str| written.get(name).is_some_and(|value| !value.is_null());
    fields::names(field)
        .flat_map(|name| [name.to_owned(), fields::camel(name)])
        .find(|name| says(name))
}

struct Check<'a> {
    decl: Decl,
    warnings: Vec<String>,
    problems: Vec<Problem>,
    source: Option<Source<'a>>,
    app: Option<&'a str>,
}

impl Check<'_> {
    fn place(&self, key: &str, given: &str) -> String {
        self.source
            .map(|source| source.place(key, self.app, given))
            .unwrap_or_default()
    }

    fn refuse(&mut self, key: &str, given: &Value, text: String, wanted: String) {
        let given = given.to_string();
        let place = self.place(key, &given);
        self.problems.push(Problem {
            text,
            place,
            given,
            wanted,
        });
    }

    fn unknown(&mut self, key: &str) {
        if fields::SILENT.contains(&key)
            || key.starts_with(['_', '/', '#'])
            || key.starts_with("x-")
        {
            return;
        }
        let names = FIELDS.iter().flat_map(fields::names);
        self.warn_of(key, key, names);
    }

    /// `shown` is the key with those above it.
    fn warn_of(&mut self, key: &str, shown: &str, names: impl Iterator<Item = &'static str>) {
        let place = self.place(key, "");
        let at = if place.is_empty() {
            place
        } else {
            format!("{place}: ")
        };
        let meant = nearest(key, names)
            .map(|name| format!(", did you mean \"{name}\"?"))
            .unwrap_or_default();
        self.warnings
            .push(format!("{at}unknown key \"{shown}\" is ignored{meant}"));
    }

    fn unknown_within(&mut self, key: &str, value: &Value) {
        for inner in value.as_object().into_iter().flat_map(Map::keys) {
            if !fields::CLUSTER.contains(&inner.as_str()) {
                self.warn_of(
                    inner,
                    &format!("{key}.{inner}"),
                    fields::CLUSTER.iter().copied(),
                );
            }
        }
    }

    fn variant(&mut self, key: &str, value: &Value) {
        match value {
            Value::Object(_) | Value::String(_) => {
                self.decl.insert(key.to_owned(), value.clone());
            }
            Value::Null => {}
            _ => self.wrong_type(key, key, &[Kind::Object, Kind::Text], value),
        }
    }

    fn field(&mut self, field: &'static Field, key: &str, value: &Value) {
        // PM2 takes an empty string for nothing said.
        if value.as_str() == Some("") && field.types.first() != Some(&Kind::List) {
            return;
        }
        if self.source.is_none() && value.as_str() == Some("null") {
            self.decl.insert(field.name.to_owned(), value.clone());
            return;
        }
        if self.source.is_some() && self.is_overlooked(field, key, value) {
            return;
        }
        let Some(value) = self.typed(field, key, value) else {
            return;
        };
        if let (Some(min), Some(number)) = (field.min, value.as_f64())
            && number < f64::from(min)
        {
            let text = format!(
                "The minimum of \"{}\" is {min}, but now is {value}",
                field.name
            );
            self.refuse(key, &value, text, String::new());
            return;
        }
        if let (Some(pattern), Some(text)) = (field.pattern, value.as_str())
            && !fits(pattern, text)
        {
            self.bad_form(field, key, &value);
            return;
        }
        self.look_at_time(field, key, &value);
        self.keep(field, key, value);
    }

    /// The value in one of the field's types, or `None` when it was refused.
    fn typed(&mut self, field: &'static Field, key: &str, value: &Value) -> Option<Value> {
        let takes = |kind: Kind| field.types.contains(&kind);
        let typed = match value {
            Value::String(text) => match self.read_text(field, key, text) {
                Ok(typed) => return typed,
                Err(()) => None,
            },
            Value::Number(_) if takes(Kind::Number) => Some(value.clone()),
            Value::Bool(_) if takes(Kind::Flag) => Some(value.clone()),
            Value::Array(_) if takes(Kind::List) => Some(value.clone()),
            Value::Object(_) if takes(Kind::Object) => Some(value.clone()),
            // A number stands for a list of itself: PM2's files say `args: 8080`.
            Value::Number(number) if field.types == [Kind::List, Kind::Text] => {
                Some(Value::Array(vec![Value::String(number.to_string())]))
            }
            _ => None,
        };
        if typed.is_none() {
            self.wrong_type(field.name, key, field.types, value);
        }
        typed
    }

    /// `Ok(None)`: refused, and said so. `Err`: of no type that fits.
    fn read_text(
        &mut self,
        field: &'static Field,
        key: &str,
        text: &str,
    ) -> Result<Option<Value>, ()> {
        let takes = |kind: Kind| field.types.contains(&kind);
        if field.name == "instances" {
            return Ok(Some(self.instances(text)));
        }
        if field.name == "stop_exit_codes" {
            let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
            return parts
                .map(number)
                .collect::<Option<Vec<Value>>>()
                .map(|codes| Some(Value::Array(codes)))
                .ok_or(());
        }
        if let Some(unit) = field.unit {
            let parsed = match unit {
                Unit::Bytes => units::bytes(text).map(Value::from),
                Unit::Millis => units::millis(text)
                    .map(Value::from)
                    .or_else(|| number(text)),
            };
            return match parsed {
                Some(parsed) => Ok(Some(parsed)),
                None if field.hint.is_empty() => Err(()),
                None => {
                    self.bad_form(field, key, &Value::String(text.to_owned()));
                    Ok(None)
                }
            };
        }
        if takes(Kind::Number)
            && let Some(number) = number(text)
        {
            return Ok(Some(number));
        }
        if field.types.first() == Some(&Kind::List) && field.types.len() > 1 {
            return Ok(Some(
                shell_split::words(text)
                    .into_iter()
                    .map(Value::String)
                    .collect(),
            ));
        }
        if takes(Kind::Text) {
            Ok(Some(Value::String(text.to_owned())))
        } else {
            Err(())
        }
    }

    /// PM2 takes any text for "one per CPU".
    fn instances(&mut self, text: &str) -> Value {
        let text = text.trim();
        let end = text
            .char_indices()
            .find(|(at, c)| !(c.is_ascii_digit() || (*at == 0 && *c == '-')));
        let digits = end.map_or(text, |(end, _)| &text[..end]);
        match digits.parse::<i64>() {
            Ok(count) if digits == text => count.into(),
            Ok(count) => {
                self.warnings
                    .push(format!("instances \"{text}\" is read as {count}"));
                count.into()
            }
            Err(_) => {
                if text != "max" {
                    self.warnings
                        .push(format!("instances \"{text}\" is no number: one per CPU"));
                }
                0.into()
            }
        }
    }

    /// Last looks at single keys.
    fn keep(&mut self, field: &'static Field, key: &str, value: Value) {
        let value = match (field.name, &value) {
            ("exec_mode", Value::String(mode)) if !mode.ends_with("_mode") => {
                format!("{mode}_mode").into()
            }
            ("instances", Value::Number(count))
                if count.as_f64() > Some(f64::from(MOST_INSTANCES_OF_APP)) =>
            {
                let text = format!(
                    "The maximum of \"instances\" is {MOST_INSTANCES_OF_APP}, but now is {count}"
                );
                self.refuse(key, &value, text, String::new());
                return;
            }
            ("kill_signal", Value::String(name)) => match signal::parse(name) {
                Ok(number) => spelled_out(name, number).into(),
                Err(unknown) => {
                    let text = format!("\"{key}\": {unknown}");
                    self.refuse(key, &value, text, String::new());
                    return;
                }
            },
            ("cron_restart", Value::String(_) | Value::Number(_)) => {
                let pattern = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                if pattern != "0"
                    && let Err(error) = cron::check(&pattern)
                {
                    self.refuse(key, &value, error.to_string(), String::new());
                    return;
                }
                value
            }
            _ => value,
        };
        self.decl.insert(field.name.to_owned(), value);
    }

    fn bad_form(&mut self, field: &'static Field, key: &str, given: &Value) {
        let text = format!(
            "Verify \"{}\" with regex failed, {}",
            field.name, field.hint
        );
        self.refuse(key, given, text, String::new());
    }

    fn wrong_type(&mut self, name: &str, key: &str, types: &[Kind], given: &Value) {
        let classes: Vec<&str> = types.iter().map(|kind| kind.class()).collect();
        let wanted: Vec<&str> = types.iter().map(|kind| kind.words()).collect();
        let text = format!(
            "Expect \"{name}\" to be a typeof {}, but now is {}",
            classes.join(" / "),
            class(given)
        );
        self.refuse(key, given, text, wanted.join(" or "));
    }
}

fn number(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    // "inf" and "nan" are words to everybody but Rust.
    if text.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) {
        return None;
    }
    text.parse()
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
}

/// The name of a signal with its `SIG`; one that was given by its number gets a name.
fn spelled_out(name: &str, number: i32) -> String {
    let name = name.to_ascii_uppercase();
    if name.starts_with("SIG") {
        name
    } else if name.parse::<i32>().is_ok() {
        signal::name(number)
    } else {
        format!("SIG{name}")
    }
}

fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "[object Null]",
        Value::Bool(_) => Kind::Flag.class(),
        Value::Number(_) => Kind::Number.class(),
        Value::String(_) => Kind::Text.class(),
        Value::Array(_) => Kind::List.class(),
        Value::Object(_) => Kind::Object.class(),
    }
}

/// Whether a text has a form of the table. Each pattern is compiled once: a file of a hundred apps
/// asks a hundred times.
fn fits(pattern: &'static str, text: &str) -> bool {
    static COMPILED: Mutex<BTreeMap<&str, Regex>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = compiled.get(pattern) {
        return known.is_match(text);
    }
    let Ok(regex) = Regex::new(pattern) else {
        return false;
    };
    compiled.entry(pattern).or_insert(regex).is_match(text)
}
