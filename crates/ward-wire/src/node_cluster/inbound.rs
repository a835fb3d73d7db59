//! The messages that workers send (Node's internal messages `NODE_…`).

use serde_json::{Map, Value};

use super::{Dialect, ListenQuery};
use crate::node_ipc;

const HANDLE_ACK: &[u8] = br#"{"cmd":"NODE_HANDLE_ACK"}"#;

/// An internal message of a child.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeMessage {
    /// The cluster layer.
    Cluster(ClusterMessage),
    /// A message with a file descriptor. It must be acknowledged, or the child stays mute.
    Handle(Handle),
    /// The oldest unanswered handle we sent has arrived.
    HandleAck,
    /// The oldest unanswered handle we sent came without its descriptor: the child is out of them.
    HandleNack,
    /// The child asks how many of the sockets it sent under `key` are open.
    SocketGetCount {
        /// Names the server the sockets came from.
        key: String,
    },
    /// The child wants to hear when all sockets it sent under `key` are closed.
    SocketNotifyClose {
        /// Names the server the sockets came from.
        key: String,
    },
    /// Our agent inside the worker.
    Ward {
        /// The kind of message, such as `drained`.
        act: String,
        /// The whole message.
        body: Map<String, Value>,
    },
    /// Anything else. Node ignores unknown commands without a word, and so should the caller.
    Other {
        /// The command, empty if there is none.
        cmd: String,
    },
}

/// A message that came with a file descriptor.
#[derive(Debug, Clone, PartialEq)]
pub struct Handle {
    /// `net.Socket`, `net.Server`, `net.Native`, `dgram.Socket`, ….
    pub kind: String,
    /// Names the server a `net.Socket` came from.
    pub key: Option<String>,
    /// The message itself.
    pub message: Value,
}

impl Handle {
    /// The message, if it is meant for others than the runtime.
    pub fn user_message(&self) -> Option<&Value> {
        (!node_ipc::is_internal(&self.message)).then_some(&self.message)
    }
}

/// A message of the cluster layer.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterMessage {
    /// The dialect of the worker, in which the primary has to reply.
    pub dialect: Dialect,
    /// The content of the message.
    pub act: WorkerAct,
}

/// The acts of a worker towards its primary. A reply carries the number `seq` as its `ack`.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkerAct {
    /// The runtime is up; user code has not run yet.
    Online,
    /// A server wants to listen; an answer is required.
    QueryServer {
        /// The number of the message, for the reply.
        seq: u64,
        /// The socket that it wants to listen on.
        query: ListenQuery,
    },
    /// A server listens; its port is the real one now.
    Listening(ListenQuery),
    /// A server is closed.
    Close {
        /// The key of the listener.
        key: String,
    },
    /// The worker is about to leave of its own will; it waits for the answer.
    ExitedAfterDisconnect {
        /// The number of the message, for the reply.
        seq: u64,
    },
    /// The answer to our message number `ack`.
    Reply {
        /// The number of our message.
        ack: u64,
        /// For a connection: whether the worker has taken it.
        accepted: bool,
    },
    /// An unknown act, which the caller ignores.
    Unknown,
}

impl NodeMessage {
    /// The two lines every connection causes, recognised by their bytes alone. `None` says nothing
    /// about the line.
    pub(crate) fn from_common_line(line: &[u8]) -> Option<Self> {
        if line == HANDLE_ACK {
            return Some(Self::HandleAck);
        }
        let rest = line.strip_prefix(br#"{"cmd":"NODE_CLUSTER","ack":"#)?;
        let (ack, rest) = number(rest)?;
        let rest = rest.strip_prefix(br#","accepted":"#)?;
        let (accepted, rest) = match rest.strip_prefix(b"true") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix(b"false")?),
        };
        let (_, rest) = number(rest.strip_prefix(br#","seq":"#)?)?;
        (rest == b"}").then_some(Self::Cluster(ClusterMessage {
            dialect: Dialect::Node,
            act: WorkerAct::Reply { ack, accepted },
        }))
    }

    /// Reads an object known to be internal.
    pub fn from_object(dialect: Dialect, mut message: Map<String, Value>) -> Self {
        let cmd = match message.get("cmd") {
            Some(Value::String(cmd)) => cmd.as_str(),
            // Bun up to 1.3 sends cluster messages without a command.
            _ if dialect == Dialect::Bun => "NODE_CLUSTER",
            _ => "",
        };
        match cmd {
            "NODE_CLUSTER" => Self::Cluster(ClusterMessage {
                dialect,
                act: WorkerAct::from_object(message),
            }),
            "NODE_HANDLE" => Self::Handle(Handle {
                kind: text(&mut message, "type").unwrap_or_default(),
                key: text(&mut message, "key"),
                message: message.remove("msg").unwrap_or_default(),
            }),
            "NODE_HANDLE_ACK" => Self::HandleAck,
            "NODE_HANDLE_NACK" => Self::HandleNack,
            "NODE_SOCKET_GET_COUNT" => Self::SocketGetCount {
                key: text(&mut message, "key").unwrap_or_default(),
            },
            "NODE_SOCKET_NOTIFY_CLOSE" => Self::SocketNotifyClose {
                key: text(&mut message, "key").unwrap_or_default(),
            },
            "NODE_WARD" => Self::Ward {
                act: message
                    .get("act")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                body: message,
            },
            cmd => Self::Other {
                cmd: cmd.to_owned(),
            },
        }
    }
}

impl WorkerAct {
    fn from_object(mut message: Map<String, Value>) -> Self {
        let seq = message.get("seq").and_then(Value::as_u64);
        // As in Node, an answer is an answer whatever else the message says.
        if let Some(ack) = message.get("ack").and_then(Value::as_u64) {
            let accepted = message.get("accepted") == Some(&Value::Bool(true));
            return Self::Reply { ack, accepted };
        }
        let act = text(&mut message, "act");
        match (act.as_deref(), seq) {
            (Some("online"), _) => Self::Online,
            (Some("queryServer"), Some(seq)) => Self::QueryServer {
                seq,
                query: ListenQuery::from_object(message),
            },
            (Some("listening"), _) => Self::Listening(ListenQuery::from_object(message)),
            (Some("close"), _) => match text(&mut message, "key") {
                Some(key) => Self::Close { key },
                None => Self::Unknown,
            },
            (Some("exitedAfterDisconnect"), Some(seq)) => Self::ExitedAfterDisconnect { seq },
            _ => Self::Unknown,
        }
    }
}

/// Takes a string field.
fn text(message: &mut Map<String, Value>, key: &str) -> Option<String> {
    match message.get_mut(key) {
        Some(Value::String(text)) => Some(std::mem::take(text)),
        _ => None,
    }
}

/// A decimal number at the start of `text`, in the one form `JSON.stringify` writes it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    if digits.len() > 1 && digits[0] == b'0' {
        return None;
    }
    let number = str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest))
}
