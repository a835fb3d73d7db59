//! The primary against workers played by the test, word by word: what Node would do at the worst
//! moment.

mod admission;
mod budgets;
mod connection_count;
mod drain;
mod handover;
mod heads;
mod hung;
mod metrics;
mod plain;
mod successor;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use ward_core::cluster::{ClusterOptions, Sched};
use ward_core::id::{InstanceId, Life};

use super::{ConnectionCount, Protocol, WorkerConfig, WorkerEvent, WorkerReport};
use crate::node::Runtime;
use crate::worker_loop::{ChannelEvent, ChannelHandle, ChannelThread};

const LIMIT: Duration = Duration::from_secs(20);

const NODE: Protocol = Protocol::Node {
    runtime: Runtime::Node,
    has_agent: true,
};

const WITHOUT_AGENT: Protocol = Protocol::Node {
    runtime: Runtime::Node,
    has_agent: false,
};

fn spread(sched: Sched) -> ClusterOptions {
    ClusterOptions {
        sched,
        ..ClusterOptions::default()
    }
}

struct Desk {
    handle: ChannelHandle,
    events: UnboundedReceiver<ChannelEvent>,
    port: u16,
    /// Asks for nothing but answers.
    bystander: Option<Worker>,
}

/// A worker: its end of the channel, and what it has received.
struct Worker {
    life: Life,
    socket: UnixStream,
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    seq: u64,
    key: String,
}

impl Desk {
    fn new() -> Self {
        let (sender, events) = unbounded_channel();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        Self {
            handle: ChannelThread::start(sender).unwrap(),
            events,
            port,
            bystander: None,
        }
    }

    fn config(instance: u32) -> WorkerConfig {
        WorkerConfig {
            app: "app".to_owned(),
            instance: InstanceId(instance),
            options: ClusterOptions::default(),
            weight: 1,
            wait_ready: false,
            rights: crate::rights::Rights::default(),
            protocol: NODE,
            gauge: ConnectionCount::default(),
            complaint: None,
        }
    }

    fn worker(&mut self, instance: u32) -> Worker {
        self.worker_at(instance, Self::config(instance))
    }

    /// A worker that has not asked for anything.
    fn silent(&mut self, life: u32, config: WorkerConfig) -> Worker {
        let life = Life(u64::from(life));
        let socket = UnixStream::from(self.handle.open(life, Some(config)).unwrap());
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let mut worker = Worker {
            life,
            socket,
            bytes: Vec::new(),
            fds: Vec::new(),
            seq: 0,
            key: String::new(),
        };
        worker.say(json!({ "act": "online" }));
        worker
    }

    /// A worker that listens.
    fn worker_at(&mut self, life: u32, config: WorkerConfig) -> Worker {
        let mut worker = self.silent(life, config);
        let answer = worker.listen(self.port);
        assert!(
            answer["errno"].is_null() || answer["errno"] == 0,
            "{answer}"
        );
        self.event(|event| matches!(event, WorkerEvent::Listening { .. }));
        worker
    }

    /// Waits until the thread has done all it was told.
    fn acknowledged(&mut self) {
        assert!(self.handle.acknowledge(1), "the thread works");
        self.next(|event| matches!(event, ChannelEvent::Acknowledged { .. }).then_some(()));
    }

    /// Waits until the thread has dealt with all that clients and workers did so far. It takes what is ready in rounds:
    /// the first answer comes from a round in which all of that was ready, the second one from a later round.
    fn settle(&mut self) {
        let known = self.bystander.take();
        let mut bystander = known.unwrap_or_else(|| self.silent(99, Self::config(99)));
        for _ in 0..2 {
            bystander.ask_for(0);
            bystander.hear();
        }
        self.bystander = Some(bystander);
    }

    /// Waits for something a worker did.
    fn event(&mut self, wanted: impl Fn(&WorkerEvent) -> bool) -> (Life, WorkerEvent) {
        self.next(|event| match event {
            ChannelEvent::Worker(WorkerReport { life, event, .. }) if wanted(&event) => {
                Some((life, event))
            }
            _ => None,
        })
    }

    fn next<T>(&mut self, wanted: impl Fn(ChannelEvent) -> Option<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            loop {
                let next = tokio::time::timeout(LIMIT, self.events.recv());
                let event = next.await.expect("an event in time").expect("the thread");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        })
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)));
        let stream = stream.unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }
}

impl Worker {
    fn say(&mut self, mut message: Value) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        message["cmd"] = "NODE_CLUSTER".into();
        message["seq"] = seq.into();
        self.raw(&message.to_string());
        seq
    }

    fn raw(&mut self, line: &str) {
        self.socket
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Asks for a port; the number of the question.
    fn ask_for(&mut self, port: u16) -> u64 {
        let mut query = address(port);
        query["act"] = "queryServer".into();
        self.say(query)
    }

    /// Asks for a port and reports that it listens; the answer.
    fn listen(&mut self, port: u16) -> Value {
        let seq = self.ask_for(port);
        let mut answer = self.hear();
        if answer["cmd"] == "NODE_HANDLE" {
            // The socket to share is beside it.
            answer = answer["msg"].take();
        }
        assert_eq!(answer["ack"], seq);
        self.key = answer["key"].as_str().unwrap().to_owned();
        if answer["errno"].is_null() || answer["errno"] == 0 {
            let mut listening = address(port);
            listening["act"] = "listening".into();
            self.say(listening);
        }
        answer
    }

    /// The next message.
    fn hear(&mut self) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(message) = self.heard() {
                return message;
            }
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
            let ready = poll(&mut socket, Some(&left));
            assert_ne!(ready, Ok(0), "a message in time");
        }
    }

    /// The next message, if it has come.
    fn heard(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("JSON"));
            }
            let mut buffer = [0; 4096];
            let received = ward_sys::fdpass::receive(&self.socket, &mut buffer).ok()?;
            assert!(received.count > 0, "the thread has closed the channel");
            self.bytes.extend_from_slice(&buffer[..received.count]);
            self.fds.extend(received.fds);
        }
    }

    /// Nothing has come, though the thread has dealt with all that was done so far.
    fn hears_nothing(&mut self, desk: &mut Desk, why: &str) {
        desk.settle();
        assert_eq!(self.heard(), None, "{why}");
    }

    /// The next connection: its number.
    fn offered(&mut self) -> u64 {
        let message = self.hear();
        assert_eq!(message["cmd"], "NODE_HANDLE", "{message}");
        assert_eq!(message["type"], "net.Native");
        assert_eq!(message["msg"]["act"], "newconn");
        assert_eq!(message["msg"]["key"], self.key.as_str());
        assert_eq!(self.fds.len(), 1, "one descriptor with each message");
        message["msg"]["seq"].as_u64().expect("a number")
    }

    fn answer(&mut self, seq: u64, accepted: bool) {
        self.raw(r#"{"cmd":"NODE_HANDLE_ACK"}"#);
        self.say(json!({ "ack": seq, "accepted": accepted }));
    }

    /// Takes the next connection and writes its own name into it.
    fn serve(&mut self) {
        let seq = self.offered();
        self.answer(seq, true);
        let mut stream = TcpStream::from(self.fds.remove(0));
        stream
            .write_all(format!("{}\n", self.life).as_bytes())
            .unwrap();
    }
}

/// How Node names a port.
fn address(port: u16) -> Value {
    json!({
        "index": 0, "data": null, "address": "127.0.0.1", "port": port, "addressType": 4,
        "backlog": 0,
    })
}

fn served_by(stream: TcpStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim().to_owned()
}
