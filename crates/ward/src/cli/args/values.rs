//! Converts the text of an option into the value of a declaration's key. The errors have PM2's
//! texts.

use serde_json::{Map, Value, json};
use ward_core::config::{shell_split, units};

use super::options::{Effect, Kind};
use super::words::ParsedOption;

/// Date format of `--time`.
const USUAL_DATE: &str = "YYYY-MM-DDTHH:mm:ss";

/// An option whose text has another type than its key. The display text is PM2's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum BadOption {
    #[error("Expect \"{key}\" to be a typeof {wanted}, but now is [object String]")]
    Type {
        key: &'static str,
        wanted: &'static str,
    },
    #[error(
        "Verify \"{0}\" with regex failed, it should be a NUMBER - byte, \"[NUMBER]G\"(Gigabyte), \
         \"[NUMBER]M\"(Megabyte) or \"[NUMBER]K\"(Kilobyte)"
    )]
    Size(&'static str),
}

/// All keys that the options fill, and the errors of those that are invalid.
pub(super) fn fields(options: &[ParsedOption]) -> (Map<String, Value>, Vec<String>) {
    let mut fields = Map::new();
    let mut wrong = Vec::new();
    for option in options {
        let Effect::Field(key, kind) = option.spec.effect else {
            continue;
        };
        match value(key, kind, option.value.as_deref(), fields.get(key)) {
            Ok(value) => {
                fields.insert(key.to_owned(), value);
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    (fields, wrong)
}

fn value(
    key: &'static str,
    kind: Kind,
    word: Option<&str>,
    before: Option<&Value>,
) -> Result<Value, BadOption> {
    let text = word.unwrap_or_default();
    // `--node-args=null` and its like delete the key at a restart.
    if word == Some("null") {
        return Ok(json!("null"));
    }
    let wrong_type = |wanted| BadOption::Type { key, wanted };
    let number = || wrong_type("[object Number]");
    match kind {
        Kind::True => Ok(json!(true)),
        Kind::False => Ok(json!(false)),
        Kind::Text => Ok(json!(text)),
        Kind::TextOrTrue => Ok(word.map_or(json!(true), |word| json!(word))),
        Kind::UsualDate => Ok(json!(USUAL_DATE)),
        Kind::Count if word.is_none() => Ok(json!(16)),
        Kind::Count => text
            .trim()
            .parse::<u32>()
            .map(Value::from)
            .map_err(|_| number()),
        Kind::Millis => time(text, units::millis).ok_or_else(number),
        Kind::Delay => time(text, units::millis_of_seconds).ok_or_else(number),
        Kind::Bytes => units::bytes(text)
            .map(Value::from)
            .ok_or(BadOption::Size(key)),
        Kind::Instances => instances(text).ok_or_else(number),
        Kind::Words => Ok(json!(shell_split::words(text))),
        Kind::Paths => Ok(collect(
            before,
            word.map(shell_split::words).unwrap_or_default(),
        )),
        Kind::Prefixes => {
            let prefixes = text
                .split(',')
                .map(str::trim)
                .filter(|prefix| !prefix.is_empty())
                .map(str::to_owned)
                .collect();
            Ok(collect(before, prefixes))
        }
        Kind::Codes => codes(text).ok_or_else(|| wrong_type("[object Array] / [object Number]")),
    }
}

/// Adds words to those of an earlier repeat; `true` as long as there are none.
fn collect(before: Option<&Value>, words: Vec<String>) -> Value {
    let mut all = match before {
        Some(Value::Array(words)) => words.clone(),
        _ => Vec::new(),
    };
    all.extend(words.into_iter().map(Value::from));
    if all.is_empty() {
        Value::Bool(true)
    } else {
        Value::Array(all)
    }
}

/// As `parse` reads it. PM2 takes a time below zero, too, and does not wait then.
fn time(text: &str, parse: fn(&str) -> Option<u64>) -> Option<Value> {
    match text.trim().strip_prefix('-') {
        None => parse(text).map(Value::from),
        Some(rest) => {
            let size = i64::try_from(parse(rest)?).ok()?;
            Some(Value::from(-size))
        }
    }
}

/// `max` is 0, which stands for the number of CPUs.
fn instances(text: &str) -> Option<Value> {
    match text.trim() {
        "max" => Some(json!(0)),
        number => number.parse::<i64>().ok().map(Value::from),
    }
}

fn codes(text: &str) -> Option<Value> {
    let codes: Option<Vec<Value>> = text
        .split([',', ' '])
        .filter(|code| !code.is_empty())
        .map(|code| code.parse::<i32>().ok().map(Value::from))
        .collect();
    codes.filter(|codes| !codes.is_empty()).map(Value::Array)
}
