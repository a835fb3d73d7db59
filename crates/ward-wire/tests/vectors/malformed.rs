//! What is malformed ends as recommended.

use serde_json::{Value, json};
use ward_wire::amp::{Frame, FrameError, RawArg};
use ward_wire::rpc::{self, BadReply, Body, InvalidRequest, Request};
use ward_wire::{json, methods};

use super::{bytes, decode_all, section, text};

/// What the codec makes of a malformed input.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Calls for these methods with these ids.
    Calls(Vec<(String, RawArg)>),
    Error(InvalidRequest),
    Ignored,
    Waiting,
    Closed(FrameError),
}

fn outcome(bytes: &[u8]) -> Outcome {
    let frames = match decode_all(bytes) {
        Ok(frames) if frames.is_empty() => return Outcome::Waiting,
        Ok(frames) => frames,
        Err(error) => return Outcome::Closed(error),
    };
    let mut calls = Vec::new();
    for request in frames.iter().filter_map(Request::from_frame) {
        match request.body {
            Body::Call { method, .. } => calls.push((method, request.id)),
            Body::Invalid(reason) => return Outcome::Error(reason),
            Body::Methods => panic!("not a question for methods"),
        }
    }
    if calls.is_empty() {
        return Outcome::Ignored;
    }
    Outcome::Calls(calls)
}

fn expected(name: &str) -> Outcome {
    let call = |method: &str, id: &[u8]| {
        let id = RawArg(id.to_vec().into());
        Outcome::Calls(vec![(method.to_owned(), id)])
    };
    let length = |length| {
        let limit = ward_wire::amp::MAX_ARGUMENT;
        Outcome::Closed(FrameError::ArgumentTooLong { length, limit })
    };
    match name {
        "two frames in one write" => Outcome::Calls(vec![
            ("ping".to_owned(), RawArg::text("77:9")),
            ("ping".to_owned(), RawArg::text("77:10")),
        ]),
        "good frame sent byte by byte" | "version nibble 0" | "version nibble 15" => {
            call("ping", b"s:77:9")
        }
        "only one argument" | "argument count 0" | "bad JSON written to pub.sock" => {
            Outcome::Ignored
        }
        "id is JSON number" => call("ping", b"j:5"),
        "id is raw bytes" => call("ping", b"\0\x01xyz"),
        "id is JSON object" => call("ping", b"j:{\"a\":1}"),
        "id is the empty string" => call("ping", b"s:"),
        "id has length zero" => call("ping", b""),
        "leading empty argument"
        | "message is a string"
        | "message is bytes"
        | "message is number"
        | "message is array"
        | "message is null" => Outcome::Error(InvalidRequest::Method),
        "invalid JSON" | "empty JSON" => Outcome::Error(InvalidRequest::Json),
        "args is an object" => Outcome::Error(InvalidRequest::Args),
        "HTTP request" => length(u32::from_be_bytes(*b"ET /") as usize),
        "length 0xffffffff" => length(0xffff_ffff),
        "truncated frame then close" => Outcome::Waiting,
        "method is a number" => call("5", b"s:77:1"),
        "args too short" => call("getMonitorData", b"s:77:1"),
        "invalid UTF-8 inside JSON"
        | "three arguments"
        | "args too long"
        | "no type key"
        | "other type value" => call("ping", b"s:77:1"),
        name => {
            // "method toString", "prepare {}", "stopWatch null null".
            let method = name.strip_prefix("method ").unwrap_or(name);
            call(method.split(' ').next().unwrap(), b"s:77:1")
        }
    }
}

#[test]
fn malformed_inputs_end_as_recommended() {
    let vectors = section("malformed");
    assert_eq!(vectors.len(), 45);
    for vector in &vectors {
        let name = text(vector, "name");
        assert_eq!(outcome(&bytes(vector)), expected(name), "{name}");
    }
}

#[test]
fn names_from_javascript_prototypes_do_not_exist() {
    for name in ["toString", "hasOwnProperty", "__proto__", "constructor", ""] {
        assert!(methods::find(name).is_none(), "{name}");
    }
}

#[test]
fn method_names_are_read_as_javascript_reads_property_names() {
    let method = |message: &str| {
        let message = RawArg::json(&json::parse(message.as_bytes()).unwrap());
        let frame = Frame::pair(message, RawArg::text("1:0"));
        match Request::from_frame(&frame).unwrap().body {
            Body::Call { method, .. } => Some(method),
            Body::Invalid(InvalidRequest::Method) => None,
            other => panic!("{other:?}"),
        }
    };
    for (value, name) in [
        ("null", None),
        ("false", None),
        ("0", None),
        ("\"\"", None),
        ("true", Some("true")),
        ("1.50", Some("1.5")),
        ("{}", Some("[object Object]")),
        ("[1,null,\"a\",false]", Some("1,,a,false")),
    ] {
        let found = method(&format!("{{\"method\":{value},\"args\":[]}}"));
        assert_eq!(found.as_deref(), name, "{value}");
    }
}

#[test]
fn an_unknown_method_is_noticed_before_missing_arguments() {
    for (message, expected) in [
        (json!({"method": "nosuch"}), None),
        (json!({"method": "nosuch", "args": 5}), None),
        (
            json!({"method": "ping", "args": ""}),
            Some(InvalidRequest::Args),
        ),
        (json!({"method": "ward:x"}), Some(InvalidRequest::Args)),
    ] {
        let frame = Frame::pair(RawArg::json(&message), RawArg::text("1:0"));
        let reason = match Request::from_frame(&frame).unwrap().body {
            Body::Invalid(reason) => Some(reason),
            _ => None,
        };
        assert_eq!(reason, expected, "{message}");
    }
}

#[test]
fn the_presence_of_error_is_a_failure_and_no_reply_is_malformed() {
    let result = |message: Value| {
        let frame = Frame::pair(RawArg::json(&message), RawArg::text("1:0"));
        rpc::decode_reply(&frame).map(|(_, result)| result)
    };
    for (error, message) in [
        (json!(null), "null"),
        (json!({"a": 1}), "{\"a\":1}"),
        (json!("x"), "x"),
    ] {
        let failed = result(json!({"error": error, "args": [1]}))
            .unwrap()
            .unwrap_err();
        assert_eq!(
            (failed.message.as_str(), &failed.value["error"]),
            (message, &error)
        );
    }
    assert_eq!(result(json!({"args": []})), Ok(Ok(vec![])));
    for broken in [json!({}), json!(null), json!("x"), json!({"args": {}})] {
        assert_eq!(result(broken), Err(BadReply::Message));
    }
    let alone = Frame::new(vec![RawArg::json(&json!({"args": []}))]);
    assert_eq!(rpc::decode_reply(&alone), Err(BadReply::Shape));
}
