//! How many terminal columns a text takes. PM2 counts UTF-16 units, so that its tables are crooked
//! with Chinese or Japanese names; ours stay aligned.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

/// Columns of one character; control characters take none. Terminals count character by character,
/// so a sequence that a font draws as one emoji counts as its parts.
pub(crate) fn of_char(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// Columns of a text without escapes.
pub(crate) fn of(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

/// `text`, or as much of it as fits into `columns` with an ellipsis at the end.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if of(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = of_char(character);
        if used + wide + 1 > columns {
            break;
        }
        out.push(character);
        used += wide;
    }
    if columns > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_are_counted_as_shown() {
        assert_eq!(of("web"), 3);
        assert_eq!(of("日本語"), 6);
        assert_eq!(of("e\u{301}"), 1);
        assert_eq!(of("↺"), 1);
        assert_eq!(of("🚀"), 2);
        assert_eq!(of("a\tb\u{7f}"), 2);
    }

    #[test]
    fn cutting_never_splits_a_wide_character() {
        assert_eq!(cut("waiting restart", 9), "waiting …");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 0), "");
    }
}
