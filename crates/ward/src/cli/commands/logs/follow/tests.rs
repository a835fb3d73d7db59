use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::super::LogOptions;
use super::super::filter::Filter;
use super::*;

fn frame(topic: &str, payload: &Value) -> Vec<u8> {
    let mut frame = vec![0x12];
    for argument in [format!("s:{topic}"), format!("j:{payload}")] {
        frame.extend_from_slice(&u32::try_from(argument.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(argument.as_bytes());
    }
    frame
}

fn log(at: u64, data: &str) -> Vec<u8> {
    let process = json!({"pm_id": 0, "name": "web", "namespace": "default"});
    frame(
        "log:out",
        &json!({"process": process, "at": at, "data": data}),
    )
}

/// A follower on a socket of ours: what it prints, event by event; it stops after `until`.
fn follower(path: &Path, since: u64, until: &'static str) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let follower = Follower::subscribe(path);
    thread::spawn(move || {
        let mut printer = Printer::new(LogOptions::default(), Filter::All);
        follower.follow(&mut printer, since, |output| {
            let text = String::from_utf8(output.out).unwrap();
            let last = text.contains(until);
            sender.send(text).is_ok() && !last
        });
    });
    receiver
}

fn collect(receiver: &mpsc::Receiver<String>) -> String {
    let mut all = String::new();
    while let Ok(text) = receiver.recv_timeout(Duration::from_secs(10)) {
        all.push_str(&text);
    }
    all
}

#[test]
fn events_in_pieces_junk_and_old_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pub.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let receiver = follower(&path, 100, "last");
    let (mut stream, _) = listener.accept().unwrap();
    let mut bytes = log(99, "in the file already\n");
    bytes.extend([0x11, 0, 0, 0, 2, b's', b':']);
    bytes.extend(frame("log:out", &json!(7)));
    bytes.extend(log(100, "one\ntwo\n"));
    for byte in bytes {
        stream.write_all(&[byte]).unwrap();
    }
    stream.write_all(&log(101, "last\n")).unwrap();
    assert_eq!(
        collect(&receiver),
        "0|web  | one\n0|web  | two\n0|web  | last\n"
    );
}

#[test]
fn a_daemon_that_comes_back_is_followed_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pub.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let receiver = follower(&path, 0, "after");
    let (mut stream, _) = listener.accept().unwrap();
    let half = log(1, "lost half\n");
    stream.write_all(&log(1, "before\n")).unwrap();
    stream.write_all(&half[..half.len() / 2]).unwrap();
    drop((stream, listener));
    std::fs::remove_file(&path).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(&log(2, "after\n")).unwrap();
    assert_eq!(collect(&receiver), "0|web  | before\n0|web  | after\n");
}
