//! How much memory JSON takes once it is parsed, found out without parsing it.

/// What an element or a value costs besides its text. A [`serde_json::Value`] takes 72 bytes, and
/// a vector that grows has up to twice the room it needs.
const VALUE_BYTES: usize = 144;

/// What a member of an object costs besides: its name, its hash and its place, in tables that grow, too.
const MEMBER_BYTES: usize = 144;

/// What a text holds, if it is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    /// How deep it is nested; 0 for what is no collection.
    pub(super) depth: usize,
    /// What it takes in memory when it is parsed, in bytes.
    pub(super) weight: usize,
}

/// Looks through a text once. Of what is no JSON the result means nothing, and nothing fails.
pub(super) fn survey(text: &[u8]) -> Survey {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut weight = VALUE_BYTES + text.len();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_string(text, at),
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
                weight += VALUE_BYTES;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => weight += VALUE_BYTES,
            b':' => weight += MEMBER_BYTES,
            _ => {}
        }
    }
    Survey {
        depth: deepest,
        weight,
    }
}

/// The place behind a string whose first character stands at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(found) = text
        .get(at..)
        .and_then(|it| memchr::memchr2(b'"', b'\\', it))
    {
        at += found + 1;
        if text[at - 1] == b'"' {
            return at;
        }
        // The escaped character, which may be a quote.
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_strings_does_not_count() {
        let plain = survey(br#"["x"]"#);
        assert_eq!(plain.weight, 2 * VALUE_BYTES + 5);
        let quoted = survey(br#"["[[{,:\"[[\\"]"#);
        assert_eq!((quoted.depth, quoted.weight), (1, 2 * VALUE_BYTES + 15));
    }

    #[test]
    fn the_weight_is_no_less_than_what_is_taken() {
        let zeros = format!("[{}0]", "0,".repeat(10_000));
        let members: Vec<String> = (0..5_000).map(|it| format!("\"{it}\":{{}}")).collect();
        let texts = [
            zeros,
            format!("{{{}}}", members.join(",")),
            format!("[{}[]]", "[],".repeat(5_000)),
            format!("\"{}\"", "x".repeat(50_000)),
        ];
        for text in texts {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let weight = survey(text.as_bytes()).weight;
            assert!(weight >= taken(&value), "{}", &text[..20]);
        }
    }

    /// The memory of a value without what the allocator adds.
    fn taken(value: &serde_json::Value) -> usize {
        use serde_json::Value;
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => size_of::<Value>(),
            Value::String(text) => size_of::<Value>() + text.capacity(),
            Value::Array(values) => {
                let spare = values.capacity() - values.len();
                let inside: usize = values.iter().map(taken).sum();
                size_of::<Value>() * (1 + spare) + inside
            }
            Value::Object(members) => {
                let inside = members.iter().map(|(key, value)| {
                    2 * (size_of::<String>() + size_of::<Value>() + 3 * size_of::<usize>())
                        + key.capacity()
                        + taken(value)
                        - size_of::<Value>()
                });
                size_of::<Value>() + inside.sum::<usize>()
            }
        }
    }

    #[test]
    fn broken_text_is_looked_through_to_its_end() {
        for text in ["\"", "\"\\", "]]]", "\"a\\\"", "{\"", ""] {
            survey(text.as_bytes());
        }
    }
}
