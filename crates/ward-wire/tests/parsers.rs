//! Every parser of this crate against a corpus of captured bytes and what mutation makes of them: no panic, memory in
//! proportion to the input, the same messages wherever the stream is cut, and what is written reads back.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use ward_corpus::{Corpus, cuts, pieces};
use ward_wire::amp::{Arg, Decoder, Frame, FrameError, RawArg};
use ward_wire::bus::Event;
use ward_wire::json;
use ward_wire::node_cluster::{NodeMessage, WorkerAct, handle_key};
use ward_wire::node_ipc::{Line, LineDecoder, classify, encode_message};
use ward_wire::rpc::{self, Body, Request};

const SEEDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/parsers.proptest-regressions"
);

/// What a parsed input may take at its peak, per byte of it: `{"":[` is five bytes and two collections.
const FACTOR: u64 = 256;

/// What any input may take.
const BASE_BYTES: u64 = 16 << 10;

fn corpus(name: &str) -> Corpus {
    Corpus::read(format!(
        "{}/tests/corpus/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
}

/// Runs a parser, and fails when it needs memory out of proportion to its input.
fn measured<T>(length: usize, parse: impl FnOnce() -> T) -> T {
    let mut parsed = None;
    let used = allocation_counter::measure(|| parsed = Some(parse()));
    let most = BASE_BYTES + FACTOR * u64::try_from(length).unwrap();
    assert!(
        used.bytes_max <= most,
        "{} bytes for an input of {length}",
        used.bytes_max
    );
    parsed.unwrap()
}

/// The frames of a stream that comes in pieces, and how it ends.
fn frames(bytes: &[u8], cuts: &[Index]) -> (Vec<Frame>, Option<FrameError>) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for piece in pieces(bytes, cuts) {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// What daemon and client may do with a frame.
fn understand(frame: &Frame) {
    if let Some(request) = Request::from_frame(frame)
        && let Body::Call { method, args } = &request.body
    {
        let again = rpc::encode_call(method, args, "1:0");
        let (again, error) = frames(&again, &[]);
        assert_eq!(error, None);
        assert_eq!(Request::from_frame(&again[0]).unwrap().body, request.body);
    }
    rpc::decode_reply(frame).ok();
    Event::from_frame(frame).ok();
    for arg in &frame.args {
        match arg.decode() {
            Ok(Arg::Json(value)) => {
                assert_eq!(
                    RawArg::json(&value).decode().unwrap(),
                    Arg::Json(read_back(&value))
                );
            }
            Ok(Arg::Text(text)) => {
                assert_eq!(RawArg::text(&text).decode().unwrap(), Arg::Text(text));
            }
            Ok(Arg::Raw(bytes)) => assert_eq!(arg.0, bytes),
            Err(_) => {}
        }
    }
}

/// The value after a round over the wire, where whole floats lose their fraction: it may change once, then never.
fn read_back(value: &Value) -> Value {
    let read = json::parse(json::to_string(value).as_bytes()).unwrap();
    let text = json::to_string(&read);
    assert_eq!(text, json::to_string(value));
    read
}

fn amp(bytes: &[u8], cuts: &[Index]) {
    let whole = measured(bytes.len(), || frames(bytes, &[]));
    assert_eq!(frames(bytes, cuts), whole);
    for frame in &whole.0 {
        let (again, error) = frames(&frame.encode(), &[]);
        assert_eq!((&again[..], error), (std::slice::from_ref(frame), None));
        measured(bytes.len(), || understand(frame));
    }
}

/// The lines of a stream that comes in pieces.
fn lines(bytes: &[u8], cuts: &[Index]) -> Vec<Line> {
    let mut decoder = LineDecoder::new();
    let mut lines = Vec::new();
    for piece in pieces(bytes, cuts) {
        decoder.push(piece);
        lines.extend(std::iter::from_fn(|| decoder.next()));
    }
    lines
}

fn node_ipc(bytes: &[u8], cuts: &[Index]) {
    let whole = measured(bytes.len(), || lines(bytes, &[]));
    assert_eq!(whole.len(), memchr::memchr_iter(b'\n', bytes).count());
    assert_eq!(lines(bytes, cuts), whole);
    for line in whole {
        match line {
            Line::User(raw) => {
                // A number beyond a double is passed on, and is no value of ours.
                let Some(value) = raw.value() else { continue };
                let written = Bytes::from(encode_message(&value));
                let text = written.strip_suffix(b"\n").unwrap();
                let again = classify(&written.slice_ref(text));
                let Line::User(again) = again else {
                    panic!("a message, not {again:?}")
                };
                assert_eq!(again.value(), Some(read_back(&value)));
            }
            Line::Internal(NodeMessage::Cluster(message)) => {
                if let WorkerAct::QueryServer { query, .. } = message.act {
                    assert!(!handle_key(&query).is_empty());
                    query.endpoint().ok();
                }
            }
            Line::Internal(_) | Line::Junk(_) => {}
        }
    }
}

fn json_text(bytes: &[u8]) {
    let mut parsed = None;
    let used = allocation_counter::measure(|| parsed = Some(json::parse(bytes)));
    let weight = u64::try_from(json::weight(bytes)).unwrap();
    assert!(
        used.bytes_max <= BASE_BYTES + weight,
        "{} bytes, weight {weight}",
        used.bytes_max
    );
    if let Ok(value) = measured(bytes.len(), || json::parse(bytes)) {
        read_back(&value);
    }
}

/// What is not in a corpus: many small values in one another.
#[test]
fn the_weight_of_a_text_is_never_less_than_what_it_takes() {
    let nest = |open: &str, close: &str| format!("{}{}", open.repeat(100), close.repeat(100));
    let elements = [
        "0".to_owned(),
        "[]".to_owned(),
        "[0]".to_owned(),
        "{}".to_owned(),
        "{\"\":0}".to_owned(),
        "{\"abc\":\"x\",\"d\":[\"\"]}".to_owned(),
        "\"x\"".to_owned(),
        "\"\\ud800\"".to_owned(),
        "\"a longer text of some words\"".to_owned(),
        "1e300".to_owned(),
        nest("[", "]"),
        nest("[[1],", "2]"),
    ];
    for element in elements {
        for count in [1, 2, 5, 9, 1025] {
            let list = vec![element.as_str(); count].join(",");
            json_text(format!("[{list}]").as_bytes());
        }
    }
    let entries: Vec<String> = (0..7169).map(|at| format!("\"{at}\":0")).collect();
    for count in [1, 5, 57, 1793, 7169] {
        json_text(format!("{{{}}}", entries[..count].join(",")).as_bytes());
    }
}

#[test]
fn the_corpora_as_they_are() {
    for (_, bytes) in corpus("amp").files() {
        amp(bytes, &[]);
    }
    for (_, bytes) in corpus("node-ipc").files() {
        node_ipc(bytes, &[]);
    }
    for (_, bytes) in corpus("json").files() {
        json_text(bytes);
    }
}

proptest! {
    #![proptest_config(ward_corpus::config(SEEDS))]

    #[test]
    fn amp_frames(bytes in corpus("amp").mutated(), cuts in cuts()) {
        amp(&bytes, &cuts);
    }

    #[test]
    fn node_ipc_lines(bytes in corpus("node-ipc").mutated(), cuts in cuts()) {
        node_ipc(&bytes, &cuts);
    }

    #[test]
    fn json_texts(bytes in corpus("json").mutated()) {
        json_text(&bytes);
    }
}
