//! A worker that speaks no word of Node: the cluster plane serves it as any other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};
use ward_core::id::{InstanceId, Life};

use super::{Desk, LIMIT, served_by};
use crate::cluster::{Protocol, WorkerConfig, WorkerEvent};

/// A program in any language: it reads lines, and takes the descriptors beside them.
struct Program {
    socket: UnixStream,
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Program {
    fn start(desk: &Desk, life: u32) -> Self {
        let config = WorkerConfig {
            protocol: Protocol::Plain,
            ..Desk::config(life)
        };
        let end = desk.handle.open(Life(life.into()), Some(config)).unwrap();
        let socket = UnixStream::from(end);
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self {
            socket,
            bytes: Vec::new(),
            fds: Vec::new(),
        }
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.socket, "{message}").unwrap();
    }

    fn hear(&mut self) -> Value {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return serde_json::from_slice(&line).unwrap();
            }
            let mut ready = [rustix::event::PollFd::new(
                &self.socket,
                rustix::event::PollFlags::IN,
            )];
            let limit = LIMIT.try_into().unwrap();
            assert_eq!(rustix::event::poll(&mut ready, Some(&limit)), Ok(1));
            let mut buffer = [0; 1024];
            let received = ward_sys::fdpass::receive(&self.socket, &mut buffer).unwrap();
            assert!(received.count > 0, "the channel is open");
            self.bytes.extend_from_slice(&buffer[..received.count]);
            self.fds.extend(received.fds);
        }
    }

    fn listen(&mut self, desk: &mut Desk) {
        self.say(&json!({ "listen": desk.port }));
        assert_eq!(self.hear(), json!({ "listening": desk.port }));
        self.say(&json!({ "listen": desk.port, "begun": true }));
        desk.event(|event| matches!(event, WorkerEvent::Listening { .. }));
    }

    fn serve(&mut self, name: &str) {
        let offered = self.hear();
        let number = offered["connection"].as_u64().expect("a connection");
        self.say(&json!({ "took": number }));
        let mut stream = TcpStream::from(self.fds.remove(0));
        writeln!(stream, "{name}").unwrap();
    }
}

#[test]
fn it_gets_connections_in_turn_with_others() {
    let mut desk = Desk::new();
    let mut first = Program::start(&desk, 1);
    first.listen(&mut desk);
    let mut second = Program::start(&desk, 2);
    second.listen(&mut desk);
    for _ in 0..3 {
        let clients = [desk.connect(), desk.connect()];
        first.serve("first");
        second.serve("second");
        let mut served = clients.map(served_by);
        served.sort();
        assert_eq!(served, ["first", "second"]);
    }
}

#[test]
fn what_it_leaves_is_given_away_again() {
    let mut desk = Desk::new();
    let mut plain = Program::start(&desk, 1);
    plain.listen(&mut desk);
    let client = desk.connect();
    let number = plain.hear()["connection"].clone();
    plain.fds.clear();
    plain.say(&json!({ "left": number }));
    plain.serve("plain");
    assert_eq!(served_by(client), "plain");
}

#[test]
fn a_paused_one_gets_none_and_its_end_frees_the_port() {
    let mut desk = Desk::new();
    let mut plain = Program::start(&desk, 1);
    plain.listen(&mut desk);
    desk.handle.pause(InstanceId(1), true);
    desk.acknowledged();
    let mut client = BufReader::new(desk.connect());
    desk.handle.pause(InstanceId(1), false);
    plain.serve("resumed");
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    assert_eq!(line, "resumed\n");
    drop(plain);
    desk.handle.close(Life(1));
    desk.handle.retire(InstanceId(1));
    desk.acknowledged();
    TcpStream::connect(("127.0.0.1", desk.port)).expect_err("the port is closed");
}
