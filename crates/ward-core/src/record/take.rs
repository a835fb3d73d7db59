//! Takes typed values out of a record. What was not taken in the end is what we do not know.

use core::time::Duration;

use serde_json::{Map, Value};

use super::BadSpec;
use crate::config::{shell_split, units};
use crate::signal;

/// A record on its way to become a declaration.
pub(super) struct Take {
    left: Map<String, Value>,
    /// A record with the state of a process in it (a dump): its variables may have overwritten
    /// options of the same name, so an unreadable option counts as absent and the app survives.
    lenient: bool,
    /// Times that cannot be told from what was made of them: below zero, zero, fractions.
    odd: Map<String, Value>,
}

impl Take {
    pub(super) fn new(record: &Map<String, Value>, lenient: bool) -> Self {
        Self {
            left: record.clone(),
            lenient,
            odd: Map::new(),
        }
    }

    /// Keys that say nothing about the app.
    pub(super) fn forget(&mut self, names: &[Value]) {
        for name in names.iter().filter_map(Value::as_str) {
            self.left.shift_remove(name);
        }
    }

    /// The times that were taken and are not shown by what was made of them.
    pub(super) fn odd(&mut self) -> Map<String, Value> {
        core::mem::take(&mut self.odd)
    }

    /// What nobody asked for.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.left
    }

    /// Any value but `null`.
    pub(super) fn value(&mut self, key: &str) -> Option<Value> {
        self.left.shift_remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Option<Map<String, Value>>, BadSpec> {
        self.read(key, "an object", |value| match value {
            Value::Object(map) => Some(map.clone()),
            _ => None,
        })
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, BadSpec> {
        self.read(key, "a string", |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// The name or number of a signal, as it was declared.
    pub(super) fn signal(&mut self, key: &str) -> Result<Option<String>, BadSpec> {
        let Some(name) = self.text(key)? else {
            return Ok(None);
        };
        match signal::parse(&name) {
            Ok(_) => Ok(Some(name)),
            Err(_) if self.lenient => Ok(None),
            Err(unknown) => Err(unknown.into()),
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, BadSpec> {
        self.read(key, "true or false", flag)
    }

    pub(super) fn count(&mut self, key: &str) -> Result<Option<u32>, BadSpec> {
        self.read(key, "a number", |value| {
            u32::try_from(units::whole(number(value)?)?).ok()
        })
    }

    pub(super) fn bytes(&mut self, key: &str) -> Result<Option<u64>, BadSpec> {
        self.read(key, "a size such as 200M", |value| match value {
            Value::String(text) => units::bytes(text),
            _ => units::whole(number(value)?),
        })
    }

    pub(super) fn time(&mut self, key: &str) -> Result<Option<Duration>, BadSpec> {
        let mut odd = None;
        let millis = self.read(key, "a time in milliseconds", |value| {
            let millis = match value {
                Value::String(text) => units::millis(text)?,
                // PM2 takes what is below zero and waits no time at all.
                _ => units::whole(number(value)?.max(0.0))?,
            };
            if millis == 0 || (value.is_number() && value.as_u64() != Some(millis)) {
                odd = Some(value.clone());
            }
            Some(millis)
        })?;
        if let Some(value) = odd {
            self.odd.insert(key.to_owned(), value);
        }
        Ok(millis.map(Duration::from_millis))
    }

    /// A list of words as they were declared; a string is cut as in a shell.
    pub(super) fn words(&mut self, key: &str) -> Result<Option<Vec<Value>>, BadSpec> {
        let is_word = |value: &Value| !value.is_array() && !value.is_object();
        self.read(key, "a list of strings", |value| match value {
            Value::String(text) => Some(
                shell_split::words(text)
                    .into_iter()
                    .map(Value::from)
                    .collect(),
            ),
            Value::Array(list) => list.iter().all(is_word).then(|| list.clone()),
            _ => is_word(value).then(|| vec![value.clone()]),
        })
    }

    /// A list of exit codes; one alone may stand without the brackets.
    pub(super) fn codes(&mut self, key: &str) -> Result<Vec<i32>, BadSpec> {
        let code = |value: &Value| i32::try_from(integer(value)?).ok();
        let codes = self.read(key, "a list of exit codes", |value| match value {
            Value::Array(list) => list.iter().map(code).collect(),
            Value::String(text) => {
                let texts = text.split([',', ' ']).filter(|part| !part.is_empty());
                texts.map(|part| part.parse().ok()).collect()
            }
            _ => code(value).map(|only| vec![only]),
        })?;
        Ok(codes.unwrap_or_default())
    }

    pub(super) fn read<T>(
        &mut self,
        key: &str,
        wanted: &'static str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, BadSpec> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None if self.lenient => Ok(None),
            None => Err(BadSpec::Wrong {
                key: key.to_owned(),
                wanted,
                given: short(&value),
            }),
        }
    }
}

pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text == "true" => Some(true),
        Value::String(text) if text == "false" => Some(false),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    let number = number(value)?;
    let size = i64::try_from(units::whole(number.abs())?).ok()?;
    Some(if number < 0.0 { -size } else { size })
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
