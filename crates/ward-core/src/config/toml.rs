//! TOML.

use serde_json::{Map, Value};

use super::{SyntaxError, whole_numbers};

/// Reads a TOML document. Dates become strings.
pub fn parse(text: &str) -> Result<Value, SyntaxError> {
    let table: ::toml::Table = ::toml::from_str(text).map_err(|error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        SyntaxError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: error
                .message()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    })?;
    Ok(whole_numbers(object(table)))
}

fn object(table: ::toml::Table) -> Value {
    Value::Object(
        table
            .into_iter()
            .map(|(key, value)| (key, convert(value)))
            .collect::<Map<_, _>>(),
    )
}

fn convert(value: ::toml::Value) -> Value {
    match value {
        ::toml::Value::String(text) => text.into(),
        ::toml::Value::Integer(number) => number.into(),
        ::toml::Value::Float(number) => number.into(),
        ::toml::Value::Boolean(flag) => flag.into(),
        ::toml::Value::Datetime(date) => date.to_string().into(),
        ::toml::Value::Array(list) => list.into_iter().map(convert).collect(),
        ::toml::Value::Table(table) => object(table),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_write() {
        let text =
            "[[apps]]\nname = 'a'\nmax_restarts = 0\nsince = 2026-01-02\n[apps.env]\nA = '1'\n";
        assert_eq!(
            parse(text).unwrap(),
            json!({"apps": [{"name": "a", "max_restarts": 0, "since": "2026-01-02", "env": {"A": "1"}}]})
        );
    }

    #[test]
    fn a_broken_text_has_a_place() {
        let error = parse("[[apps]]\nname = a\n").unwrap_err();
        assert_eq!((error.line, error.column), (2, 8), "{error}");
    }
}
