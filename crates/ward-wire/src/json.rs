//! JSON as JavaScript reads and writes it.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// Reads JSON. Invalid UTF-8 and lone surrogates, which JavaScript lets through, become U+FFFD.
///
/// # Errors
///
/// It is no JSON.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|error| {
        let text = String::from_utf8_lossy(bytes);
        let mended = mend_surrogates(&text);
        serde_json::from_str(&mended).map_err(|_| error)
    })
}

/// Writes `value` without spaces, numbers in JavaScript's notation.
pub fn write(into: &mut Vec<u8>, value: &Value) {
    let mut serializer = Serializer::with_formatter(into, JavaScript);
    value
        .serialize(&mut serializer)
        .expect("a value always has a JSON form and a Vec takes it");
}

/// `value` as JSON text, see [`write`].
pub fn to_string(value: &Value) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes, value);
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

struct JavaScript;

impl Formatter for JavaScript {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        if size == 0.0 {
            writer.write_all(b"0")
        } else if (1e-6..1e21).contains(&size) {
            write!(writer, "{value}")
        } else if size < 1.0 {
            write!(writer, "{value:e}")
        } else {
            writer.write_all(format!("{value:e}").replace('e', "e+").as_bytes())
        }
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        CompactFormatter.write_f32(writer, value)
    }
}

/// Replaces each `\udXXX` escape that is no half of a pair by `\ufffd`.
fn mend_surrogates(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match surrogate(rest) {
            Some(0xD800..=0xDBFF)
                if matches!(rest.get(6..).and_then(surrogate), Some(0xDC00..=0xDFFF)) =>
            {
                12
            }
            Some(0xD800..=0xDFFF) => {
                mended.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            _ => rest
                .char_indices()
                .nth(2)
                .map_or(rest.len(), |(index, _)| index),
        };
        mended.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    mended.push_str(rest);
    mended
}

/// The code unit of a `\uXXXX` escape at the beginning of `text`.
fn surrogate(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}
