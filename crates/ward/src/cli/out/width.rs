//! How many terminal columns a text takes. PM2 counts UTF-16 units, so that its tables are crooked
//! with Chinese or Japanese names; ours stay aligned.

use std::borrow::Cow;

/// Ranges that take no column: combining marks, joiners, variation selectors.
const ZERO: [(u32, u32); 12] = [
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x0610, 0x061a),
    (0x064b, 0x065f),
    (0x0e34, 0x0e3a),
    (0x1ab0, 0x1aff),
    (0x200b, 0x200f),
    (0x20d0, 0x20ff),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xe0100, 0xe01ef),
];

/// Ranges that take two columns (East Asian wide and full-width, emoji).
const WIDE: [(u32, u32); 18] = [
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x23e9, 0x23ec),
    (0x2e80, 0x303e),
    (0x3041, 0x33ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xa000, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f900, 0x1f9ff),
    (0x20000, 0x3fffd),
];

fn within(ranges: &[(u32, u32)], code: u32) -> bool {
    ranges
        .iter()
        .any(|&(first, last)| (first..=last).contains(&code))
}

/// Columns of one character.
pub(crate) fn of_char(character: char) -> usize {
    // Nearly every character; a table has ten thousand of them.
    if matches!(character, ' '..='~') {
        return 1;
    }
    let code = u32::from(character);
    if code < 0x20 || (0x7f..0xa0).contains(&code) || within(&ZERO, code) {
        0
    } else if within(&WIDE, code) {
        2
    } else {
        1
    }
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
