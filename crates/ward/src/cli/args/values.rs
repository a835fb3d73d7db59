//! Text of an option to the value of a declaration's key. Pure; the refusals have PM2's texts.

use serde_json::{Map, Value, json};

use super::options::{Effect, Kind};
use super::words::Given;

/// Date format of `--time`.
const USUAL_DATE: &str = "YYYY-MM-DDTHH:mm:ss";

/// All keys the options fill, and what is wrong with those that could not be read.
pub(super) fn fields(given: &[Given]) -> (Map<String, Value>, Vec<String>) {
    let mut fields = Map::new();
    let mut wrong = Vec::new();
    for option in given {
        let Effect::Field(key, kind) = option.spec.effect else {
            continue;
        };
        match value(key, kind, option.word.as_deref(), fields.get(key)) {
            Ok(value) => {
                fields.insert(key.to_owned(), value);
            }
            Err(reason) => wrong.push(reason),
        }
    }
    (fields, wrong)
}

fn value(
    key: &str,
    kind: Kind,
    word: Option<&str>,
    before: Option<&Value>,
) -> Result<Value, String> {
    let text = word.unwrap_or_default();
    // `--node-args=null` and its like delete the key at a restart.
    if word == Some("null") {
        return Ok(json!("null"));
    }
    let number = || wrong_type(key, "[object Number]");
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
        Kind::Millis => time(text, 1.0).ok_or_else(number),
        Kind::Delay => time(text, 1000.0).ok_or_else(number),
        Kind::Bytes => bytes(text).map(Value::from).ok_or_else(|| wrong_size(key)),
        Kind::Instances => instances(text).ok_or_else(number),
        Kind::Words => Ok(json!(shell_words(text))),
        Kind::Paths => Ok(collect(before, word.map(shell_words).unwrap_or_default())),
        Kind::Prefixes => {
            let prefixes = text
                .split(',')
                .map(str::trim)
                .filter(|prefix| !prefix.is_empty())
                .map(str::to_owned)
                .collect();
            Ok(collect(before, prefixes))
        }
        Kind::Codes => {
            codes(text).ok_or_else(|| wrong_type(key, "[object Array] / [object Number]"))
        }
    }
}

fn wrong_type(key: &str, wanted: &str) -> String {
    format!("Expect \"{key}\" to be a typeof {wanted}, but now is [object String]")
}

fn wrong_size(key: &str) -> String {
    format!(
        "Verify \"{key}\" with regex failed, it should be a NUMBER - byte, \"[NUMBER]G\"(Gigabyte), \
         \"[NUMBER]M\"(Megabyte) or \"[NUMBER]K\"(Kilobyte)"
    )
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

/// As [`duration`]. PM2 takes a time below zero, too, and does not wait then.
fn time(text: &str, unit: f64) -> Option<Value> {
    match text.trim().strip_prefix('-') {
        None => duration(text, unit).map(Value::from),
        Some(rest) => {
            let size = i64::try_from(duration(rest, unit)?).ok()?;
            Some(Value::from(-size))
        }
    }
}

/// Milliseconds. A bare number counts in `unit` milliseconds.
pub(super) fn duration(text: &str, unit: f64) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => unit,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    whole(digits, factor)
}

/// Bytes.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_uppercase();
    let factor = match unit.trim_end_matches("IB").trim_end_matches('B') {
        "" => 1.0,
        "K" => 1024.0,
        "M" => 1024.0 * 1024.0,
        "G" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    whole(digits, factor)
}

fn whole(digits: &str, factor: f64) -> Option<u64> {
    let number: f64 = digits.trim().parse().ok()?;
    let product = (number * factor).round();
    if !product.is_finite() || !(0.0..=9.0e15).contains(&product) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked just before"
    )]
    let product = product as u64;
    Some(product)
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

/// Splits at white space. Quotes around a whole word are removed; inside a word (`key="a b"`)
/// they group and stay, as PM2 keeps them.
pub(crate) fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => {
                quote = None;
                word.push(letter);
            }
            None if letter == '"' || letter == '\'' => {
                quote = Some(letter);
                word.push(letter);
            }
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(unquoted(&core::mem::take(&mut word)));
                }
            }
            _ => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(unquoted(&word));
    }
    words
}

fn unquoted(word: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = word
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
            .filter(|inner| !inner.contains(quote))
        {
            return inner.to_owned();
        }
    }
    word.to_owned()
}
