//! The readers of configuration files against a corpus of such files and what mutation makes of them: no panic, and
//! memory within bounds, also where a YAML file multiplies itself by its anchors.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use proptest::prelude::*;
use serde_json::Value;
use ward_core::config::source::Source;
use ward_core::config::{SyntaxError, check, env, json, shape, toml, yaml};
use ward_corpus::Corpus;

const SEEDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/parsers.proptest-regressions"
);

/// What a parsed file may take at its peak, per byte of it.
const FACTOR: u64 = 2048;

/// What any file may take: the parsers' own tables, and what anchors may multiply.
const BASE_BYTES: u64 = 16 << 20;

type Reader = fn(&str) -> Result<Value, SyntaxError>;

fn corpus(name: &str) -> Corpus {
    Corpus::read(format!(
        "{}/tests/corpus/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
}

/// Everything that is done with a file before an app of it is started.
fn take_in(read: Reader, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parsed = None;
    let used = allocation_counter::measure(|| parsed = Some(read(&text)));
    let most = BASE_BYTES + FACTOR * u64::try_from(bytes.len()).unwrap();
    assert!(used.bytes_max <= most, "{} bytes", used.bytes_max);
    match parsed.unwrap() {
        Ok(value) => declare(value, &text),
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1, "{error}");
            assert!(error.line <= text.lines().count() + 1, "{error}");
        }
    }
}

fn declare(value: Value, text: &str) {
    let Ok(shape) = shape::read(value) else {
        return;
    };
    for app in shape.apps {
        let source = Source { file: "file", text };
        if let Ok(mut checked) = check::app(&app, source) {
            // What passed once is canonical, and passes again as it is.
            let again = check::app(&checked.decl, source).unwrap();
            assert_eq!(again.decl, checked.decl);
            check::fill_defaults(&mut checked.decl);
            env::choose(&mut checked.decl, Some("production"), shape.deploy.as_ref());
        }
    }
}

fn json5_file(bytes: &[u8]) {
    take_in(json::parse, bytes);
    if let Ok(value) = json::parse(&String::from_utf8_lossy(bytes)) {
        // JSON is JSON5, and says the same.
        assert_eq!(json::parse(&value.to_string()).unwrap(), value);
    }
}

#[test]
fn the_corpora_as_they_are() {
    for (_, bytes) in corpus("json5").files() {
        json5_file(bytes);
    }
    for (_, bytes) in corpus("yaml").files() {
        take_in(yaml::parse, bytes);
    }
    for (_, bytes) in corpus("toml").files() {
        take_in(toml::parse, bytes);
    }
}

proptest! {
    #![proptest_config(ward_corpus::config(SEEDS))]

    #[test]
    fn json5_files(bytes in corpus("json5").mutated()) {
        json5_file(&bytes);
    }

    #[test]
    fn yaml_files(bytes in corpus("yaml").mutated()) {
        take_in(yaml::parse, &bytes);
    }

    #[test]
    fn toml_files(bytes in corpus("toml").mutated()) {
        take_in(toml::parse, &bytes);
    }
}
