//! Workers that speak as Node's cluster module does: Node, Deno and Bun, with our agent inside or
//! without it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{
    ClusterMessage, Dialect, NodeMessage, Outbox, SocketName, WorkerAct, handle_key,
};
use ward_wire::node_ipc::is_ready;

use super::{Delivery, Said, Words, WorkerPort};
use crate::node::Runtime;

/// The longest version or reason of a worker that is read, in bytes of its JSON; a longer one is none.
const LONGEST_WORD: usize = 4 << 10;

/// One worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NodePort {
    runtime: Runtime,
    has_agent: bool,
    is_bun: bool,
    /// The number of the next message.
    next: u64,
    /// The numbers of the messages that had a descriptor beside them and are not confirmed: Node
    /// confirms them in order and without a number. No more than there are connections and sockets
    /// on their way, for an answer to one confirms it, too.
    unconfirmed: VecDeque<u64>,
}

impl NodePort {
    pub(super) const fn new(runtime: Runtime, has_agent: bool) -> Self {
        Self {
            runtime,
            has_agent,
            is_bun: false,
            next: 0,
            unconfirmed: VecDeque::new(),
        }
    }

    /// Writes a message and keeps count of the numbers.
    fn write<T>(&mut self, write: impl FnOnce(&mut Outbox, &mut Vec<u8>) -> T) -> (T, Vec<u8>) {
        let dialect = if self.is_bun {
            Dialect::Bun
        } else {
            Dialect::Node
        };
        let mut outbox = Outbox::new(dialect);
        outbox.seq = self.next;
        let mut line = Vec::with_capacity(160);
        let written = write(&mut outbox, &mut line);
        self.next = outbox.seq;
        (written, line)
    }

    fn line(&mut self, write: impl FnOnce(&mut Outbox, &mut Vec<u8>) -> u64) -> Vec<u8> {
        self.write(write).1
    }

    fn delivery(
        &mut self,
        write: impl FnOnce(&mut Outbox, &mut Vec<u8>) -> u64,
    ) -> (Delivery, Vec<u8>) {
        let (number, line) = self.write(write);
        self.unconfirmed.push_back(number);
        (Delivery(number), line)
    }

    fn hear_cluster(&mut self, message: ClusterMessage) -> Option<Said> {
        self.is_bun = message.dialect == Dialect::Bun;
        Some(match message.act {
            WorkerAct::Online => Said::Online,
            WorkerAct::QueryServer { seq, query } => Said::Asks {
                question: seq,
                key: handle_key(&query),
                query: Box::new(query),
            },
            WorkerAct::Listening(query) => Said::Listening {
                key: handle_key(&query),
                query: Box::new(query),
            },
            WorkerAct::Close { key } => Said::Closed { key },
            WorkerAct::ExitedAfterDisconnect { seq } => Said::Leaving { question: seq },
            WorkerAct::Reply { ack, accepted } => {
                // Bun says nothing when it has read a descriptor.
                self.unconfirmed.retain(|number| *number != ack);
                let delivery = Delivery(ack);
                Said::Answered { delivery, accepted }
            }
            WorkerAct::Unknown => return None,
        })
    }

    /// What our agent says. Some of it comes from the worker's process before the app begins
    /// (`launcher::worker`).
    fn hear_agent(&mut self, act: &str, body: &RawJson) -> Option<Said> {
        let text = |key: &str| body.field(key)?.string_within(LONGEST_WORD);
        Some(match act {
            "hello" => Said::Version(text("node")?),
            "open" => Said::Open(count(body).unwrap_or(0)),
            "drained" => Said::Drained,
            "launching" => Said::Launching,
            "alone" => Said::Alone(text("reason").unwrap_or_default()),
            "settled" => Said::Settled,
            "bare" => {
                self.has_agent = false;
                return None;
            }
            _ => return None,
        })
    }
}

fn count(body: &RawJson) -> Option<u64> {
    body.field("count")?.as_str().parse().ok()
}

impl WorkerPort for NodePort {
    fn hear(&mut self, words: Words<'_>) -> Option<Said> {
        match words {
            Words::Value(value) => is_ready(value).then_some(Said::Ready),
            Words::Internal(NodeMessage::Cluster(message)) => self.hear_cluster(message),
            Words::Internal(NodeMessage::HandleAck) => {
                let number = self.unconfirmed.pop_front()?;
                Some(Said::Arrived(Delivery(number)))
            }
            Words::Internal(NodeMessage::HandleNack) => {
                let number = self.unconfirmed.pop_front()?;
                Some(Said::Lost(Delivery(number)))
            }
            Words::Internal(NodeMessage::Ward { act, body }) => self.hear_agent(&act, &body),
            Words::Internal(
                NodeMessage::Handle(_)
                | NodeMessage::SocketGetCount { .. }
                | NodeMessage::SocketNotifyClose { .. }
                | NodeMessage::Other { .. },
            ) => None,
        }
    }

    fn connection(&mut self, key: &str) -> (Delivery, Vec<u8>) {
        self.delivery(|outbox, line| outbox.new_connection(line, key))
    }

    fn listen(
        &mut self,
        question: u64,
        key: &str,
        data: &RawJson,
        name: Option<SocketName>,
    ) -> Vec<u8> {
        self.line(|outbox, line| outbox.listening(line, question, key, data, name))
    }

    fn share(&mut self, question: u64, key: &str, data: &RawJson) -> (Delivery, Vec<u8>) {
        self.delivery(|outbox, line| outbox.shared(line, question, key, data))
    }

    fn refuse(&mut self, question: u64, key: &str, data: &RawJson, errno: i32) -> Vec<u8> {
        self.line(|outbox, line| outbox.refused(line, question, key, data, -errno))
    }

    fn leave(&mut self, question: u64) -> Vec<u8> {
        self.line(|outbox, line| outbox.ack(line, question))
    }

    fn disconnect(&mut self) -> Vec<u8> {
        self.line(Outbox::disconnect)
    }

    fn drain(&mut self) -> Option<Vec<u8>> {
        self.tells_when_drained().then(|| {
            let mut line = Vec::new();
            Outbox::ward(&mut line, "drain", &Map::new());
            line
        })
    }

    fn tells_when_drained(&self) -> bool {
        self.has_agent && !self.is_bun
    }

    /// Bun says that it is up only when the app loads its cluster module, and many have no need to.
    fn is_up_at_birth(&self) -> bool {
        self.runtime == Runtime::Bun
    }

    fn save(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}
