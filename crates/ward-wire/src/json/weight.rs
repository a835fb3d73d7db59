//! What JSON takes in memory, found out without parsing it: `[0,0,…]` takes a hundred times its length while it is
//! parsed. Brackets, commas and quotes are counted, so that a text that would become too large is refused first.

/// What the parts of a text take besides it, in bytes.
#[derive(Debug)]
struct Costs {
    object: usize,
    list: usize,
    /// An element or entry; the text itself is the first one.
    element: usize,
    /// What an entry of an object has beyond an element.
    key: usize,
    string: usize,
}

/// Of a value that is kept. A [`serde_json::Value`] takes 72 bytes, and a vector that grows has up to
/// twice the room it needs; so do the tables of an object, with name, hash and place.
const KEPT: Costs = Costs {
    object: 144,
    list: 144,
    element: 144,
    key: 144,
    string: 0,
};

/// At the peak of parsing: vectors begin with room for four, and while one grows the old one is still
/// there; each string has what the allocator adds to it.
const PARSED: Costs = Costs {
    object: 640,
    list: 384,
    element: 240,
    key: 160,
    string: 32,
};

/// What a text holds, if it is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    /// How deep it is nested; 0 for what is no collection.
    pub(super) depth: usize,
    /// What it takes in memory once it is parsed, in bytes.
    pub(super) weight: usize,
}

/// Looks through a text once. Of what is no JSON the result means nothing, and nothing fails.
pub(super) fn survey(text: &[u8]) -> Survey {
    let mut survey = count(text, &KEPT);
    survey.weight += KEPT.element + text.len();
    survey
}

/// A bound on how many bytes [`parse`](super::parse) takes for this text at its peak, with the text itself. What is no
/// JSON has a weight, too.
pub fn weight(text: &[u8]) -> usize {
    // The text, its strings once more, and a copy of it where something in it has to be replaced.
    let copies = if str::from_utf8(text).is_ok() { 4 } else { 6 };
    copies * text.len() + count(text, &PARSED).weight
}

fn count(text: &[u8], costs: &Costs) -> Survey {
    let (mut depth, mut deepest, mut weight) = (0_usize, 0, 0);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => {
                at = end_of_string(text, at);
                weight += costs.string;
            }
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
                weight += if *byte == b'[' {
                    costs.list
                } else {
                    costs.object
                };
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => weight += costs.element,
            b':' => weight += costs.key,
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
        assert_eq!(plain.weight, 2 * KEPT.element + 5);
        let quoted = survey(br#"["[[{,:\"[[\\"]"#);
        assert_eq!((quoted.depth, quoted.weight), (1, 2 * KEPT.element + 15));
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

    #[test]
    fn what_stands_in_strings_weighs_nothing_more() {
        let plain = weight(br#"["aaaaaaaaaa"]"#);
        for text in [
            &br#"["[[[[,,,,::"]"#[..],
            br#"["\"[\\\",,:"]"#,
            br#"["[[[[,,,,::"#,
            br#"["aaaaaaaaa\"#,
        ] {
            let missing = 14 - text.len();
            assert_eq!(
                weight(text) + 4 * missing,
                plain,
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn a_list_of_zeros_weighs_much_more_than_its_text() {
        let text = format!("[{}0]", "0,".repeat(1000));
        assert!(weight(text.as_bytes()) > 100 * text.len());
        let text = format!("[\"{}\"]", "0,".repeat(1000));
        assert!(weight(text.as_bytes()) < 5 * text.len());
    }
}
