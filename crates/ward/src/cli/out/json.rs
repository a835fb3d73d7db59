//! JSON as JavaScript writes it: one line, numbers in their shortest form.

use std::io;

use serde::Serialize as _;
use serde_json::ser::Formatter;
use serde_json::{Number, Value};

use super::human;

/// The largest whole number JavaScript holds exactly.
const MAX_EXACT: u64 = 1 << 53;

/// A JSON number as JavaScript prints it.
pub(crate) fn number(number: &Number) -> String {
    match number.as_i64() {
        Some(whole) if whole.unsigned_abs() <= MAX_EXACT => whole.to_string(),
        _ => human::number(number.as_f64().unwrap_or(f64::NAN)),
    }
}

struct Compact;

impl Formatter for Compact {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(human::number(value).as_bytes())
    }
}

/// One line without a newline at its end.
pub(crate) fn line(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Compact);
    value
        .serialize(&mut serializer)
        .expect("a JSON value has text keys and memory does not fail to write");
    String::from_utf8(bytes).expect("the serializer writes UTF-8")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_have_no_empty_fraction() {
        assert_eq!(
            line(&json!([{"cpu": 0.0, "memory": 13.5, "text": "a\n\"é"}])),
            r#"[{"cpu":0,"memory":13.5,"text":"a\n\"é"}]"#
        );
    }
}
