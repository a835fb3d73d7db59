//! Laws of the frame codec: round trips, any cut of the stream, any bytes at all.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod common;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};
use ward_wire::amp::{Arg, Decoder, Frame, FrameError, MAX_ARGUMENTS, RawArg};
use ward_wire::bus::{Event, Pattern};
use ward_wire::json;
use ward_wire::rpc::{self, BadReply, Body, Request};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            vec((".*", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn arg() -> impl Strategy<Value = RawArg> {
    prop_oneof![
        ".*".prop_map(|text| RawArg::text(&text)),
        value().prop_map(|value| RawArg::json(&value)),
        vec(any::<u8>(), 0..64).prop_map(|bytes| RawArg(bytes.into())),
    ]
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = vec(arg(), 0..=MAX_ARGUMENTS).prop_map(Frame::new);
    vec(frame, 0..6)
}

/// Decodes `bytes` delivered in pieces of the given sizes, the sizes being used in turn.
fn decode_in_pieces(bytes: &[u8], sizes: &[usize]) -> Vec<Frame> {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, later) = rest.split_at((*size).min(rest.len()));
        decoder.push(piece);
        while let Some(frame) = decoder.next().unwrap() {
            frames.push(frame);
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    frames
}

proptest! {
    #![proptest_config(common::config())]
    #[test]
    fn frames_survive_any_cut_of_the_stream(frames in frames(), sizes in vec(1..40usize, 1..8)) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        prop_assert_eq!(decode_in_pieces(&bytes, &sizes), frames);
    }

    #[test]
    fn values_survive_the_wire(value in value()) {
        prop_assert_eq!(RawArg::json(&value).decode().unwrap(), Arg::Json(value));
    }

    #[test]
    fn texts_survive_the_wire(text in ".*") {
        prop_assert_eq!(RawArg::text(&text).decode().unwrap(), Arg::Text(text));
    }

    #[test]
    fn numbers_survive_javascript_notation(number in any::<f64>()) {
        prop_assume!(number.is_finite());
        let text = json::to_string(&Value::from(number));
        let again: f64 = text.parse().unwrap();
        prop_assert_eq!(again.total_cmp(&(number + 0.0)), std::cmp::Ordering::Equal, "{}", text);
    }

    #[test]
    fn any_escapes_are_read_as_utf16_with_replacements(units in vec(any::<u16>(), 0..40)) {
        let text: Vec<_> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        let value = json::parse(format!("\"{}\"", text.concat()).as_bytes()).unwrap();
        prop_assert_eq!(value.as_str().unwrap(), String::from_utf16_lossy(&units));
    }

    #[test]
    fn calls_survive_the_wire(method in ".+", args in vec(value(), 0..4), id in ".*") {
        let frame = decode_in_pieces(&rpc::encode_call(&method, &args, &id), &[7]).remove(0);
        let request = Request::from_frame(&frame).unwrap();
        prop_assert_eq!(request.id, RawArg::text(&id));
        prop_assert_eq!(request.body, Body::Call { method, args });
    }

    #[test]
    fn any_bytes_end_in_frames_an_error_or_waiting(bytes in vec(any::<u8>(), 0..256)) {
        let mut decoder = Decoder::with_limit(1024);
        decoder.push(&bytes);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => consume(&frame),
                Ok(None) => break,
                Err(error) => {
                    prop_assert_eq!(decoder.next(), Err(error));
                    break;
                }
            }
        }
    }

    #[test]
    fn any_arguments_end_in_values(first in nearly_json(), second in vec(any::<u8>(), 0..32)) {
        consume(&Frame::pair(RawArg(first.into()), RawArg(second.into())));
    }

    #[test]
    fn captures_put_back_together_give_the_topic(pattern in "[ab*:]{0,8}", topic in "[ab:]{0,12}") {
        if let Some(captures) = Pattern::new(&pattern).captures(&topic) {
            let mut parts = pattern.split('*');
            let mut whole = parts.next().unwrap().to_owned();
            for (capture, literal) in captures.iter().zip(parts) {
                prop_assert!(!capture.is_empty());
                whole = whole + capture + literal;
            }
            prop_assert_eq!(whole, topic);
        }
    }

    #[test]
    fn a_pattern_made_from_a_topic_matches_it(parts in vec("[ab:é]{1,4}", 1..6), hidden in any::<u8>()) {
        let hide = |at: usize| hidden >> at & 1 == 1;
        let shown = |(at, part): (usize, &String)| {
            if hide(at) { "*".to_owned() } else { part.clone() }
        };
        let pattern: String = parts.iter().enumerate().map(shown).collect();
        prop_assert!(Pattern::new(&pattern).matches(&parts.concat()), "{}", pattern);
    }
}

/// Everything a receiver may do with a frame.
fn consume(frame: &Frame) {
    if let Some(request) = Request::from_frame(frame) {
        assert!(!rpc::reply_error(&request.id, "x").is_empty());
    }
    let shaped = rpc::decode_reply(frame).err() != Some(BadReply::Shape);
    assert_eq!(shaped, frame.args.len() >= 2);
    assert!(Event::from_frame(frame).is_ok() || !frame.args.is_empty());
}

/// Bytes which are often JSON up to a few broken places.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 10] = [
        b"\\ud800",
        b"\\udfff",
        b"\\u",
        b"\\",
        b"\"",
        b"\xff",
        b"{\"method\":\"x\",\"args\":[",
        b"]}",
        b",",
        b"1e999",
    ];
    let piece = proptest::sample::select(pieces.to_vec());
    vec(piece, 0..12).prop_map(|pieces| [b"j:".as_slice(), &pieces.concat()].concat())
}

#[test]
fn a_large_argument_in_small_pieces_is_linear_work() {
    // Quadratic work would be 2^42 bytes moved here; linear work is done in well under a second.
    let argument = vec![7; 8 << 20];
    let frame = Frame::pair(RawArg(argument.into()), RawArg::text("1:0"));
    let frames = decode_in_pieces(&frame.encode(), &[16]);
    assert_eq!(frames, [frame]);
}

#[test]
fn limits_hold_for_each_argument_and_for_the_frame() {
    let decode = |lengths: &[usize], limit| {
        let args = lengths.iter().map(|&n| RawArg(vec![0; n].into())).collect();
        let mut decoder = Decoder::with_limit(limit);
        decoder.push(&Frame::new(args).encode());
        decoder.next().map(|frame| frame.is_some())
    };
    assert_eq!(decode(&[10, 10], 10), Ok(true));
    let (length, limit) = (11, 10);
    assert_eq!(
        decode(&[1, 11], 10),
        Err(FrameError::ArgumentTooLong { length, limit })
    );
    let (length, limit) = (4 << 20, 3 << 20);
    assert_eq!(
        decode(&[2 << 20; 2], 2 << 20),
        Err(FrameError::FrameTooLong { length, limit })
    );
}

#[test]
fn nothing_is_delivered_before_the_last_byte_and_all_at_it() {
    for args in [
        vec![],
        vec![RawArg::text("x")],
        vec![RawArg::text("x"), RawArg::default()],
    ] {
        let frame = Frame::new(args);
        let bytes = frame.encode();
        let mut decoder = Decoder::new();
        for byte in &bytes[..bytes.len() - 1] {
            decoder.push(&[*byte]);
            assert_eq!(decoder.next(), Ok(None));
        }
        decoder.push(&bytes[bytes.len() - 1..]);
        assert_eq!(decoder.next(), Ok(Some(frame)));
    }
}
