//! Heads of requests: a corpus of them and what mutation makes of it.

use proptest::prelude::*;
use proptest::sample::Index;
use ward_corpus::Corpus;

use super::{EMPTY_HEADER, HEADERS, Head, Mark, Request};

const MARKS: [Mark<'_>; 3] = [
    Mark::Header("x-session"),
    Mark::Cookie("sid"),
    Mark::Cookie("none"),
];

fn corpus() -> Corpus {
    Corpus::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/corpus/http-heads"
    ))
}

#[test]
fn the_corpus_as_it_is() {
    for (name, bytes) in corpus().files() {
        let read = MARKS.map(|mark| Head::read(bytes, mark));
        let marked = |value: &str| Head::Marked(value.as_bytes().to_vec());
        let expected = match name {
            "get" => [marked("abc"), marked("s%3A1"), Head::Unmarked],
            // Servers refuse what has no colon, so it does not matter which of them does.
            "curl" | "no-colon" => [Head::Unmarked, Head::Unmarked, Head::Unmarked],
            "browser" => [marked("1"), marked("\"q uoted\""), Head::Unmarked],
            "bare-line-ends" => [marked("a"), Head::Unmarked, Head::Unmarked],
            "empty-values" => [Head::Unmarked, marked("3"), Head::Unmarked],
            _ => {
                // No request of HTTP/1.
                let is_head =
                    |head: &Head| matches!(head, Head::Marked(_) | Head::Unmarked | Head::Partial);
                assert!(!read.iter().any(is_head), "{name}");
                continue;
            }
        };
        assert_eq!(read, expected, "{name}");
    }
}

fn is_refused(bytes: &[u8]) -> bool {
    let mut headers = [EMPTY_HEADER; HEADERS];
    Request::new(&mut headers).parse(bytes).is_err()
}

proptest! {
    #![proptest_config(ward_corpus::config(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/heads.proptest-regressions"
    )))]

    /// However little is there, it is never taken for something else than the whole says, unless a
    /// later line makes the whole a request that every server refuses.
    #[test]
    fn a_beginning_is_partial_or_right(bytes in corpus().mutated(), cut in any::<Index>()) {
        for mark in MARKS {
            let whole = Head::read(&bytes, mark);
            let read = Head::read(&bytes[..cut.index(bytes.len() + 1)], mark);
            let refused = matches!(read, Head::Marked(_)) && is_refused(&bytes);
            prop_assert!(read == Head::Partial || read == whole || refused, "{:?} {:?}", read, whole);
        }
    }
}
