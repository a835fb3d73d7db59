//! The agent inside a real Node, whose primary is played by the test line by line.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::{Value, json};
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{Dialect, Outbox};

use super::{Parts, WHOLE, install};

const LIMIT: Duration = Duration::from_secs(30);

/// Asks its primary for a socket.
const APP: &str = "require('net').createServer((socket) => socket.end('taken')).listen(0)";

/// What both call the socket.
const KEY: &str = "socket";

struct Worker {
    node: Child,
    channel: OwnedFd,
    outbox: Outbox,
    bytes: Vec<u8>,
    _home: tempfile::TempDir,
}

impl Worker {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let agent = install(home.path(), Parts::Whole).unwrap();
        fs::write(home.path().join("app.js"), APP).unwrap();
        let (channel, theirs) = crate::channel::pair().unwrap();
        // Bash puts the descriptor where Node expects it; the copy is not close-on-exec.
        let node = Command::new("bash")
            .args(["-c", "exec 3<&0; exec node \"$@\" </dev/null", "bash"])
            .arg("--require")
            .arg(agent)
            .arg("app.js")
            .current_dir(home.path())
            .env("NODE_CHANNEL_FD", "3")
            .env("NODE_CHANNEL_SERIALIZATION_MODE", "json")
            .env("NODE_UNIQUE_ID", "1")
            .stdin(Stdio::from(theirs))
            .spawn()
            .unwrap();
        Self {
            node,
            channel,
            outbox: Outbox::new(Dialect::Node),
            bytes: Vec::new(),
            _home: home,
        }
    }

    /// The next line of Node's own, those of the other parts of the agent left out.
    fn hear(&mut self) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                let line: Value = serde_json::from_slice(&line).unwrap();
                if line["cmd"] != "NODE_WARD" {
                    return line;
                }
                continue;
            }
            self.await_bytes(until);
            let mut buffer = [0; 4096];
            let received = ward_sys::fdpass::receive(&self.channel, &mut buffer).unwrap();
            assert_ne!(received.count, 0, "the worker has ended");
            self.bytes.extend_from_slice(&buffer[..received.count]);
        }
    }

    fn await_bytes(&self, until: Instant) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        let mut wanted = [PollFd::new(&self.channel, PollFlags::IN)];
        let ready = poll(&mut wanted, Some(&left)).unwrap();
        assert_eq!(ready, 1, "a line in time");
    }

    /// Waits until it asks for a socket: the number of the question.
    fn asked(&mut self) -> u64 {
        loop {
            let line = self.hear();
            if line["act"] == "queryServer" {
                return line["seq"].as_u64().unwrap();
            }
        }
    }

    fn say(&self, line: &[u8], fd: Option<BorrowedFd<'_>>) {
        let sent = ward_sys::fdpass::send(&self.channel, line, fd).unwrap();
        assert_eq!(sent, line.len());
    }

    /// Tells it that it listens.
    fn let_listen(&mut self) {
        let question = self.asked();
        let mut line = Vec::new();
        self.outbox
            .listening(&mut line, question, KEY, &RawJson::null(), None);
        self.say(&line, None);
        assert_eq!(self.hear()["act"], "listening");
    }

    fn connection(&mut self) -> (u64, Vec<u8>) {
        let mut line = Vec::new();
        let number = self.outbox.new_connection(&mut line, KEY);
        (number, line)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.node.kill());
        drop(self.node.wait());
    }
}

/// Both ends of a connection, the client's first.
fn connected() -> (TcpStream, OwnedFd) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    (client, OwnedFd::from(listener.accept().unwrap().0))
}

fn is_taken(line: &Value, number: u64) -> bool {
    line["ack"] == number && line["accepted"] == true
}

#[test]
fn a_worker_confirms_a_socket_to_share() {
    let mut worker = Worker::new();
    let question = worker.asked();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut line = Vec::new();
    worker
        .outbox
        .shared(&mut line, question, KEY, &RawJson::null());
    worker.say(&line, Some(socket.as_fd()));
    let said = [worker.hear(), worker.hear()];
    assert!(
        said.contains(&json!({ "cmd": "NODE_HANDLE_ACK" })),
        "{said:?}"
    );
    assert!(said.iter().any(|it| it["act"] == "listening"), "{said:?}");
}

/// Confirmations have no number: they must keep the order of the descriptors.
#[test]
fn a_descriptor_that_was_lost_is_not_taken_for_the_one_before() {
    let mut worker = Worker::new();
    worker.let_listen();
    let (_client, server) = connected();
    let (number, mut lines) = worker.connection();
    let (_, lost) = worker.connection();
    lines.extend(lost);
    worker.say(&lines, Some(server.as_fd()));
    assert_eq!(worker.hear()["cmd"], "NODE_HANDLE_ACK");
    assert_eq!(worker.hear()["cmd"], "NODE_HANDLE_NACK");
    let said = worker.hear();
    assert!(is_taken(&said, number), "{said}");
}

#[test]
fn threads_that_install_it_at_once_all_have_it() {
    const THREADS: usize = 8;
    for _ in 0..50 {
        let home = tempfile::tempdir().unwrap();
        let together = Barrier::new(THREADS);
        let install = || {
            together.wait();
            let path = install(home.path(), Parts::Whole).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), WHOLE);
        };
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(install);
            }
        });
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
