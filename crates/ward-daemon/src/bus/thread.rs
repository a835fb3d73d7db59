//! The thread of the bus: reads what subscribers choose and writes what is queued for them.
//!
//! A panic while a connection is served ends that connection and no other: what was half written to
//! it cannot be continued, and its subscriber connects anew. The members are in a usable state at
//! every step, so the loop goes on with them.

use std::io::{self, Read as _};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Shared;
use super::connection::Connection;
use crate::fault;
use crate::poll::{Interest, Poll, Slots, Token};

/// So many writes to one subscriber, then the next one has its turn.
const WRITES_IN_A_ROW: usize = 16;

/// The pause after a panic of the loop itself.
const AFTER_FAULT: Duration = Duration::from_millis(10);

/// What became of a connection.
#[derive(Debug, PartialEq, Eq)]
enum Served {
    /// Nothing is left to write, or it cannot be written now.
    Waits,
    /// There is more to write, and others have their turn first.
    More,
    /// It is over.
    Gone,
}

/// Works until the bus is closed.
pub(super) fn run(poll: Poll, shared: &Shared) {
    let mut writer = Writer {
        poll,
        shared,
        connections: Slots::default(),
    };
    // A panic outside of any connection, too, leaves all of them usable; the pause keeps a panic that
    // comes again and again from taking a whole core.
    while fault::contain(|| writer.turn()).unwrap_or_else(|_| {
        shared.faults.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(AFTER_FAULT);
        true
    }) {}
    // Whoever waits for the end is told by this.
    let mut members = shared.lock();
    members.subscribers.clear();
    members.arrivals.clear();
    shared.changed(&members);
    members.closing = None;
}

#[derive(Debug)]
struct Writer<'a> {
    poll: Poll,
    shared: &'a Shared,
    connections: Slots<Connection>,
}

impl Writer<'_> {
    /// Waits once, and serves everybody. Whether to go on.
    fn turn(&mut self) -> bool {
        let mut ready = Vec::new();
        let deadline = self.deadline();
        let limit = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if self.poll.wait(limit, &mut ready).is_err() {
            return false;
        }
        self.shared.woken.store(false, Ordering::Release);
        self.admit();
        for (token, flags) in ready {
            self.contained(token, |it, token| it.listen(token, flags));
        }
        let closing = self.deadline();
        for token in self.connections.tokens(|it| !it.blocked) {
            self.contained(token, |it, token| match it.write(token) {
                Served::Waits if closing.is_some() => it.end_if_written(token),
                served => served,
            });
        }
        closing.is_none_or(|at| self.connections.any(|_| true) && Instant::now() < at)
    }

    fn deadline(&self) -> Option<Instant> {
        let members = self.shared.lock();
        members.closing.as_ref().map(|closing| closing.deadline)
    }

    fn contained(&mut self, token: Token, serve: impl FnOnce(&mut Self, Token) -> Served) {
        let served = fault::contain(|| {
            fault::inject("bus.serve");
            serve(self, token)
        });
        match served {
            Ok(Served::Waits) => {}
            Ok(Served::More) => self.shared.wake(),
            Ok(Served::Gone) => self.remove(token),
            Err(_) => {
                self.shared.faults.fetch_add(1, Ordering::Relaxed);
                self.remove(token);
            }
        }
    }

    /// Takes in those who subscribed.
    fn admit(&mut self) {
        let arrivals = std::mem::take(&mut self.shared.lock().arrivals);
        for (number, stream) in arrivals {
            let token = self.connections.insert(Connection::new(number, stream));
            let added = self
                .connections
                .get(token)
                .map(|it| self.poll.add(&it.stream, token, it.interest()));
            if !matches!(added, Some(Ok(()))) {
                self.remove(token);
            }
        }
    }

    fn remove(&mut self, token: Token) {
        let Some(connection) = self.connections.remove(token) else {
            return;
        };
        self.poll.remove(&connection.stream);
        let mut members = self.shared.lock();
        let number = connection.number;
        members.subscribers.retain(|it| it.number != number);
        self.shared.changed(&members);
    }

    /// Something happened at the other end.
    fn listen(&mut self, token: Token, flags: Interest) -> Served {
        let Some(connection) = self.connections.get_mut(token) else {
            return Served::Waits;
        };
        if flags.contains(Interest::OUT) {
            connection.blocked = false;
        }
        let mut buffer = [0; 4096];
        while connection.reading {
            match connection.stream.read(&mut buffer) {
                // A half-closed subscriber still wants its events.
                Ok(0) => connection.reading = false,
                Ok(count) => {
                    if let Some(choice) = connection.hear(&buffer[..count]) {
                        let mut members = self.shared.lock();
                        let number = connection.number;
                        let own = members
                            .subscribers
                            .iter_mut()
                            .find(|it| it.number == number);
                        if let Some(own) = own {
                            own.choice = choice;
                            self.shared.choices.fetch_add(1, Ordering::Relaxed);
                        }
                        self.shared.changed(&members);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Served::Gone,
            }
        }
        // Closed on both sides, not only half of it: nobody will ever read what is written.
        if flags.intersects(Interest::HUP | Interest::ERR) {
            return Served::Gone;
        }
        self.watch(token)
    }

    /// Writes what is queued, as far as the socket takes it.
    fn write(&mut self, token: Token) -> Served {
        let Some(connection) = self.connections.get_mut(token) else {
            return Served::Waits;
        };
        for _ in 0..WRITES_IN_A_ROW {
            if connection.unwritten.is_empty() {
                connection.refill(self.shared);
            }
            if connection.unwritten.is_empty() {
                return Served::Waits;
            }
            match connection.write_once() {
                Ok(count) => {
                    let written = &self.shared.bytes_written;
                    written.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    connection.blocked = true;
                    return self.watch(token);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Served::Gone,
            }
        }
        Served::More
    }

    fn end_if_written(&self, token: Token) -> Served {
        let connection = self.connections.get(token);
        let waits = connection.is_some_and(|it| it.blocked || !it.unwritten.is_empty());
        if waits { Served::Waits } else { Served::Gone }
    }

    /// Waits for what the connection needs next.
    fn watch(&self, token: Token) -> Served {
        let Some(connection) = self.connections.get(token) else {
            return Served::Waits;
        };
        let interest = connection.interest();
        match self.poll.modify(&connection.stream, token, interest) {
            Ok(()) => Served::Waits,
            Err(_) => Served::Gone,
        }
    }
}
