//! Connections whose first request decides whose they are, until enough of it has come.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use ward_core::cluster::Sched;

use super::affinity::{Affinity, Head, Mark, Waiter};
use super::{Connection, Context, Primary, WorkerEvent};
use crate::poll::Token;

/// How long a request is waited for. Who has said nothing until then is anybody's.
const PATIENCE: Duration = Duration::from_secs(2);

/// So much of a request is looked at.
const HEAD_BYTES: usize = 8 * 1024;

/// So many are waited for at a time; then the oldest one is not waited for any more.
const AWAITED: usize = 512;

/// Connections that have not said whose they are.
#[derive(Debug, Default)]
pub(super) struct Heads {
    awaited: HashMap<Token, Awaited>,
    /// In the order they came. Those that were found meanwhile are in it too.
    order: VecDeque<Token>,
}

#[derive(Debug)]
struct Awaited {
    listener: Token,
    connection: Connection,
    until: Instant,
}

/// What is known of a connection.
enum Seen {
    /// Whose it is.
    Known(Affinity),
    /// Not enough has come.
    Partial,
    /// It is over.
    Gone,
}

impl Heads {
    /// Gives all connections of a listener away, in no order.
    pub(super) fn take_of(&mut self, listener: Token) -> Vec<Connection> {
        let of_listener = self.awaited.extract_if(|_, it| it.listener == listener);
        of_listener.map(|(_, it)| it.connection).collect()
    }

    /// How many connections of a listener are waited for.
    pub(super) fn count_of(&self, listener: Token) -> usize {
        let of_listener = |it: &&Awaited| it.listener == listener;
        self.awaited.values().filter(of_listener).count()
    }
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
        let awaited = Awaited {
            listener,
            connection,
            until,
        };
        self.heads.awaited.insert(token, awaited);
        self.heads.order.push_back(token);
        if self.heads.awaited.len() > AWAITED {
            // It is due at once.
            let oldest = self.oldest();
            if let Some(oldest) = oldest.and_then(|it| self.heads.awaited.get_mut(&it)) {
                oldest.until = now;
            }
            self.wake_by(Some(now));
        } else {
            self.wake_by(Some(until));
        }
        None
    }

    /// The one that has waited longest.
    fn oldest(&mut self) -> Option<Token> {
        while let Some(token) = self.heads.order.front() {
            if self.heads.awaited.contains_key(token) {
                return Some(*token);
            }
            self.heads.order.pop_front();
        }
        None
    }

    /// Whether the token is that of a connection that is waited for.
    pub(super) fn is_awaited(&self, token: Token) -> bool {
        self.heads.awaited.contains_key(&token)
    }

    /// More of a request came.
    pub(super) fn head_came(&mut self, token: Token, now: Instant, cx: &mut Context) {
        let Some(awaited) = self.heads.awaited.get(&token) else {
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
        while let Some(token) = self.oldest() {
            let until = self.heads.awaited.get(&token).map(|it| it.until);
            if until.is_some_and(|until| until > now) {
                return self.wake_by(until);
            }
            self.release(token, Affinity::None, now, cx);
        }
    }

    /// It is known whose it is: from here on it waits for a worker. The poll must not know it any
    /// more when it is handed over, for it would go on to watch it there.
    fn release(&mut self, token: Token, affinity: Affinity, now: Instant, cx: &mut Context) {
        cx.links.remove_listener(token);
        let Some(awaited) = self.heads.awaited.remove(&token) else {
            return;
        };
        let Some(listener) = self.listeners.get_mut(&awaited.listener) else {
            return;
        };
        listener.waiting.push_back(Waiter {
            connection: awaited.connection,
            affinity,
        });
        self.dispatch(awaited.listener, now, cx);
    }

    fn forget_head(&mut self, token: Token, cx: &mut Context) {
        cx.links.remove_listener(token);
        self.heads.awaited.remove(&token);
    }

    /// A listener is closed, and with it what came in there.
    pub(super) fn forget_heads(&mut self, listener: Token, cx: &mut Context) {
        let of_listener =
            |(token, it): (&Token, &Awaited)| (it.listener == listener).then_some(*token);
        let tokens: Vec<Token> = self.heads.awaited.iter().filter_map(of_listener).collect();
        for token in tokens {
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
