//! Node's `util.inspect` with unlimited depth, for JSON values: the output of `prettylist`, which
//! scripts search and count words in. Line breaking is Node's default: 80 columns, three inner
//! levels on one line, long arrays in columns. Unlike Node nothing is left out of long arrays and
//! texts. Lengths are in UTF-16 units, as JavaScript counts, unless said otherwise.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use ward_wire::json;
use ward_wire::text::is_printable;

use super::width;

const BREAK_LENGTH: usize = 80;
/// Levels of nesting that may share a line.
const COMPACT: usize = 3;
/// Arrays with more entries than this are set in columns.
const GROUP_FROM: usize = 6;

/// The text, without a newline at its end.
pub(crate) fn inspect(value: &Value) -> String {
    let mut printer = Printer {
        indent: 0,
        depth: 0,
    };
    printer.value(value, 0)
}

struct Printer {
    indent: usize,
    /// Depth of the container printed last, which decides whether an outer one may share a line.
    depth: usize,
}

fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

impl Printer {
    fn value(&mut self, value: &Value, level: usize) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(on) => on.to_string(),
            Value::Number(number) => number_text(number),
            Value::String(text) => self.text(text),
            Value::Array(items) if items.is_empty() => "[]".to_owned(),
            Value::Object(map) if map.is_empty() => "{}".to_owned(),
            Value::Array(items) => self.array(items, level),
            Value::Object(map) => self.object(map, level),
        }
    }

    fn nested(&mut self, value: &Value, level: usize) -> String {
        self.indent += 2;
        let text = self.value(value, level + 1);
        self.indent -= 2;
        text
    }

    fn array(&mut self, items: &[Value], level: usize) -> String {
        self.depth = level;
        let entries: Vec<String> = items.iter().map(|item| self.nested(item, level)).collect();
        let grouped = if entries.len() > GROUP_FROM {
            let numbers = items.iter().all(Value::is_number);
            self.group(&entries, numbers)
        } else {
            None
        };
        match grouped {
            Some(lines) => self.broken(&lines, ['[', ']']),
            None => self.close(&entries, ['[', ']'], level),
        }
    }

    fn object(&mut self, map: &Map<String, Value>, level: usize) -> String {
        self.depth = level;
        let entries: Vec<String> = in_js_order(map)
            .into_iter()
            .map(|(key, value)| format!("{}: {}", key_text(key), self.nested(value, level)))
            .collect();
        self.close(&entries, ['{', '}'], level)
    }

    /// Entries on one line where they fit, else one per line.
    fn close(&self, entries: &[String], braces: [char; 2], level: usize) -> String {
        if self.depth - level < COMPACT {
            let start = entries.len() + self.indent + 1 + 10;
            let total: usize = entries.iter().map(|entry| utf16_len(entry)).sum();
            let fits = total + entries.len() + start <= BREAK_LENGTH;
            if fits && !entries.iter().any(|entry| entry.contains('\n')) {
                return format!("{} {} {}", braces[0], entries.join(", "), braces[1]);
            }
        }
        self.broken(entries, braces)
    }

    fn broken(&self, entries: &[String], [open, close]: [char; 2]) -> String {
        let indent = " ".repeat(self.indent);
        let lines = entries.join(&format!(",\n{indent}  "));
        format!("{open}\n{indent}  {lines}\n{indent}{close}")
    }

    /// Sets the entries of a long array in columns; `None` when that does not pay.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lengths of lines are small and the root of a positive number is positive"
    )]
    fn group(&self, entries: &[String], numbers: bool) -> Option<Vec<String>> {
        const SEPARATOR: usize = 2;
        // Columns are set by what is seen, everything else by UTF-16 units.
        let lengths: Vec<usize> = entries.iter().map(|entry| width::of(entry)).collect();
        let longest = *lengths.iter().max()?;
        let total: usize = lengths.iter().sum::<usize>() + SEPARATOR * lengths.len();
        let widest = longest + SEPARATOR;
        let pays = total as f64 / widest as f64 > 5.0 || longest <= 6;
        if widest * 3 + self.indent >= BREAK_LENGTH || !pays {
            return None;
        }
        // Node's rule: characters are about 2.5 times as high as wide, the block shall be square,
        // and entries are counted a bit narrower than the widest one.
        let bias = (widest as f64 - total as f64 / entries.len() as f64).sqrt();
        let biased = (widest as f64 - 3.0 - bias).max(1.0);
        let square = ((2.5 * biased * entries.len() as f64).sqrt() / biased).round() as usize;
        let columns = square
            .min((BREAK_LENGTH - self.indent) / widest)
            .min(COMPACT * 4)
            .min(15);
        if columns <= 1 {
            return None;
        }
        let column_width = |column: usize| {
            let cells = lengths.iter().skip(column).step_by(columns);
            cells.max().map_or(0, |length| length + SEPARATOR)
        };
        let widths: Vec<usize> = (0..columns).map(column_width).collect();
        let chunks = entries.chunks(columns).zip(lengths.chunks(columns));
        Some(
            chunks
                .map(|(cells, lengths)| row(cells, lengths, &widths, numbers))
                .collect(),
        )
    }

    /// A text in quotes; a long one is split after its line breaks.
    fn text(&self, text: &str) -> String {
        let length = utf16_len(text);
        if length > 16 && length + self.indent + 4 > BREAK_LENGTH && text.contains('\n') {
            let indent = " ".repeat(self.indent + 2);
            return text
                .split_inclusive('\n')
                .map(quote)
                .collect::<Vec<_>>()
                .join(&format!(" +\n{indent}"));
        }
        quote(text)
    }
}

fn row(cells: &[String], lengths: &[usize], widths: &[usize], numbers: bool) -> String {
    let mut line = String::new();
    for (index, (cell, length)) in cells.iter().zip(lengths).enumerate() {
        let last = index + 1 == cells.len();
        let space = " ".repeat(widths[index] - length - 2);
        if numbers {
            line.push_str(&space);
        }
        line.push_str(cell);
        if !last {
            line.push_str(", ");
            if !numbers {
                line.push_str(&space);
            }
        }
    }
    line
}

/// JavaScript objects list whole-number keys first, in ascending order.
fn in_js_order(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| array_index(key).unwrap_or(u32::MAX));
    entries
}

fn array_index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok().filter(|index| *index < u32::MAX)?;
    (index.to_string() == key).then_some(index)
}

fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(value) if value == 0.0 && value.is_sign_negative() => "-0".to_owned(),
        _ => json::number(number),
    }
}

fn key_text(key: &str) -> String {
    if key == "__proto__" {
        return "['__proto__']".to_owned();
    }
    let mut characters = key.chars();
    let bare = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|next| next.is_ascii_alphanumeric() || next == '_');
    if bare { key.to_owned() } else { quote(key) }
}

/// Single quotes, unless the text has some and another kind needs no escapes.
fn quote(text: &str) -> String {
    let mark = if !text.contains('\'') {
        '\''
    } else if !text.contains('"') {
        '"'
    } else if !text.contains('`') && !text.contains("${") {
        '`'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\\' => out.push_str("\\\\"),
            '\'' if mark == '\'' => out.push_str("\\'"),
            // One byte is enough for every control character.
            control if control.is_control() => {
                write!(out, "\\x{:02X}", u32::from(control)).unwrap_or(());
            }
            other if !is_printable(other) => {
                write!(out, "\\u{:04X}", u32::from(other)).unwrap_or(());
            }
            other => out.push(other),
        }
    }
    out.push(mark);
    out
}

#[cfg(test)]
mod tests;
