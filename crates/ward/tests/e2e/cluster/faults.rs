//! A fault inside ward costs the message, connection or command it was dealing with, and nothing
//! else.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::harness::{DEADLINE, Ward, free_port, wait_gone};

/// Says which process answers; on `/say` it tells the daemon something first.
const APP: &str = r"
require('http').createServer((request, response) => {
  const answer = () => response.end(String(process.pid))
  response.setHeader('Connection', 'close')
  if (request.url === '/say') process.send({ type: 'said', data: 1 }, answer)
  else answer()
}).listen(process.env.PORT)
";

fn start(point: &str) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new()
        .with_env("PORT", &port.to_string())
        .with_env("WARD_INJECT_PANIC", point);
    ward.write("app.js", APP);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    (ward, port)
}

fn pids(ward: &Ward) -> BTreeSet<u32> {
    let list = ward.list();
    let pids = list.iter().filter_map(|it| it["pid"].as_u64());
    pids.filter_map(|pid| u32::try_from(pid).ok()).collect()
}

/// The process that answers.
fn ask(port: u16, path: &str) -> u32 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let body = answer.lines().last().unwrap_or_default();
    body.parse().unwrap_or_else(|_| panic!("a pid: {answer}"))
}

fn served_by(port: u16) -> u32 {
    ask(port, "/")
}

#[test]
fn a_message_costs_the_channel_of_its_worker_alone() {
    let (ward, port) = start("channel.message:1");
    let daemons = ward.daemons();
    let before = pids(&ward);
    let failed: u32 = ask(port, "/say");
    ward.daemon_log_when(|log| log.contains("A fault in ward: a message of app:"));
    // Without its channel a worker of Node leaves, and is started again.
    wait_gone(failed);
    ward.wait_until("both workers run", |list| {
        list.iter()
            .all(|it| it["pm2_env"]["status"] == "online" && it["pid"] != failed)
    });
    let after = pids(&ward);
    let others: Vec<u32> = before
        .iter()
        .copied()
        .filter(|pid| *pid != failed)
        .collect();
    assert!(
        others.iter().all(|pid| after.contains(pid)),
        "{before:?} {after:?}"
    );
    let serving: BTreeSet<u32> = (0..20).map(|_| served_by(port)).collect();
    assert_eq!(serving, after);
    // The next message is heard.
    let mut bus = ward.bus();
    ask(port, "/say");
    bus.wait("the message", |event| event.topic == "said");
    assert_eq!(ward.daemons(), daemons);
}

#[test]
fn a_connection_is_lost_alone() {
    let (ward, port) = start("cluster.connection:1");
    let before = pids(&ward);
    let mut lost = TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    lost.set_read_timeout(Some(DEADLINE)).unwrap();
    // It may be closed before the request is written.
    lost.write_all(b"GET / HTTP/1.0\r\n\r\n").ok();
    let read = lost.read(&mut [0]).map_err(|error| error.kind());
    assert!(
        matches!(read, Ok(0) | Err(std::io::ErrorKind::ConnectionReset)),
        "{read:?}"
    );
    ward.daemon_log_when(|log| log.contains("A fault in ward: a connection"));
    let serving: BTreeSet<u32> = (0..20).map(|_| served_by(port)).collect();
    assert_eq!(serving, before);
}

#[test]
fn a_command_is_dropped_and_can_be_given_again() {
    let (ward, port) = start("cluster.pause:1");
    let before = pids(&ward);
    ward.run(&["pause", "0"]).succeeds();
    ward.daemon_log_when(|log| log.contains("A fault in ward: a command"));
    let serving: BTreeSet<u32> = (0..20).map(|_| served_by(port)).collect();
    assert_eq!(serving, before, "nobody is paused");
    ward.run(&["pause", "0"]).succeeds();
    let serving: BTreeSet<u32> = (0..20).map(|_| served_by(port)).collect();
    assert_eq!(serving.len(), 1, "{before:?}");
}
