//! The frames captured from PM2 7.0.4, what its encoder makes of chosen values, and bytes that
//! break its daemon.

#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "a failed unwrap is a failed test"
)]

use proptest::prelude::*;
use serde_json::Value;
use ward_wire::amp::{Arg, Decoder, Frame, RawArg};
use ward_wire::{bus, methods, rpc};

fn vectors() -> Value {
    serde_json::from_str(include_str!("data/axon-vectors.json")).unwrap()
}

fn list(key: &str) -> Vec<Value> {
    vectors()[key].as_array().unwrap().clone()
}

fn bytes_of(vector: &Value) -> Vec<u8> {
    let hex = vector["hex"].as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn frames_of(bytes: &[u8]) -> Vec<Frame> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next().unwrap() {
        frames.push(frame);
    }
    frames
}

fn reencode(frame: &Frame) -> Vec<u8> {
    let args = frame.args.iter().map(|arg| match arg.decode().unwrap() {
        Arg::Text(text) => RawArg::text(&text),
        Arg::Json(value) => RawArg::json(&value),
        Arg::Raw(bytes) => RawArg(bytes),
    });
    Frame::new(args.collect()).encode()
}

#[test]
fn every_captured_frame_is_read_and_written_byte_for_byte() {
    let all = list("vectors");
    assert_eq!(all.len(), 107);
    for vector in all {
        let name = vector["name"].as_str().unwrap();
        let bytes = bytes_of(&vector);
        let frames = frames_of(&bytes);
        let [frame] = &frames[..] else {
            panic!("{name}: one frame")
        };
        for (arg, expected) in frame.args.iter().zip(vector["args"].as_array().unwrap()) {
            match arg.decode().unwrap() {
                Arg::Text(text) => assert_eq!(
                    (expected["type"].as_str(), &expected["value"]),
                    (Some("string"), &Value::from(text)),
                    "{name}"
                ),
                Arg::Json(value) => assert_eq!(
                    (expected["type"].as_str(), &expected["value"]),
                    (Some("json"), &value),
                    "{name}"
                ),
                Arg::Raw(_) => panic!("{name}: no captured argument is raw"),
            }
        }
        assert_eq!(reencode(frame), bytes, "{name}");
    }
}

#[test]
fn the_method_listing_is_the_captured_one() {
    let captured = list("vectors")
        .into_iter()
        .find(|vector| vector["name"] == "methods.reply")
        .unwrap();
    let frame = &frames_of(&bytes_of(&captured))[0];
    assert_eq!(rpc::reply_methods(&frame.args[1]), bytes_of(&captured));
    assert_eq!(methods::METHODS.len(), 30);
}

#[test]
fn captured_requests_are_understood_and_captured_replies_too() {
    for vector in list("vectors") {
        let name = vector["name"].as_str().unwrap();
        let frame = &frames_of(&bytes_of(&vector))[0];
        match (
            vector["socket"].as_str().unwrap(),
            vector["direction"].as_str().unwrap(),
        ) {
            ("rpc.sock", "client->daemon") => {
                let request = rpc::Request::from_frame(frame).unwrap();
                match request.body {
                    rpc::Body::Call { method, args } => {
                        let id = String::from_utf8(frame.args[1].0[2..].to_vec()).unwrap();
                        let call = rpc::encode_call(&method, &args, &id);
                        assert_eq!(call, bytes_of(&vector), "{name}");
                    }
                    rpc::Body::Methods => assert_eq!(name, "methods.request"),
                    // Captured refusals: ours is the same, byte for byte.
                    rpc::Body::Invalid(why) => {
                        let reply = name.replace("request", "reply");
                        let reply = list("vectors")
                            .into_iter()
                            .find(|one| one["name"] == *reply);
                        let reply = bytes_of(&reply.unwrap());
                        assert_eq!(
                            rpc::reply_refused(&request.id, &why.to_string()),
                            reply,
                            "{name}"
                        );
                    }
                }
            }
            ("rpc.sock", _) if name == "methods.reply" => {}
            ("rpc.sock", _) => {
                let (id, result) = rpc::decode_reply(frame).unwrap();
                assert_eq!(id, frame.args[1], "{name}");
                if let Ok(results) = result {
                    assert_eq!(rpc::reply_ok(&id, &results), bytes_of(&vector), "{name}");
                }
            }
            _ => {
                let event = bus::Event::from_frame(frame).unwrap();
                if matches!(frame.args[0].decode().unwrap(), Arg::Text(_)) {
                    assert_eq!(
                        bus::encode_event(&event.topic, &event.payload),
                        bytes_of(&vector),
                        "{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_stock_encoders_bytes_are_read_as_the_stock_decoder_reads_them() {
    let all = list("encoder_vectors");
    assert_eq!(all.len(), 41);
    let mut rewritten = 0;
    for vector in all {
        let name = vector["name"].as_str().unwrap();
        let bytes = bytes_of(&vector);
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        let frame = decoder.next().unwrap().unwrap();
        if name.starts_with("16 args") || name.starts_with("no args") {
            // Bytes that are never to be sent; they begin with a frame without arguments.
            assert_eq!(frame, Frame::default(), "{name}");
            continue;
        }
        let decodes_to = vector["decodes_to"].as_str().unwrap();
        let expected = ward_wire::json::parse(decodes_to.as_bytes()).unwrap();
        let expected = expected.as_array().unwrap();
        assert_eq!(frame.args.len(), expected.len(), "{name}");
        let mut exact = true;
        for (arg, expected) in frame.args.iter().zip(expected) {
            match arg.decode().unwrap() {
                Arg::Text(text) => assert_eq!(&Value::from(text), expected, "{name}"),
                Arg::Raw(bytes) => {
                    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    assert_eq!(expected["__buffer_hex"], hex, "{name}");
                }
                // What JSON itself cannot hold is mended on both sides.
                Arg::Json(value) if name.contains("surrogate") => {
                    assert_eq!(value["k"], "\u{fffd}", "{name}");
                    exact = false;
                }
                Arg::Json(value) => assert_eq!(
                    value.as_f64().map_or_else(|| value.clone(), Value::from),
                    expected
                        .as_f64()
                        .map_or_else(|| expected.clone(), Value::from),
                    "{name}"
                ),
            }
        }
        if exact {
            assert_eq!(reencode(&frame), bytes, "{name}");
            rewritten += 1;
        }
    }
    assert!(rewritten > 35);
}

/// What the codec makes of bytes that break the official daemon; the daemon's own answers to the
/// well-formed ones among them are its tests' business.
#[test]
fn malformed_input_is_answered_ignored_or_ends_the_connection() {
    let all = list("malformed");
    assert_eq!(all.len(), 45);
    for vector in all {
        let name = vector["name"].as_str().unwrap();
        let mut decoder = Decoder::new();
        decoder.push(&bytes_of(&vector));
        let mut answers = Vec::new();
        let closed = loop {
            match decoder.next() {
                Ok(Some(frame)) => answers.extend(rpc::Request::from_frame(&frame)),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let invalid = |text: &str| {
            assert!(
                matches!(&answers[..], [rpc::Request { body: rpc::Body::Invalid(why), .. }] if why.to_string().contains(text)),
                "{name}: {answers:?}"
            );
        };
        match name {
            "HTTP request" | "length 0xffffffff" => assert!(closed, "{name}"),
            "only one argument"
            | "argument count 0"
            | "truncated frame then close"
            | "bad JSON written to pub.sock" => {
                assert!(answers.is_empty() && !closed, "{name}: {answers:?}");
            }
            "two frames in one write" => assert_eq!(answers.len(), 2, "{name}"),
            "leading empty argument"
            | "message is a string"
            | "message is bytes"
            | "message is number"
            | "message is array"
            | "message is null" => invalid(".method required"),
            "invalid JSON" | "empty JSON" => invalid("invalid JSON"),
            "args is an object" => invalid(".args required"),
            "method is a number" => invalid("does not exist"),
            _ => assert!(
                matches!(
                    &answers[..],
                    [rpc::Request {
                        body: rpc::Body::Call { .. },
                        ..
                    }]
                ),
                "{name}: {answers:?}"
            ),
        }
    }
}

#[test]
fn wildcards_are_matched_as_the_clients_do() {
    assert_eq!(bus::matches("log:*", "log:out"), Some(vec!["out"]));
    assert_eq!(bus::matches("*", "log:out"), Some(vec!["log:out"]));
    assert_eq!(bus::matches("*:*", "a:b:c"), Some(vec!["a:b", "c"]));
    assert_eq!(bus::matches("log:out", "log:out"), Some(vec![]));
    assert_eq!(bus::matches("log:*", "log:"), None);
    assert_eq!(bus::matches("*", "a\nb"), None);
}

fn any_frame() -> impl Strategy<Value = Frame> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..15)
        .prop_map(|args| Frame::new(args.into_iter().map(|arg| RawArg(arg.into())).collect()))
}

proptest! {
    #[test]
    fn frames_survive_any_chunking(frames in prop::collection::vec(any_frame(), 1..5), size in 1usize..200) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        let mut decoder = Decoder::new();
        let mut read = Vec::new();
        for chunk in bytes.chunks(size) {
            decoder.push(chunk);
            while let Some(frame) = decoder.next().unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut decoder = Decoder::new();
        decoder.push(&bytes);
        while let Ok(Some(frame)) = decoder.next() {
            rpc::Request::from_frame(&frame);
            rpc::decode_reply(&frame).ok();
            bus::Event::from_frame(&frame).ok();
        }
    }

    #[test]
    fn any_text_between_quotes_is_read(escapes in prop::collection::vec(any::<u16>(), 0..40)) {
        let text = escapes.iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}"));
        let value = ward_wire::json::parse(format!("\"{text}\"").as_bytes()).unwrap();
        prop_assert_eq!(value.as_str().unwrap(), String::from_utf16_lossy(&escapes));
    }
}
