//! Calls on their way to the control loop, and replies on their way back.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use ward_wire::amp::RawArg;
use ward_wire::rpc;

use super::connection::Connection;
use super::connections::{Connections, Piece, Room};
use super::received::Share;

/// A call for the control loop.
#[derive(Debug)]
pub(in crate::daemon) struct Call {
    pub(in crate::daemon) method: String,
    pub(in crate::daemon) args: Vec<Value>,
    pub(in crate::daemon) peer: Peer,
    pub(in crate::daemon) responder: Responder,
    pub(in crate::daemon) turn: Turn,
}

/// What a call holds until it is dispatched.
#[derive(Debug)]
pub(in crate::daemon) struct Turn {
    /// Its part of the bytes of all requests; none for one that was made small.
    pub(super) _share: Option<Share>,
    /// The next call of its connection waits for this, so that one client has one call for each turn of the others.
    pub(super) _turn: OwnedSemaphorePermit,
}

/// The client of a connection.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Peer {
    /// The pid of the client when it connected, if the kernel knows it.
    pub(in crate::daemon) pid: Option<i32>,
}

/// The obligation to reply to a request, once.
#[derive(Debug)]
pub(in crate::daemon) struct Responder {
    pub(super) id: RawArg,
    pub(super) open: Option<Open>,
}

/// What an answer needs on its way.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) to: Destination,
    pub(super) obligation: Obligation,
    /// Room for a list, until the list is there.
    pub(super) room: Option<Room>,
}

/// The connection an answer goes to.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    /// Holds at most as many answers as requests may be under way: each has a permit.
    pub(super) out: mpsc::UnboundedSender<Answer>,
    pub(super) connection: Rc<Connection>,
    pub(super) all: Rc<Connections>,
}

/// What is held from the request until its reply is written.
#[derive(Debug)]
pub(super) struct Obligation {
    connection: Rc<Connection>,
    all: Rc<Connections>,
    _permit: OwnedSemaphorePermit,
    pub(super) list: Option<OwnedSemaphorePermit>,
    _unwritten: mpsc::Sender<Infallible>,
}

impl Obligation {
    pub(super) fn new(
        to: &Destination,
        permit: OwnedSemaphorePermit,
        unwritten: mpsc::Sender<Infallible>,
    ) -> Self {
        to.connection.calls.set(to.connection.calls.get() + 1);
        Self {
            connection: Rc::clone(&to.connection),
            all: Rc::clone(&to.all),
            _permit: permit,
            list: None,
            _unwritten: unwritten,
        }
    }
}

impl Drop for Obligation {
    fn drop(&mut self) {
        let calls = &self.connection.calls;
        calls.set(calls.get() - 1);
        self.all.has_rested();
    }
}

/// Counts the replies that are owed or not written yet, so that the daemon can end when the last
/// one is out: each holds a clone of the sender.
#[derive(Debug)]
pub(in crate::daemon) struct Unwritten {
    sender: mpsc::Sender<Infallible>,
    receiver: mpsc::Receiver<Infallible>,
}

impl Unwritten {
    pub(in crate::daemon) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        Self { sender, receiver }
    }

    /// What connections take their clones from.
    pub(in crate::daemon) fn watch(&self) -> mpsc::WeakSender<Infallible> {
        self.sender.downgrade()
    }

    /// Waits until all replies are written, at most so long. Later requests get none.
    pub(in crate::daemon) async fn flushed(self, at_most: Duration) {
        let Self {
            sender,
            mut receiver,
        } = self;
        drop(sender);
        // A client that has not read its reply by now does not get it.
        tokio::time::timeout(at_most, receiver.recv()).await.ok();
    }
}

/// A reply on its way to the socket. What it holds lets the next request in once it is written.
#[derive(Debug)]
pub(super) struct Answer {
    pieces: VecDeque<Rc<Piece>>,
    /// How many bytes are not written yet.
    left: usize,
    obligation: Obligation,
}

impl Answer {
    /// Writes it piece by piece. What is written is not kept.
    ///
    /// # Errors
    ///
    /// The client is gone.
    pub(super) async fn write(mut self) -> std::io::Result<()> {
        while let Some(piece) = self.pieces.pop_front() {
            let mut rest = &piece.bytes[..];
            while !rest.is_empty() {
                let written = self.obligation.connection.write(rest).await?;
                rest = &rest[written..];
                self.left -= written;
                self.obligation.connection.paid(written);
            }
        }
        Ok(())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.obligation.connection.paid(self.left);
    }
}

impl Responder {
    /// A success with a result.
    pub(in crate::daemon) fn ok(self, result: Value) {
        self.results(&[result]);
    }

    /// A success with these results.
    pub(in crate::daemon) fn results(mut self, results: &[Value]) {
        let bytes = rpc::reply_ok(&self.id, results);
        self.send(bytes);
    }

    /// A success whose result is JSON already, in pieces that other replies may share.
    pub(in crate::daemon) fn written(mut self, result: &[Rc<Piece>]) {
        let length = result.iter().map(|piece| piece.bytes.len()).sum();
        let Some((head, tail)) = rpc::reply_around(&self.id, length) else {
            return self.error("the reply is longer than the protocol allows");
        };
        if let Some(open) = self.open.take() {
            let whole = |bytes| open.to.all.piece(bytes);
            let mut pieces = VecDeque::from([whole(head)]);
            pieces.extend(result.iter().cloned());
            pieces.push_back(whole(tail));
            open.send(pieces);
        }
    }

    /// A failure.
    pub(in crate::daemon) fn error(mut self, text: &str) {
        let bytes = rpc::reply_error(&self.id, text);
        self.send(bytes);
    }

    /// A failure of the protocol, without a stack.
    pub(in crate::daemon) fn refuse(mut self, text: &str) {
        let bytes = rpc::reply_refused(&self.id, text);
        self.send(bytes);
    }

    /// The list of methods.
    pub(super) fn methods(mut self) {
        let bytes = rpc::reply_methods(&self.id);
        self.send(bytes);
    }

    /// For the two methods that PM2 never answers.
    pub(in crate::daemon) fn never(mut self) {
        self.open = None;
    }

    fn send(&mut self, bytes: Vec<u8>) {
        if let Some(open) = self.open.take() {
            let piece = open.to.all.piece(bytes);
            open.send(VecDeque::from([piece]));
        }
    }
}

impl Open {
    fn send(self, pieces: VecDeque<Rc<Piece>>) {
        let left = pieces.iter().map(|piece| piece.bytes.len()).sum();
        self.to.connection.owe(left);
        let answer = Answer {
            pieces,
            left,
            obligation: self.obligation,
        };
        // A connection that is gone needs no reply.
        self.to.out.send(answer).ok();
        self.to.all.look_at_unread();
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.open.is_some() {
            let bytes = rpc::reply_error(&self.id, "the daemon dropped this request");
            self.send(bytes);
        }
    }
}
