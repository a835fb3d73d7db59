//! The messages that workers send (Node's internal messages `NODE_…`).

use super::{Dialect, ListenQuery};
use crate::json::RawJson;
use crate::node_ipc;

/// The longest name, key or path of a message that is read, in bytes of its JSON. A path of the
/// kernel has 4,096 bytes at most.
pub(super) const LONGEST_TEXT: usize = 8 << 10;

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
        body: RawJson,
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
    pub message: RawJson,
}

impl Handle {
    /// The message, if it is meant for others than the runtime.
    pub fn user_message(&self) -> Option<&RawJson> {
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

    /// Reads an object known to be internal, with this command.
    pub fn from_json(dialect: Dialect, cmd: &str, message: &RawJson) -> Self {
        let key = || text(message, "key").unwrap_or_default();
        match cmd {
            "NODE_CLUSTER" => Self::cluster(dialect, message),
            // Bun up to 1.3 sends cluster messages without a command.
            "" if dialect == Dialect::Bun => Self::cluster(dialect, message),
            "NODE_HANDLE" => Self::Handle(Handle {
                kind: text(message, "type").unwrap_or_default(),
                key: text(message, "key"),
                message: message.field("msg").unwrap_or(RawJson::null()),
            }),
            "NODE_HANDLE_ACK" => Self::HandleAck,
            "NODE_HANDLE_NACK" => Self::HandleNack,
            "NODE_SOCKET_GET_COUNT" => Self::SocketGetCount { key: key() },
            "NODE_SOCKET_NOTIFY_CLOSE" => Self::SocketNotifyClose { key: key() },
            "NODE_WARD" => Self::Ward {
                act: text(message, "act").unwrap_or_default(),
                body: message.clone(),
            },
            cmd => Self::Other {
                cmd: cmd.to_owned(),
            },
        }
    }
}

impl NodeMessage {
    fn cluster(dialect: Dialect, message: &RawJson) -> Self {
        let act = WorkerAct::from_json(message);
        Self::Cluster(ClusterMessage { dialect, act })
    }
}

impl WorkerAct {
    fn from_json(message: &RawJson) -> Self {
        let names = ["act", "seq", "ack", "accepted", "key"];
        let [act, seq, ack, accepted, key] = message.fields(names).unwrap_or_default();
        let number = |raw: Option<RawJson>| raw?.as_str().parse::<u64>().ok();
        let text = |raw: Option<RawJson>| raw?.string_within(LONGEST_TEXT);
        // As in Node, an answer is an answer whatever else the message says.
        if let Some(ack) = number(ack) {
            let accepted = accepted.is_some_and(|it| it.as_str() == "true");
            return Self::Reply { ack, accepted };
        }
        match (text(act).as_deref(), number(seq)) {
            (Some("online"), _) => Self::Online,
            (Some("queryServer"), Some(seq)) => Self::QueryServer {
                seq,
                query: ListenQuery::from_json(message),
            },
            (Some("listening"), _) => Self::Listening(ListenQuery::from_json(message)),
            (Some("close"), _) => text(key).map_or(Self::Unknown, |key| Self::Close { key }),
            (Some("exitedAfterDisconnect"), Some(seq)) => Self::ExitedAfterDisconnect { seq },
            _ => Self::Unknown,
        }
    }
}

/// A string field, unless it is longer than any real one.
fn text(message: &RawJson, key: &str) -> Option<String> {
    message.field(key)?.string_within(LONGEST_TEXT)
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
