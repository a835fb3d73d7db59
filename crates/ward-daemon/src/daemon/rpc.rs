//! `rpc.sock`: two tasks per connection. One turns bytes into calls, the other writes the replies in the order in
//! which they are ready. Each request gets exactly one reply, even if a handler drops it.
//!
//! A call passes several gates before it is dispatched, and waits at each of them in its own connection, where it holds
//! up nobody else: that its client reads its replies, that not too many of its calls are under way, that there is room
//! for its bytes, for a list that there is room for the reply, and that the call before it was dispatched.

mod connection;
mod connections;
mod list_kind;
mod reader;
mod received;
mod responder;

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::mpsc;

use connection::Connection;
pub(super) use connections::{Connections, Piece};
pub(super) use list_kind::ListKind;
use reader::Reader;
use received::Received;
use responder::Answer;
pub(super) use responder::{Call, Peer, Responder, Unwritten};

/// What all connections share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// Holds one call of each connection at most: the next one waits until it is dispatched.
    calls: mpsc::UnboundedSender<Call>,
    unwritten: mpsc::WeakSender<Infallible>,
    received: Received,
    all: Rc<Connections>,
}

impl Shared {
    pub(super) fn new(
        calls: mpsc::UnboundedSender<Call>,
        unwritten: mpsc::WeakSender<Infallible>,
        all: Rc<Connections>,
    ) -> Self {
        Self {
            calls,
            unwritten,
            received: Received::new(),
            all,
        }
    }
}

/// Accepts connections for ever.
pub(super) async fn accept(listener: UnixListener, clients: Shared) {
    loop {
        clients.all.vacancy().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let (number, connection) = clients.all.add(stream);
                tokio::task::spawn_local(serve(number, connection, clients.clone()));
            }
            // Out of descriptors: connections wait in the backlog until some are closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(number: u64, connection: Rc<Connection>, clients: Shared) {
    let all = Rc::clone(&clients.all);
    let (out, answers) = mpsc::unbounded_channel();
    let writing = tokio::task::spawn_local(write(answers));
    let reader = Reader::new(connection, out, clients);
    reader.run().await;
    // A client may close its side and still wait for what it asked.
    writing.await.ok();
    all.remove(number);
}

async fn write(mut answers: mpsc::UnboundedReceiver<Answer>) {
    while let Some(answer) = answers.recv().await {
        if answer.write().await.is_err() {
            return;
        }
    }
}
