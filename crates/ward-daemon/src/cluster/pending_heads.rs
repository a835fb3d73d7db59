//! Connections whose first request decides whose they are, until enough of it has come.

mod queue;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use ward_core::cluster::Sched;

use super::affinity::{Affinity, Head, Mark, Waiter};
use super::{Connection, Context, Primary, WorkerEvent};
use crate::poll::Token;
#[cfg(test)]
pub(super) use queue::AWAITED;
pub(super) use queue::Heads;

/// How long a request is waited for. Who has said nothing until then is anybody's.
const PATIENCE: Duration = Duration::from_secs(2);

/// So much of a request is looked at.
const HEAD_BYTES: usize = 8 * 1024;

/// What is known of a connection.
enum Seen {
    /// Whose it is.
    Known(Affinity),
    /// Not enough has come.
    Partial,
    /// It is over.
    Gone,
}

impl Primary {
    /// A connection came in: whose it is, if that can be known by now. Else it is waited for.
    pub(super) fn see(
        &mut self,
        listener: Token,
        connection: Connection,
        now: Instant,
        cx: &mut Context,
    ) -> Option<Waiter> {
        match self.look(listener, &connection, cx) {
            Seen::Known(affinity) => Some(Waiter {
                connection,
                affinity,
            }),
            Seen::Gone => None,
            Seen::Partial => self.await_head(listener, connection, now, cx),
        }
    }

    /// Whose a connection is that waited already.
    pub(super) fn affinity_of(
        &mut self,
        listener: Token,
        connection: &Connection,
        cx: &Context,
    ) -> Affinity {
        match self.look(listener, connection, cx) {
            Seen::Known(affinity) => affinity,
            Seen::Partial | Seen::Gone => Affinity::None,
        }
    }

    fn await_head(
        &mut self,
        listener: Token,
        connection: Connection,
        now: Instant,
        cx: &mut Context,
    ) -> Option<Waiter> {
        let Ok(token) = cx.links.add_reader(&connection) else {
            return Some(Waiter {
                connection,
                affinity: Affinity::None,
            });
        };
        let until = now + PATIENCE;
        self.heads.add(token, listener, connection, until);
        self.wake_by(Some(until));
        let surplus = self.heads.surplus(listener)?;
        let (listener_of_surplus, waiter) = self.give_up(surplus, by_address, cx)?;
        if listener_of_surplus == listener {
            return Some(waiter);
        }
        // That listener has its turn next.
        if let Some(other) = self.listeners.get_mut(&listener_of_surplus) {
            other.waiting.push_back(waiter);
        }
        self.wake_by(Some(now));
        None
    }

    /// One that is not waited for any more, and the listener it came from. The poll must not know it
    /// any more when it is handed over, for it would go on to watch it there.
    fn give_up(
        &mut self,
        token: Token,
        affinity: impl FnOnce(&Connection) -> Affinity,
        cx: &mut Context,
    ) -> Option<(Token, Waiter)> {
        cx.links.remove_listener(token);
        let awaited = self.heads.remove(token)?;
        let affinity = affinity(&awaited.connection);
        let connection = awaited.connection;
        let waiter = Waiter {
            connection,
            affinity,
        };
        Some((awaited.listener, waiter))
    }

    /// Descriptors are short: the older half is waited for no longer.
    pub(super) fn shorten_heads(&mut self, now: Instant) {
        if self.heads.shorten(now) {
            self.wake_by(Some(now));
        }
    }

    /// Whether the token is that of a connection that is waited for.
    pub(super) fn is_awaited(&self, token: Token) -> bool {
        self.heads.get(token).is_some()
    }

    /// More of a request came.
    pub(super) fn head_came(&mut self, token: Token, now: Instant, cx: &mut Context) {
        let Some(awaited) = self.heads.get(token) else {
            return;
        };
        let (listener, connection) = (awaited.listener, Connection::clone(&awaited.connection));
        match self.look(listener, &connection, cx) {
            Seen::Partial => {}
            Seen::Gone => self.forget_head(token, cx),
            Seen::Known(affinity) => self.release(token, affinity, now, cx),
        }
    }

    /// Those that have said too little for too long are anybody's.
    pub(super) fn give_up_heads(&mut self, now: Instant, cx: &mut Context) {
        while let Some(token) = self.heads.oldest() {
            let until = self.heads.get(token).map(|it| it.until);
            if until.is_some_and(|until| until > now) {
                return self.wake_by(until);
            }
            self.release(token, Affinity::None, now, cx);
        }
    }

    /// It is known whose it is: from here on it waits for a worker.
    fn release(&mut self, token: Token, affinity: Affinity, now: Instant, cx: &mut Context) {
        let Some((listener, waiter)) = self.give_up(token, |_| affinity, cx) else {
            return;
        };
        if let Some(found) = self.listeners.get_mut(&listener) {
            found.waiting.push_back(waiter);
            self.dispatch(listener, now, cx);
        }
    }

    fn forget_head(&mut self, token: Token, cx: &mut Context) {
        cx.links.remove_listener(token);
        self.heads.remove(token);
    }

    /// A listener is closed, and with it what came in there.
    pub(super) fn forget_heads(&mut self, listener: Token, cx: &mut Context) {
        for token in self.heads.of(listener) {
            self.forget_head(token, cx);
        }
    }

    fn look(&mut self, listener: Token, connection: &Connection, cx: &Context) -> Seen {
        let mark = match self.sched_of(listener) {
            Some(Sched::StickyHeader(name)) => Mark::Header(name),
            Some(Sched::StickyCookie(name)) => Mark::Cookie(name),
            _ => return Seen::Known(by_address(connection)),
        };
        let mut bytes = [0; HEAD_BYTES];
        let count = match recv(
            connection,
            &mut bytes,
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        ) {
            Ok((0, _)) => return Seen::Gone,
            Ok((count, _)) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Seen::Partial,
            Err(_) => return Seen::Gone,
        };
        match Head::read(&bytes[..count], mark) {
            Head::Partial if count == HEAD_BYTES => Seen::Known(Affinity::None),
            Head::Partial => Seen::Partial,
            Head::Marked(value) => Seen::Known(Affinity::by(&value)),
            Head::Unmarked => Seen::Known(Affinity::None),
            Head::NotHttp => {
                self.tell_of_strangers(listener, cx);
                Seen::Known(by_address(connection))
            }
        }
    }

    /// Said once: such connections have no header that could be read.
    fn tell_of_strangers(&mut self, listener: Token, cx: &Context) {
        let Some(listener) = self.listeners.get_mut(&listener) else {
            return;
        };
        if core::mem::replace(&mut listener.told_of_strangers, true) {
            return;
        }
        let holder = listener.attached.last().and_then(|it| self.workers.get(it));
        if let Some(worker) = holder {
            let place = listener.place.clone();
            cx.tell(worker.life, WorkerEvent::Unreadable { place });
        }
    }
}

/// The same address is the same, written as IPv4 or IPv6.
fn by_address(connection: &Connection) -> Affinity {
    let peer = ward_sys::listener::peer_address(connection).ok().flatten();
    match peer.map(|peer| peer.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => Affinity::by(&address.octets()),
        Some(IpAddr::V6(address)) => Affinity::by(&address.octets()),
        // All that come over a Unix socket come from here.
        None => Affinity::by(&[]),
    }
}
