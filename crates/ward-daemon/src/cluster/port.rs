//! The border between what a cluster does and how its workers speak. The cluster plane decides who
//! listens where and who gets which connection; a [`WorkerPort`] turns that into lines for a worker,
//! and the lines of a worker into what it [`Said`]. Descriptors travel beside the lines: which
//! message has one is part of this border, how it is sent is not.
//!
//! A second kind of worker is a second implementation and a variant of [`Protocol`].

mod node;
#[cfg(test)]
pub(super) mod plain;

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{ListenQuery, NodeMessage, SocketName};

use crate::node::Runtime;

/// Names a message with a descriptor until the worker has confirmed it. Numbers of one worker are
/// never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Delivery(pub(crate) u64);

/// How the workers of an app speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Protocol {
    /// As Node's own cluster module, over a Node IPC channel.
    Node {
        /// What they run on.
        runtime: Runtime,
        /// Our agent inside, which can drain connections, was loaded.
        has_agent: bool,
    },
    /// A line of plain JSON for each message.
    #[cfg(test)]
    Plain,
}

impl Protocol {
    /// The port of a fresh worker.
    pub(super) fn open(self) -> Box<dyn WorkerPort> {
        match self {
            Self::Node { runtime, has_agent } => Box::new(node::NodePort::new(runtime, has_agent)),
            #[cfg(test)]
            Self::Plain => Box::<plain::PlainPort>::default(),
        }
    }

    /// The port of a worker that spoke with an earlier daemon, from what [`WorkerPort::save`] gave.
    ///
    /// # Errors
    ///
    /// The saved state is not one of this protocol.
    #[allow(
        dead_code,
        reason = "for the import of a plane, which is not there yet"
    )]
    pub(super) fn resume(self, saved: Value) -> serde_json::Result<Box<dyn WorkerPort>> {
        Ok(match self {
            Self::Node { .. } => Box::new(serde_json::from_value::<node::NodePort>(saved)?),
            #[cfg(test)]
            Self::Plain => Box::new(serde_json::from_value::<plain::PlainPort>(saved)?),
        })
    }
}

/// A message of a worker, cut out of its channel.
#[derive(Debug)]
pub(crate) enum Words<'a> {
    /// One of Node's own or of our agent, which user code never sees.
    Internal(NodeMessage),
    /// Any other value. The daemon hears it, too.
    Value(&'a RawJson),
}

/// What a worker said.
#[derive(Debug)]
pub(crate) enum Said {
    /// It is up.
    Online,
    /// It may get connections.
    Ready,
    /// It wants to listen; an answer is required.
    Asks {
        /// Names the question in the answer.
        question: u64,
        /// What the worker calls the socket.
        key: String,
        /// What it wants. Node's form serves as the general one: address, backlog, mode.
        query: Box<ListenQuery>,
    },
    /// It listens.
    Listening {
        /// What it calls the socket.
        key: String,
        /// Where, with the real port.
        query: Box<ListenQuery>,
    },
    /// It has closed a socket.
    Closed {
        /// What it calls the socket.
        key: String,
    },
    /// It is about to leave of its own will, and waits for the answer.
    Leaving {
        /// Names the question in the answer.
        question: u64,
    },
    /// It has read a descriptor.
    Arrived(Delivery),
    /// It had no room for a descriptor.
    Lost(Delivery),
    /// It takes a connection, or does not.
    Answered {
        /// Which one.
        delivery: Delivery,
        /// Whether it takes it.
        accepted: bool,
    },
    /// The version of its runtime.
    Version(String),
    /// So many connections of it are open while it drains.
    Open(u64),
    /// All its connections have ended.
    Drained,
    /// It has begun, and works on becoming what it shall be.
    Launching,
    /// It turned out that it cannot be a worker, for this reason.
    Alone(String),
    /// It has loaded and rests.
    Settled,
}

/// How one worker is spoken to. Each method that returns bytes returns one whole line.
pub(crate) trait WorkerPort: Debug + Send {
    /// What a message means; none if nothing to its primary.
    fn hear(&mut self, words: Words<'_>) -> Option<Said>;

    /// A connection for the socket with this key; the connection has to be beside the line.
    fn connection(&mut self, key: &str) -> (Delivery, Vec<u8>);

    /// The worker may listen; connections will come one by one. `data` is what the first worker
    /// wanted all to share; Unix sockets have no `name`.
    fn listen(
        &mut self,
        question: u64,
        key: &str,
        data: &RawJson,
        name: Option<SocketName>,
    ) -> Vec<u8>;

    /// The worker shall accept on the socket itself, which has to be beside the line.
    fn share(&mut self, question: u64, key: &str, data: &RawJson) -> (Delivery, Vec<u8>);

    /// The worker cannot listen. `errno` is a positive error number.
    fn refuse(&mut self, question: u64, key: &str, data: &RawJson, errno: i32) -> Vec<u8>;

    /// The answer to [`Said::Leaving`].
    fn leave(&mut self, question: u64) -> Vec<u8>;

    /// The worker shall close its sockets, finish what is open, and leave.
    fn disconnect(&mut self) -> Vec<u8>;

    /// The worker shall finish what is open and tell of it. None if it cannot be asked: then its
    /// connections are counted from outside.
    fn drain(&mut self) -> Option<Vec<u8>>;

    /// Whether it tells when it has finished.
    fn tells_when_drained(&self) -> bool;

    /// Whether it counts as up as soon as it has a process.
    fn is_up_at_birth(&self) -> bool;

    /// What [`Protocol::resume`] needs.
    ///
    /// # Errors
    ///
    /// The state has no JSON form.
    #[allow(
        dead_code,
        reason = "for the export of a plane, which is not there yet"
    )]
    fn save(&self) -> serde_json::Result<Value>;
}
