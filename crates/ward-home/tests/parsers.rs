//! The reader of saved lists against a corpus of such files and what mutation makes of them.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use proptest::prelude::*;
use ward_corpus::Corpus;
use ward_home::dump;

const SEEDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/parsers.proptest-regressions"
);

/// What a list may take at its peak, per byte of its text: `{"":[` is five bytes and two collections.
const FACTOR: u64 = 256;

/// What any list may take.
const BASE_BYTES: u64 = 16 << 10;

fn corpus() -> Corpus {
    Corpus::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/dump"))
}

fn list(text: &[u8]) {
    let mut decoded = None;
    let used = allocation_counter::measure(|| decoded = Some(dump::decode(text)));
    let most = BASE_BYTES + FACTOR * u64::try_from(text.len()).unwrap();
    assert!(used.bytes_max <= most, "{} bytes", used.bytes_max);
    if let Ok(entries) = decoded.unwrap() {
        assert_eq!(dump::decode(&dump::encode(&entries)).unwrap(), entries);
    }
}

#[test]
fn the_corpus_as_it_is() {
    for (_, text) in corpus().files() {
        list(text);
    }
}

proptest! {
    #![proptest_config(ward_corpus::config(SEEDS))]

    #[test]
    fn lists(text in corpus().mutated()) {
        list(&text);
    }
}
