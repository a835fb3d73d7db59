//! JSON for programs that may end up on a terminal all the same.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;
use ward_wire::text::{is_printable, printable};

/// The value on one line. What a terminal would obey stands escaped in it, which is the same value:
/// beyond ASCII, JSON leaves that open.
pub(crate) fn to_terminal(value: &Value) -> String {
    let text = ward_wire::json::to_string(value);
    match printable(&text) {
        Cow::Borrowed(_) => text,
        // Such characters stand in strings only.
        Cow::Owned(_) => {
            text.chars()
                .fold(String::with_capacity(text.len()), |mut safe, character| {
                    if is_printable(character) {
                        safe.push(character);
                    } else {
                        write!(safe, "\\u{:04x}", u32::from(character)).unwrap_or(());
                    }
                    safe
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn escapes_are_escaped_and_the_value_is_the_same() {
        let value = json!({"a\u{9b}2J": ["größer", "\u{1b}[2J\n\u{7f}\u{202e}"]});
        let text = to_terminal(&value);
        assert_eq!(
            text,
            r#"{"a\u009b2J":["größer","\u001b[2J\n\u007f\u202e"]}"#
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
