//! Reads and writes JSON as JavaScript does.
//!
//! `serde_json` differs from `JSON.stringify` and `JSON.parse` in few places, all of which peers
//! can see: how floating point numbers are printed, and lone surrogates and invalid UTF-8 in input.

mod raw;
mod weight;

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use serde_json::{Number, Value, ser::Formatter};

pub use raw::{NotJson, RawJson};
pub use weight::weight;

/// Appends `value` to `out` as `JSON.stringify` would print it.
///
/// # Errors
///
/// Fails only for types which have no JSON form, such as maps with keys that are not strings; a
/// [`Value`] always has one. What was already appended stays in `out` then.
pub fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), serde_json::Error> {
    let mut serializer = serde_json::Serializer::with_formatter(out, JavaScript);
    value.serialize(&mut serializer)
}

/// Appends a [`Value`], which cannot fail.
pub fn write_value(out: &mut Vec<u8>, value: &Value) {
    write(out, value).expect("a JSON value has a JSON form and a Vec takes every byte");
}

/// The text `JSON.stringify` gives for `value`.
pub fn to_string(value: &Value) -> String {
    let mut out = Vec::new();
    write_value(&mut out, value);
    String::from_utf8(out).expect("JSON output is UTF-8")
}

/// Parses like `JSON.parse` applied to the bytes read as UTF-8.
///
/// Invalid UTF-8 becomes U+FFFD first, and so does an escape of half a surrogate pair, which a
/// Rust string cannot hold. Of duplicate keys the last one wins.
///
/// # Errors
///
/// The text is not JSON, is nested deeper than 128 levels, or has a number beyond `f64`.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let first = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(bytes);
    match replace_lone_surrogates(&text) {
        Cow::Owned(fixed) => serde_json::from_str(&fixed),
        Cow::Borrowed(_) if matches!(text, Cow::Owned(_)) => serde_json::from_str(&text),
        Cow::Borrowed(_) => Err(first),
    }
}

/// Replaces `\uD800`..`\uDFFF` escapes which have no partner by `\ufffd`.
fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut fixed = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        let start = at + found;
        at = match escaped_unit(bytes, start) {
            None => (start + 2).min(bytes.len()),
            Some(0xd800..=0xdbff)
                if matches!(escaped_unit(bytes, start + 6), Some(0xdc00..=0xdfff)) =>
            {
                start + 12
            }
            Some(0xd800..=0xdfff) => {
                fixed.push_str(&text[copied..start]);
                fixed.push_str("\\ufffd");
                copied = start + 6;
                copied
            }
            Some(_) => start + 6,
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    fixed.push_str(&text[copied..]);
    Cow::Owned(fixed)
}

/// The UTF-16 unit of the `\uXXXX` escape at `start`, if there is one.
fn escaped_unit(bytes: &[u8], start: usize) -> Option<u16> {
    let digits = bytes.get(start..start + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

/// `JSON.stringify`'s layout: compact, with JavaScript's number format.
struct JavaScript;

impl Formatter for JavaScript {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float(value).as_bytes())
    }
}

/// The largest whole number up to which JavaScript holds every one.
const MAX_EXACT: u64 = 1 << 53;

/// The text of a JSON number after JavaScript read it, which has only doubles: of whole numbers
/// beyond 2^53 the last digits are lost.
pub fn number(number: &Number) -> String {
    match number.as_i64() {
        Some(whole) if whole.unsigned_abs() <= MAX_EXACT => whole.to_string(),
        _ => float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// The text of a double (ECMA-262, `Number::toString`): the shortest that reads back, no `.0`.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}Infinity");
    }
    // The shortest digits that read back as the same number, which is also JavaScript's choice.
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let sign = if value < 0.0 { "-" } else { "" };
    // The decimal point stands after this many digits.
    let point = exponent + 1;
    if value == 0.0 {
        "0".to_owned()
    } else if count <= point && point <= 21 {
        format!("{sign}{digits}{}", zeros(point - count))
    } else if 0 < point && point <= 21 {
        let (whole, rest) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{sign}{whole}.{rest}")
    } else if -6 < point && point <= 0 {
        format!("{sign}0.{}{digits}", zeros(-point))
    } else {
        let plus = if exponent < 0 { "" } else { "+" };
        format!("{sign}{mantissa}e{plus}{exponent}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_printed_as_javascript_prints_them() {
        for (value, text) in [
            (0.1, "0.1"),
            (-0.0, "0"),
            (100.0, "100"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (123_456.789, "123456.789"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(to_string(&json!(value)), text);
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn numbers_without_a_json_form_have_a_text() {
        assert_eq!(float(f64::NAN), "NaN");
        assert_eq!(float(f64::INFINITY), "Infinity");
        assert_eq!(float(f64::NEG_INFINITY), "-Infinity");
    }

    #[test]
    fn whole_numbers_beyond_a_double_are_rounded() {
        for (value, text) in [
            (json!(-7), "-7"),
            (json!(9_007_199_254_740_992_u64), "9007199254740992"),
            (json!(9_007_199_254_740_993_u64), "9007199254740992"),
            (json!(u64::MAX), "18446744073709552000"),
            (json!(1.0), "1"),
        ] {
            let Value::Number(value) = value else {
                panic!("{value} is no number")
            };
            assert_eq!(number(&value), text);
        }
    }

    #[test]
    fn numbers_are_read_exactly() {
        for text in [
            "-9.223372036854724e+22",
            "-9.223372036854725e+22",
            "0.1",
            "5e-324",
        ] {
            assert_eq!(to_string(&parse(text.as_bytes()).unwrap()), text);
        }
    }

    #[test]
    fn halves_of_surrogate_pairs_become_replacement_characters() {
        for (text, value) in [
            (r#""\ud800""#, "\u{fffd}"),
            (r#""\udc00x""#, "\u{fffd}x"),
            (r#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud800\ud800""#, "\\ud800\u{fffd}"),
            (r#""\uD83D\uDE00\n\udfff""#, "😀\n\u{fffd}"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), json!(value));
        }
    }

    #[test]
    fn invalid_utf8_becomes_replacement_characters() {
        assert_eq!(parse(b"\"a\xffb\"").unwrap(), json!("a\u{fffd}b"));
        assert_eq!(
            parse(b"\"\xff\\ud800\"").unwrap(),
            json!("\u{fffd}\u{fffd}")
        );
    }

    #[test]
    fn the_last_of_duplicate_keys_wins() {
        let value = parse(br#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(to_string(&value), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn a_broken_escape_is_an_error() {
        for text in [r#""\"#, r#""\u"#, r#""\ud8"#, r#""\ud800"#, "", "{oops"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
