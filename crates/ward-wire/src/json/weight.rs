//! What a JSON text costs as a value, told before it is parsed: `[0,0,…]` takes a hundred times its length.

/// An object with its first entries: a vector of four, and the table that finds them.
const OBJECT: usize = 640;

/// A list with its first four elements.
const LIST: usize = 384;

/// A further element or entry, in a vector that has just grown.
const ELEMENT: usize = 240;

/// What an entry of an object has beyond an element: its key.
const KEY: usize = 160;

/// Half of what the allocator adds to a string.
const QUOTE: usize = 16;

/// A bound on how many bytes [`parse`](super::parse) takes for this text at its peak, with the text itself. Nothing is parsed: brackets, commas and quotes are counted, so that a text that would become too large is
/// refused first. What is no JSON has a weight, too.
pub fn weight(text: &[u8]) -> usize {
    // The text, its strings once more, and a copy of it where something in it has to be replaced.
    let copies = if str::from_utf8(text).is_ok() { 4 } else { 6 };
    let mut weight = copies * text.len();
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        weight += match byte {
            b'{' => OBJECT,
            b'[' => LIST,
            b',' => ELEMENT,
            b':' => KEY,
            b'"' => {
                rest = behind_string(behind);
                2 * QUOTE
            }
            _ => 0,
        };
    }
    weight
}

/// What follows a string of which the first quote was taken.
fn behind_string(mut text: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', text) {
        let taken = if text[at] == b'\\' { 2 } else { 1 };
        let is_end = text[at] == b'"';
        text = text.get(at + taken..).unwrap_or_default();
        if is_end {
            return text;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

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
