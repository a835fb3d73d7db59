//! The captured frames of the official client and daemon, and inputs that kill the official daemon.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod malformed;

use serde_json::{Value, json};
use ward_wire::amp::{Arg, Decoder, Frame, FrameError, RawArg};
use ward_wire::bus::Event;
use ward_wire::rpc::{self, Body, InvalidRequest, Request};
use ward_wire::{json, methods};

const FILE: &str = include_str!("../data/axon-vectors.json");

fn section(name: &str) -> Vec<Value> {
    let file = json::parse(FILE.as_bytes()).unwrap();
    file[name].as_array().unwrap().clone()
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap()
}

fn bytes(vector: &Value) -> Vec<u8> {
    let digits = text(vector, "hex").as_bytes();
    let pairs = digits.chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn decode_all(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next()? {
        frames.push(frame);
    }
    Ok(frames)
}

fn decode_one(bytes: &[u8]) -> Frame {
    let mut frames = decode_all(bytes).unwrap();
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

fn reencode(arg: &RawArg) -> RawArg {
    match arg.decode().unwrap() {
        Arg::Text(text) => RawArg::text(&text),
        Arg::Json(value) => RawArg::json(&value),
        Arg::Raw(bytes) => RawArg(bytes),
    }
}

/// An argument in the notation of the vectors file.
fn plain(arg: &RawArg) -> Value {
    match arg.decode().unwrap() {
        Arg::Text(text) => Value::String(text),
        Arg::Json(value) => value,
        Arg::Raw(bytes) => {
            let hex = bytes
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            json!({ "__buffer_hex": hex })
        }
    }
}

#[test]
fn captured_frames_decode_and_encode_byte_for_byte() {
    let vectors = section("vectors");
    assert_eq!(vectors.len(), 107);
    for vector in &vectors {
        let (name, bytes) = (text(vector, "name"), bytes(vector));
        let frame = decode_one(&bytes);
        assert_eq!(frame.encode(), bytes, "{name}");
        let expected = vector["args"].as_array().unwrap();
        assert_eq!(frame.args.len(), expected.len(), "{name}");
        for (arg, expected) in frame.args.iter().zip(expected) {
            assert_eq!(plain(arg), expected["value"], "{name}");
            let kind = match arg.decode().unwrap() {
                Arg::Text(_) => "string",
                Arg::Json(_) => "json",
                Arg::Raw(_) => "buffer",
            };
            assert_eq!(kind, text(expected, "type"), "{name}");
            assert_eq!(&reencode(arg), arg, "{name}");
        }
    }
}

#[test]
fn captured_requests_are_understood_and_written_alike() {
    let mut seen = 0;
    for vector in section("vectors") {
        if vector["direction"] != "client->daemon" {
            continue;
        }
        seen += 1;
        let (name, bytes) = (text(&vector, "name"), bytes(&vector));
        let request = Request::from_frame(&decode_one(&bytes)).unwrap();
        let id = request.id.clone();
        let Arg::Text(id) = id.decode().unwrap() else {
            panic!("{name}: the id is no string")
        };
        match &request.body {
            Body::Call { method, args } => {
                assert_eq!(rpc::encode_call(method, args, &id), bytes, "{name}");
                let known = methods::find(method).is_some();
                assert_eq!(known, name != "unknown.method.request", "{name}");
            }
            Body::Methods => assert_eq!(name, "methods.request"),
            Body::Invalid(reason) => {
                let expected = match name {
                    "no.method.request" => InvalidRequest::Method,
                    "no.args.request" => InvalidRequest::Args,
                    _ => panic!("{name}: {reason}"),
                };
                assert_eq!(*reason, expected, "{name}");
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn captured_replies_are_understood_and_written_alike() {
    let mut seen = 0;
    for vector in section("vectors") {
        if vector["direction"] != "daemon->client" {
            continue;
        }
        seen += 1;
        let (name, bytes) = (text(&vector, "name"), bytes(&vector));
        let (id, result) = rpc::decode_reply(&decode_one(&bytes)).unwrap();
        let ours = match result {
            Ok(results) if name == "methods.reply" => {
                assert_eq!(
                    results[0].as_object().unwrap().len(),
                    methods::METHODS.len()
                );
                rpc::reply_methods(&id)
            }
            Ok(results) => rpc::reply_ok(&id, &results),
            Err(error) if error.value.get("stack").is_some() => {
                // The frames below the first line are those of the official program.
                let ours = rpc::reply_error(&id, &error.message);
                let again = rpc::decode_reply(&decode_one(&ours))
                    .unwrap()
                    .1
                    .unwrap_err();
                assert_eq!(again.message, error.message, "{name}");
                let first_line =
                    |value: &Value| text(value, "stack").lines().next().map(str::to_owned);
                assert_eq!(first_line(&again.value), first_line(&error.value), "{name}");
                continue;
            }
            Err(_) => match name {
                "unknown.method.reply" => rpc::reply_refused(&id, &rpc::unknown_method("nosuch")),
                "no.method.reply" => rpc::reply_refused(&id, &InvalidRequest::Method.to_string()),
                "no.args.reply" => rpc::reply_refused(&id, &InvalidRequest::Args.to_string()),
                // Raised as a value that is no `Error`; ward's own failures all have a stack.
                _ => continue,
            },
        };
        assert_eq!(ours, bytes, "{name}");
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn captured_events_are_understood_and_written_alike() {
    let mut seen = 0;
    for vector in section("vectors") {
        if vector["socket"] != "pub.sock" {
            continue;
        }
        seen += 1;
        let (name, bytes) = (text(&vector, "name"), bytes(&vector));
        let Event { topic, payload } = Event::from_frame(&decode_one(&bytes)).unwrap();
        let ours = if name == "bus.numeric.topic" {
            assert_eq!(topic, "5");
            ward_wire::bus::encode_parts(RawArg::json(&json!(5)), RawArg::json(&payload))
        } else {
            ward_wire::bus::encode_event(&topic, &payload)
        };
        assert_eq!(ours, bytes, "{name}");
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_encoder_writes_what_the_official_one_writes() {
    let vectors = section("encoder_vectors");
    assert_eq!(vectors.len(), 41);
    for vector in &vectors {
        let (name, bytes) = (text(vector, "name"), bytes(vector));
        if name.starts_with("16 args") {
            // What a writer makes of too many arguments; ours refuses.
            let frame = Frame::new(vec![RawArg::text("x"); 16]);
            assert!(std::panic::catch_unwind(|| frame.encode()).is_err());
            continue;
        }
        let frame = decode_one(&bytes);
        assert_eq!(frame.encode(), bytes, "{name}");
        let expected = json::parse(text(vector, "decodes_to").as_bytes()).unwrap();
        let decoded: Vec<_> = frame.args.iter().map(plain).collect();
        assert_eq!(Value::Array(decoded), expected, "{name}");
        if name == "lone surrogate is escaped in JSON" {
            continue; // Half a pair is gone after decoding; the raw argument still has it.
        }
        let again = frame.args.iter().map(reencode).collect();
        let again = Frame::new(again);
        assert_eq!(again.encode(), bytes, "{name}");
    }
}
