//! One change of an input.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What parsers stumble over: lengths at the limits, brackets, escapes, numbers, broken text.
const STUMBLING_BLOCKS: [&[u8]; 24] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\0",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\"",
    b"\\",
    b"\\ud800",
    b"[[[[[[[[",
    b"{\"\":",
    b"]}",
    b",",
    b":",
    b"-",
    b"1e999",
    b"9223372036854775808",
    b"&a ",
    b"*a ",
    b"\t",
    b" ",
];

/// A change. Places are shares of the input, as its length is not known yet.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// Another byte in one place.
    Change(Index, u8),
    /// A part is taken away.
    Remove(Index, Index),
    /// A part follows itself once more.
    Double(Index, Index),
    /// The input ends early.
    Cut(Index),
    /// Something else in between.
    Insert(Index, &'static [u8]),
    /// The end of another input instead of this one's.
    Splice(Index, Index, Index),
}

/// Any change.
pub(crate) fn any_edit() -> impl Strategy<Value = Edit> {
    let place = any::<Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Change(at, byte)),
        (place(), place()).prop_map(|(from, to)| Edit::Remove(from, to)),
        (place(), place()).prop_map(|(from, to)| Edit::Double(from, to)),
        place().prop_map(Edit::Cut),
        (place(), select(&STUMBLING_BLOCKS[..])).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (place(), place(), place()).prop_map(|(at, other, from)| Edit::Splice(at, other, from)),
    ]
}

impl Edit {
    /// Changes `bytes`; `inputs` are those of the whole corpus.
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Self::Change(at, byte) => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Self::Remove(from, to) => {
                let (from, to) = ordered(place(from), place(to));
                bytes.drain(from..to);
            }
            Self::Double(from, to) => {
                let (from, to) = ordered(place(from), place(to));
                let part = bytes[from..to].to_vec();
                bytes.splice(to..to, part);
            }
            Self::Cut(at) => {
                let at = place(at);
                bytes.truncate(at);
            }
            Self::Insert(at, inserted) => {
                let at = place(at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Splice(at, other, from) => {
                let at = place(at);
                let other = &inputs[other.index(inputs.len())];
                let from = from.index(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}

fn ordered(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}
