//! How lines look, and that they stay whole.

use std::fs;
use std::io::Write as _;

use ward_core::launch::Output;

use super::{Desk, next_output, read};

#[test]
fn bytes_without_form_pass_as_they_are() {
    let desk = Desk::new();
    let (mut out, err) = desk.attach(&desk.output());
    out.write_all(b"a prompt: ").unwrap();
    desk.expect("out", "a prompt: ");
    out.write_all(&[0xFF, 0xFE, b'\n']).unwrap();
    drop((out, err));
    let folder = desk.finish();
    let bytes = fs::read(folder.path().join("out")).unwrap();
    assert_eq!(bytes, b"a prompt: \xFF\xFE\n");
}

#[test]
fn every_line_has_its_date_however_it_was_written() {
    let desk = Desk::new();
    let output = Output {
        date_format: Some("[D]".to_owned()),
        ..desk.output()
    };
    let (mut out, err) = desk.attach(&output);
    drop(err);
    for piece in ["part1 ", "part2\nline2\n\nline4 ", "goes on\n", "no end"] {
        out.write_all(piece.as_bytes()).unwrap();
    }
    drop(out);
    let folder = desk.finish();
    assert_eq!(
        read(&folder, "out"),
        "D: part1 part2\nD: line2\nD: \nD: line4 goes on\nD: no end\n"
    );
}

#[test]
fn json_records_are_one_per_line_in_the_known_form() {
    let desk = Desk::new();
    let output = Output {
        json: true,
        date_format: Some("[when]".to_owned()),
        combined_path: Some(desk.path("both").to_str().unwrap().to_owned()),
        ..desk.output()
    };
    let (mut out, mut err) = desk.attach(&output);
    out.write_all("say \"é\"\n".as_bytes()).unwrap();
    err.write_all(b"oops").unwrap();
    drop((out, err));
    let folder = desk.finish();
    let first = "{\"message\":\"say \\\"é\\\"\\n\",\"timestamp\":\"when\",\"type\":\"out\",\"process_id\":3,\"app_name\":\"web\"}\n";
    let second = "{\"message\":\"oops\",\"timestamp\":\"when\",\"type\":\"err\",\"process_id\":3,\"app_name\":\"web\"}\n";
    assert_eq!(read(&folder, "out"), first);
    assert_eq!(read(&folder, "err"), second);
    let both = read(&folder, "both");
    assert!(
        both.contains(first) && both.contains(second) && both.lines().count() == 2,
        "{both}"
    );
}

#[test]
fn json_without_a_format_has_an_iso_timestamp() {
    let desk = Desk::new();
    let output = Output {
        json: true,
        ..desk.output()
    };
    desk.run(&output, "echo", &["x"]);
    let folder = desk.finish();
    let record: serde_json::Value = serde_json::from_str(&read(&folder, "out")).unwrap();
    let timestamp = record["timestamp"].as_str().unwrap();
    assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    assert_eq!(timestamp.len(), "2026-11-21T01:47:22.132Z".len());
}

#[test]
fn characters_split_over_writes_stay_whole() {
    let desk = Desk::new();
    let mut reader = desk.follow();
    let output = Output {
        json: true,
        ..desk.output()
    };
    let (mut out, _err) = desk.attach(&output);
    let (mut plain, _err2) = desk.attach(&Output {
        out_path: None,
        pm_id: 4,
        ..desk.output()
    });
    let crab = "🦀\n".as_bytes();
    for byte in crab {
        out.write_all(&[*byte]).unwrap();
        plain.write_all(&[*byte]).unwrap();
    }
    let (mut json, mut raw) = (String::new(), String::new());
    while !(json.contains("app_name") && raw.ends_with('\n')) {
        let (data, id) = next_output(&mut reader);
        let text = if id == 3 { &mut json } else { &mut raw };
        text.push_str(&data);
    }
    assert!(json.contains("\"message\":\"🦀\\n\""), "{json}");
    assert_eq!(raw, "🦀\n");
}

#[test]
fn an_overlong_line_gets_one_date_and_no_line_end() {
    let desk = Desk::new();
    let output = Output {
        date_format: Some("[D]".to_owned()),
        ..desk.output()
    };
    let (mut out, err) = desk.attach(&output);
    drop(err);
    let long = "é".repeat(200_000);
    out.write_all(long.as_bytes()).unwrap();
    out.write_all(b"\nnext\n").unwrap();
    drop(out);
    let folder = desk.finish();
    assert!(
        read(&folder, "out") == format!("D: {long}\nD: next\n"),
        "the line was changed"
    );
}

#[test]
fn lines_of_streams_that_share_a_file_do_not_mix() {
    let desk = Desk::new();
    let output = desk.one_file();
    let mut writers = Vec::new();
    for life in 0..4 {
        let (out, err) = desk.attach(&output);
        for (mut pipe, name) in [(out, "o"), (err, "e")] {
            writers.push(std::thread::spawn(move || {
                let line = format!("{name}{life}{}\n", "x".repeat(97));
                for byte_pairs in line.repeat(1000).as_bytes().chunks(37) {
                    pipe.write_all(byte_pairs).unwrap();
                }
            }));
        }
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let folder = desk.finish();
    let text = read(&folder, "out");
    assert_eq!(text.lines().count(), 8000);
    for line in text.lines() {
        assert_eq!(line.len(), 99, "{line}");
        assert_eq!(line[2..].trim_matches('x'), "", "{line}");
    }
}

#[test]
fn an_unfinished_line_is_not_continued_by_another_app() {
    let desk = Desk::new();
    let (mut other, err) = desk.attach(&desk.one_file());
    desk.run(&desk.one_file(), "printf", &["no end"]);
    desk.expect("out", "no end");
    other.write_all(b"next\n").unwrap();
    desk.expect("out", "no end\nnext\n");
    drop((other, err));
    let folder = desk.finish();
    assert_eq!(read(&folder, "out"), "no end\nnext\n");
}

#[test]
fn an_unfinished_line_of_a_shared_file_is_written_after_a_silence() {
    let desk = Desk::new();
    let (mut out, mut err) = desk.attach(&desk.one_file());
    out.write_all(b"whole\nname? ").unwrap();
    // Nothing more is written meanwhile: only the silence can bring it into the file.
    desk.expect("out", "whole\nname? ");
    // It goes on where it stands, and nobody else continues it.
    out.write_all(b"ward\nage? ").unwrap();
    desk.expect("out", "whole\nname? ward\nage? ");
    err.write_all(b"oops\n").unwrap();
    desk.expect("out", "whole\nname? ward\nage? \noops\n");
    drop((out, err));
    let folder = desk.finish();
    assert_eq!(read(&folder, "out"), "whole\nname? ward\nage? \noops\n");
}

#[test]
fn a_silence_within_a_character_does_not_split_it() {
    let desk = Desk::new();
    let mut reader = desk.follow();
    let (mut out, _err) = desk.attach(&desk.one_file());
    let (begin, end) = "name? é".as_bytes().split_at(7);
    out.write_all(begin).unwrap();
    assert_eq!(next_output(&mut reader).0, "name? ");
    out.write_all(end).unwrap();
    assert_eq!(next_output(&mut reader).0, "é");
    desk.expect("out", "name? é");
}

#[test]
fn a_life_that_begins_does_not_continue_the_line_of_another() {
    let desk = Desk::new();
    let (mut first, _err) = desk.attach(&desk.output());
    first.write_all(b"name? ").unwrap();
    desk.expect("out", "name? ");
    let (mut second, _err2) = desk.attach(&desk.output());
    second.write_all(b"other\n").unwrap();
    desk.expect("out", "name? \nother\n");
}
