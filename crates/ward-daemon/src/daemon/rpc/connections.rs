//! All connections of clients, and the bytes of replies that they have not read.
//!
//! A reply that is not read stays in memory. So a connection that does not read gets no further request taken, all
//! unread replies together have a limit, and beyond it lists wait while connections that do not read at all are closed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{Notify, Semaphore};

use super::connection::Connection;
use super::list_kind::ListKind;

/// The most connections at once. One more takes the place of the one that has been silent longest, if that waits for
/// nothing, or waits itself.
const MOST_CONNECTIONS: usize = 512;

/// All unread replies together, in bytes. Beyond it lists wait, and connections are closed that do not read.
const MOST_UNREAD_IN_ALL: usize = 16 << 20;

/// Who has read nothing for so long does not read, while others wait for the memory of its replies.
const STALLED: Duration = Duration::from_secs(1);

/// The same when twice as much is unread as there should be.
const STALLED_BADLY: Duration = Duration::from_millis(100);

/// How often is looked who does not read, while somebody waits for it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// All connections.
#[derive(Debug)]
pub(in crate::daemon) struct Connections {
    open: RefCell<BTreeMap<u64, Rc<Connection>>>,
    last: Cell<u64>,
    /// Bytes of replies in memory; those that several connections share count once.
    held: Cell<usize>,
    /// Bytes of lists that are being made.
    reserved: Cell<usize>,
    /// How long the last list of each kind was.
    lengths: [Cell<usize>; ListKind::COUNT],
    /// Bytes were freed.
    freed: Notify,
    /// A connection ended, or waits for nothing any more.
    rested: Notify,
    /// Lists begin in the order in which they were asked for.
    queue: Semaphore,
}

/// A part of a reply, which several replies may share.
#[derive(Debug)]
pub(in crate::daemon) struct Piece {
    pub(in crate::daemon) bytes: Vec<u8>,
    of: Rc<Connections>,
}

/// Room for a list that is being made.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    of: Rc<Connections>,
}

impl Connections {
    pub(in crate::daemon) fn new() -> Rc<Self> {
        Rc::new(Self {
            open: RefCell::default(),
            last: Cell::default(),
            held: Cell::default(),
            reserved: Cell::default(),
            lengths: Default::default(),
            freed: Notify::new(),
            rested: Notify::new(),
            queue: Semaphore::new(1),
        })
    }

    /// Waits until there may be one more connection.
    pub(super) async fn vacancy(&self) {
        while self.open.borrow().len() >= MOST_CONNECTIONS {
            let idle = {
                let open = self.open.borrow();
                let idle = open.values().filter(|it| it.calls.get() == 0);
                idle.min_by_key(|it| it.use_of()).cloned()
            };
            if let Some(idle) = idle {
                idle.close();
            }
            self.rested.notified().await;
        }
    }

    pub(super) fn add(&self, stream: UnixStream) -> (u64, Rc<Connection>) {
        let number = self.last.get() + 1;
        self.last.set(number);
        let connection = Rc::new(Connection::new(stream));
        self.open
            .borrow_mut()
            .insert(number, Rc::clone(&connection));
        (number, connection)
    }

    pub(super) fn remove(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
        self.rested.notify_one();
    }

    /// A connection may have become idle.
    pub(super) fn has_rested(&self) {
        if self.open.borrow().len() >= MOST_CONNECTIONS {
            self.rested.notify_one();
        }
    }

    /// A part of a reply. It counts until all who get it have it.
    pub(in crate::daemon) fn piece(self: &Rc<Self>, bytes: Vec<u8>) -> Rc<Piece> {
        self.held.set(self.held.get() + bytes.len());
        let of = Rc::clone(self);
        Rc::new(Piece { bytes, of })
    }

    /// How long a list of this kind was.
    pub(in crate::daemon) fn note_length(&self, kind: ListKind, bytes: usize) {
        self.lengths[kind.index()].set(bytes);
    }

    /// Waits for room for a list. One that is larger than all there is gets it when nothing else is unread.
    pub(super) async fn room(self: &Rc<Self>, kind: ListKind) -> Room {
        // It is never closed.
        let _first = self.queue.acquire().await;
        let bytes = self.lengths[kind.index()].get();
        loop {
            let used = self.held.get() + self.reserved.get();
            if used == 0 || used.saturating_add(bytes) <= MOST_UNREAD_IN_ALL {
                self.reserved.set(self.reserved.get() + bytes);
                let of = Rc::clone(self);
                return Room { bytes, of };
            }
            self.close_stalled(STALLED, bytes);
            tokio::time::timeout(LOOK_AGAIN, self.freed.notified())
                .await
                .ok();
        }
    }

    /// A reply was added. When far too much is unread, who does not read is not waited for.
    pub(super) fn look_at_unread(&self) {
        if self.held.get() > 2 * MOST_UNREAD_IN_ALL {
            self.close_stalled(STALLED_BADLY, 0);
        }
    }

    /// Closes connections that have read nothing for so long, those with the most unread bytes first, until there is
    /// room for `wanted` bytes.
    fn close_stalled(&self, limit: Duration, wanted: usize) {
        let open = self.open.borrow();
        let mut stalled: Vec<_> = open.values().filter(|it| it.is_stalled(limit)).collect();
        stalled.sort_by_key(|it| it.unwritten.get());
        let mut used = self.held.get().saturating_add(wanted);
        while used > MOST_UNREAD_IN_ALL
            && let Some(connection) = stalled.pop()
        {
            used = used.saturating_sub(connection.unwritten.get());
            connection.close();
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let held = &self.of.held;
        held.set(held.get() - self.bytes.len());
        self.of.freed.notify_one();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let reserved = &self.of.reserved;
        reserved.set(reserved.get() - self.bytes);
        self.of.freed.notify_one();
    }
}
