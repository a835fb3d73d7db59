//! What is no plain HTTP: raw connections, unix sockets, datagrams, `WebSocket`, socket.io.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::site::Site;
use super::{by_connection, parse, pid, same_worker};
use crate::harness::kill;

const PATIENCE: Duration = Duration::from_secs(20);

/// What the worker says about itself; what it is sent comes back whole.
fn converse(mut writer: impl Write + Send, reader: impl Read, end: impl FnOnce() + Send) -> Value {
    let sent = vec![b'x'; 300_000];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&sent).unwrap();
            end();
        });
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.len(), sent.len());
        parse(&line)
    })
}

#[test]
fn raw_connections() {
    let mut site = Site::prepare("net.js", include_str!("apps/net.js"), 3);
    site.ward.set_env("LISTEN", &site.port.to_string());
    site.start(&["--wait-ready"]);
    let talk = || {
        let stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        converse(&stream, &stream, || {
            stream.shutdown(Shutdown::Write).unwrap();
        })
    };
    let serves = || site.all_serve(&(0..9).map(|_| talk()).collect::<Vec<_>>());
    serves();
    site.replaces_all();
    serves();
    site.stops(130);
}

#[test]
fn unix_sockets() {
    let mut site = Site::prepare("net.js", include_str!("apps/net.js"), 2);
    let path = site.ward.dir().join("site.sock");
    site.ward.set_env("LISTEN", path.to_str().unwrap());
    site.start(&["--wait-ready"]);
    let talk = || {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        converse(&stream, &stream, || {
            stream.shutdown(Shutdown::Write).unwrap();
        })
    };
    let serves = || site.all_serve(&(0..6).map(|_| talk()).collect::<Vec<_>>());
    serves();
    site.replaces_all();
    serves();
    site.stops(130);
    assert!(!path.exists());
}

#[test]
fn datagrams() {
    let site = Site::prepare("udp.js", include_str!("apps/udp.js"), 2);
    site.start(&["--wait-ready"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = |text: &str| {
        socket
            .send_to(text.as_bytes(), ("127.0.0.1", site.port))
            .unwrap();
        let mut buffer = vec![0; 60_000];
        let (count, _) = socket.recv_from(&mut buffer).unwrap();
        let answer = parse(std::str::from_utf8(&buffer[..count]).unwrap());
        assert_eq!(answer["echo"], text);
        answer
    };
    // The kernel decides who reads; while one of the two is frozen it must be the other.
    let serves = || {
        let first = ask("first");
        let frozen = u32::try_from(pid(&first)).unwrap();
        kill(frozen, rustix::process::Signal::STOP);
        let second = ask("second");
        kill(frozen, rustix::process::Signal::CONT);
        assert_ne!(pid(&first), pid(&second));
        site.seen_by_workers(&[first, second]);
    };
    serves();
    site.replaces_all();
    serves();
    site.stops(130);
}

#[test]
fn web_sockets() {
    let site = Site::prepare("ws.js", include_str!("apps/ws.js"), 3);
    site.start(&["--wait-ready"]);
    let port = site.port.to_string();
    let serves = || {
        let all = site.client("client.cjs", include_str!("clients/ws.cjs"), &[&port, "9"]);
        let answers = by_connection(&all, |index, answer| {
            assert_eq!(answer["echo"], format!("message {index}"));
        });
        site.all_serve(&answers);
    };
    serves();
    site.replaces_all();
    serves();
    site.stops(130);
}

/// Polls from twelve addresses; per address what was answered, or a text that says why not.
fn poll(site: &Site) -> Vec<Value> {
    let port = site.port.to_string();
    let client = include_str!("clients/socketio.cjs");
    let all = site.client("client.cjs", client, &[&port, "12"]);
    all.as_array().unwrap().clone()
}

#[test]
fn socket_io_polls_one_worker_under_sticky_ip() {
    let mut site = Site::prepare("socketio.js", include_str!("apps/socketio.js"), 3);
    let app = json!({
        "name": "site", "script": "socketio.js", "instances": 3, "exec_mode": "cluster",
        "sched": "sticky-ip", "wait_ready": true, "listen_timeout": 60_000, "args": super::site::WORDS,
    });
    let file = format!("module.exports = {app}\n");
    site.ward.write("ecosystem.config.js", &file);
    site.ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let slots = |site: &Site| -> BTreeMap<usize, String> {
        let all = poll(site);
        let answers: Vec<Value> = all.iter().map(same_worker).collect();
        site.seen_by_workers(&answers);
        let slot = |answer: &Value| answer["env"]["NODE_APP_INSTANCE"].as_str().unwrap().into();
        answers.iter().map(slot).enumerate().collect()
    };
    let before = slots(&site);
    site.ward.run(&["reload", "site"]).succeeds();
    assert_eq!(slots(&site), before, "each client stays with its slot");
    site.stops(130);
    // Without it, the second request of a client meets a worker that does not know it.
    site.ward.run(&["delete", "site"]).succeeds();
    site.workers = 2;
    site.start(&["--wait-ready"]);
    assert!(poll(&site).iter().all(Value::is_string));
}
