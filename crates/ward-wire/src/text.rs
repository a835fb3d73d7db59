//! Text of apps and clients, made safe to show. Names, messages, metrics and paths come from outside:
//! an escape sequence among them would act on the terminal, and a line break would forge a line.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character escaped that is not shown as itself on a line: control characters
/// (C0, DEL, C1) as `\n`, `\t`, `\r` or `\x1b`, and line separators and characters that turn the
/// direction of text or are invisible as `\u{202e}`. Everything else stays as it is, so the
/// result is for people and cannot be turned back.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(|character| !is_printable(character)) else {
        return Cow::Borrowed(text);
    };
    let (plain, rest) = text.split_at(first);
    let mut shown = String::with_capacity(text.len() + 8);
    shown.push_str(plain);
    for character in rest.chars() {
        if is_printable(character) {
            shown.push(character);
        } else {
            escape(character, &mut shown);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character is shown as itself on a line, instead of doing something to a terminal or a
/// reader.
#[must_use]
pub fn is_printable(character: char) -> bool {
    !(character.is_control()
        || matches!(
            character,
            // Marks, embeddings, overrides and isolates of text direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separator, and an invisible byte order mark.
            | '\u{2028}' | '\u{2029}' | '\u{feff}'
        ))
}

fn escape(character: char, shown: &mut String) {
    match character {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        ascii if ascii.is_ascii() => write!(shown, "\\x{:02x}", u32::from(ascii)).unwrap_or(()),
        other => write!(shown, "{}", other.escape_unicode()).unwrap_or(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_language_stays_as_it_is() {
        for text in ["", "api", "größer – 東京 🙂", "a\\n b"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        assert_eq!(printable("a\x1b[31mb\x07\x7f"), "a\\x1b[31mb\\x07\\x7f");
        assert_eq!(printable("one\ntwo\r\tthree"), "one\\ntwo\\r\\tthree");
        assert_eq!(printable("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(printable("evil\u{202e}gnp.exe"), "evil\\u{202e}gnp.exe");
        assert_eq!(printable("a\u{2028}b"), "a\\u{2028}b");
    }
}
