//! From the text of a configuration to checked declarations. Pure: reading files, running node and
//! looking at the file system is done by the shell.
//!
//! The way of a file: [`json`], [`yaml`] or [`toml`] make a value of the text (JavaScript is
//! evaluated by node, outside), [`shape`] finds the apps in it, [`check`] makes each a declaration
//! in the canonical keys of [`fields`], [`mod@env`] chooses the variables. Options of the command line
//! go through the same [`check`] and lie over the declaration.

pub mod check;
pub mod env;
pub mod env_bytes;
pub mod fields;
pub mod json;
mod settings;
pub mod shape;
pub mod shell_split;
pub mod source;
pub mod toml;
pub mod units;
pub mod yaml;

use serde_json::{Map, Number, Value};

/// One app as declared: canonical keys, checked values, not yet resolved against a machine.
pub type Decl = Map<String, Value>;

/// A text that is not in the language it should be in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct SyntaxError {
    /// First line is 1.
    pub line: usize,
    /// First column is 1.
    pub column: usize,
    /// What the parser says, one line.
    pub message: String,
}

/// The name of an app that has none: the last part of the script without its last extension.
pub fn default_name(script: &str) -> String {
    let base = script.rsplit('/').next().unwrap_or(script);
    match base.rfind('.') {
        Some(dot) if dot > 0 => base[..dot].to_owned(),
        _ => base.to_owned(),
    }
}

/// JavaScript has one kind of number: a whole one is shown without a fraction (`1.0` is `1`).
fn whole_numbers(mut value: Value) -> Value {
    match &mut value {
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|_| number.is_f64())
                .and_then(|float| {
                    let whole = i64::try_from(units::whole(float.abs())?).ok()?;
                    let fits = float.fract() == 0.0;
                    fits.then_some(if float < 0.0 { -whole } else { whole })
                });
            if let Some(whole) = whole {
                *number = Number::from(whole);
            }
        }
        Value::Array(list) => {
            for entry in list {
                *entry = whole_numbers(entry.take());
            }
        }
        Value::Object(map) => {
            for (_, entry) in map.iter_mut() {
                *entry = whole_numbers(entry.take());
            }
        }
        _ => {}
    }
    value
}
