//! Lines of a child: any cut of the stream, any junk between messages.

mod common;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use ward_wire::json::RawJson;
use ward_wire::node_cluster::NodeMessage;
use ward_wire::node_ipc::{Junk, Line, LineDecoder, classify, encode_message, is_internal};

fn drain(decoder: &mut LineDecoder) -> Vec<Line> {
    std::iter::from_fn(|| decoder.next()).collect()
}

fn decode(bytes: &[u8], sizes: &[usize], limit: usize) -> Vec<Line> {
    let mut decoder = LineDecoder::with_limit(limit);
    let mut lines = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, later) = rest.split_at((*size).min(rest.len()));
        decoder.push(piece);
        lines.extend(drain(&mut decoder));
        rest = later;
        if rest.is_empty() {
            return lines;
        }
    }
    lines
}

fn user(value: &Value) -> Line {
    Line::User(RawJson::from(value))
}

fn line(text: &str) -> Line {
    classify(&Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn only_objects_with_a_long_enough_node_command_are_internal() {
    for text in [
        "null",
        "5",
        "\"ready\"",
        "[1]",
        "{}",
        r#"{"cmd":"NODE_"}"#,
        r#"{"cmd":"node_x"}"#,
        r#"{"cmd":5}"#,
        r#"["NODE_X"]"#,
        r#"{"x":{"cmd":"NODE_HANDLE_ACK"}}"#,
    ] {
        let value = RawJson::new(Bytes::copy_from_slice(text.as_bytes())).unwrap();
        assert!(!is_internal(&value), "{text}");
        assert_eq!(line(text), Line::User(value));
    }
    let cmd = "NODE_X".to_owned();
    assert_eq!(
        line(r#"{"cmd":"NODE_X"}"#),
        Line::Internal(NodeMessage::Other { cmd })
    );
    let ack = Line::Internal(NodeMessage::HandleAck);
    assert_eq!(line(r#"{"cmd":"NODE_HANDLE_ACK"}"#), ack);
    assert_eq!(line("{\"cmd\":\"NODE_HANDLE_ACK\"}\r"), ack);
    assert_eq!(line(r#" {"cmd": "NODE_HANDLE_ACK", "extra": 1} "#), ack);
}

#[test]
fn what_is_not_json_is_junk() {
    for text in [
        "",
        "\r",
        "Listening on 80",
        "{",
        "{}{}",
        "\u{2}5",
        "\u{2}",
        "\u{2}{",
        "\0",
    ] {
        let size = text.len();
        assert_eq!(line(text), Line::Junk(Junk::NotJson { size }), "{text:?}");
    }
}

#[test]
fn half_surrogates_and_broken_text_do_not_lose_a_message() {
    let value = |line| match line {
        Line::User(value) => value.value(),
        other => panic!("a message, not {other:?}"),
    };
    assert_eq!(value(line(r#""\ud800""#)), Some(json!("\u{fffd}")));
    let broken = Bytes::from_static(b"\"\xff\"");
    assert_eq!(value(classify(&broken)), Some(json!("\u{fffd}")));
}

#[test]
fn a_long_line_is_reported_once_and_the_next_one_is_read() {
    let long = [&b"x".repeat(100)[..], b"\n\"ready\"\n"].concat();
    for size in [1, 7, 11, 64, 100, 101, 109] {
        let lines = decode(&long, &[size], 10);
        let expected = [
            Line::Junk(Junk::TooLong { limit: 10 }),
            user(&json!("ready")),
        ];
        assert_eq!(lines, expected, "pieces of {size}");
    }
    // Exactly the limit is not too long.
    let exact = b"\"12345678\"\n";
    assert_eq!(decode(exact, &[3], 10), [user(&json!("12345678"))]);
    assert_eq!(
        decode(exact, &[3], 9),
        [Line::Junk(Junk::TooLong { limit: 9 })]
    );
}

#[test]
fn a_decoder_can_be_handed_over_anywhere() {
    let stream = b"\"one\"\n{\"two\":2}\n";
    for cut in 0..stream.len() {
        let mut first = LineDecoder::new();
        first.push(&stream[..cut]);
        let mut lines = drain(&mut first);
        let (remainder, skipping) = first.remainder();
        let mut second = LineDecoder::resume(remainder, skipping);
        second.push(&stream[cut..]);
        lines.extend(drain(&mut second));
        let expected = [user(&json!("one")), user(&json!({"two": 2}))];
        assert_eq!(lines, expected, "cut at {cut}");
    }
    let mut first = LineDecoder::with_limit(2);
    first.push(b"toolong");
    assert_eq!(drain(&mut first).len(), 1);
    let (remainder, skipping) = first.remainder();
    let mut second = LineDecoder::resume(remainder, skipping);
    second.push(b"er\n7\n");
    assert_eq!(drain(&mut second), [user(&json!(7))]);
}

#[test]
fn a_line_that_is_given_up_is_skipped_to_its_end() {
    let mut decoder = LineDecoder::new();
    decoder.push(b"\"a long");
    assert_eq!(drain(&mut decoder), []);
    assert_eq!(decoder.give_up(), Junk::GivenUp { size: 7 });
    assert_eq!(decoder.remainder(), (&b""[..], true));
    decoder.push(b" line\"");
    decoder.push(b"\n\"next\"\n");
    assert_eq!(drain(&mut decoder), [user(&json!("next"))]);
}

#[test]
fn a_large_line_in_small_pieces_is_linear_work() {
    // Searching from the start each time would be 2^42 comparisons.
    let text = "x".repeat(8 << 20);
    let lines = decode(&encode_message(&json!(&text)), &[16], 16 << 20);
    assert_eq!(lines, [user(&json!(text))]);
}

/// Lines as children send them: messages, junk, and both line ends.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let messages: [&[u8]; 10] = [
        b"\"ready\"",
        b"null",
        "{\"type\":\"x:y\",\"data\":\"\u{e9}\u{1f600}\"}".as_bytes(),
        b"{\"cmd\":\"NODE_HANDLE_ACK\"}",
        b"{\"cmd\":\"NODE_CLUSTER\",\"ack\":1,\"accepted\":true,\"seq\":3}",
        b"\x02{\"act\":\"online\",\"seq\":0}",
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"port\":null,\"seq\":1}",
    ];
    let line = proptest::sample::select(messages.to_vec());
    let end = proptest::sample::select(vec![&b"\n"[..], b"\r\n"]);
    vec((line, end), 0..12).prop_map(|lines| {
        let parts = lines.into_iter().map(|(line, end)| [line, end].concat());
        parts.collect::<Vec<_>>().concat()
    })
}

proptest! {
    #![proptest_config(common::config())]
    #[test]
    fn lines_do_not_depend_on_the_cut(bytes in stream(), sizes in vec(1..30usize, 1..6), limit in 4..64usize) {
        let whole = decode(&bytes, &[bytes.len().max(1)], limit);
        prop_assert_eq!(whole.len(), memchr::memchr_iter(b'\n', &bytes).count());
        prop_assert_eq!(decode(&bytes, &sizes, limit), whole);
    }

    #[test]
    fn any_bytes_end_in_lines(bytes in vec(any::<u8>(), 0..256), sizes in vec(1..30usize, 1..6)) {
        let ends = memchr::memchr_iter(b'\n', &bytes).count();
        prop_assert_eq!(decode(&bytes, &sizes, 1024).len(), ends);
    }

    #[test]
    fn messages_survive_the_channel(texts in vec(".*", 0..6), sizes in vec(1..30usize, 1..6)) {
        let values: Vec<Value> = texts.iter().map(|text| json!({ "data": text })).collect();
        let bytes: Vec<u8> = values.iter().flat_map(encode_message).collect();
        let expected: Vec<Line> = values.iter().map(user).collect();
        prop_assert_eq!(decode(&bytes, &sizes, 1 << 20), expected);
    }
}
