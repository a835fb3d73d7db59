//! JSON with comments, trailing commas, bare keys and single quotes.

mod nesting;

use serde_json::Value;

use self::nesting::Nested;
use super::{SyntaxError, whole_numbers};

/// Reads JSON5. A text that fails may still be JavaScript, which PM2 accepts in `.json` files; the
/// shell decides what to do then.
///
/// # Errors
///
/// The text is no JSON5, or is nested deeper than 128 levels.
pub fn parse(text: &str) -> Result<Value, SyntaxError> {
    json5::from_str(text.trim_start_matches('\u{feff}'))
        .map(|Nested(value)| whole_numbers(value))
        .map_err(|error| {
            let place = error.position();
            SyntaxError {
                line: place.map_or(1, |place| place.line + 1),
                column: place.map_or(1, |place| place.column + 1),
                message: message(&error),
            }
        })
}

/// What is wrong, without the place, which a message of our own has at its end.
fn message(error: &json5::Error) -> String {
    if let Some(code) = error.code() {
        return code.to_string();
    }
    let text = error.to_string();
    let message = text.rsplit_once(" at line ");
    message
        .map_or(text.as_str(), |(message, _)| message)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_write() {
        let text = "\u{feff}// an app\n{ apps: [{ name: 'a', env: { A: 1, }, }], /* b */ }";
        assert_eq!(
            parse(text).unwrap(),
            json!({"apps": [{"name": "a", "env": {"A": 1}}]})
        );
    }

    #[test]
    fn brackets_without_end_are_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&nested(nesting::MOST_LEVELS)).is_ok());
        for text in [nested(129), nested(100_000), "{a:".repeat(100_000)] {
            let error = parse(&text).unwrap_err();
            assert_eq!(error.message, "nested deeper than 128 levels");
        }
    }

    #[test]
    fn a_broken_text_has_a_place() {
        let error = parse("{\n  apps: [\n    { name 'a' }\n  ]\n}").unwrap_err();
        assert_eq!((error.line, error.column), (3, 12), "{error}");
    }
}
