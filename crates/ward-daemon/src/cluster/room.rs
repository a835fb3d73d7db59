//! Whether there is room for more connections. Clients decide how many there are, so the last
//! descriptors are not for them: they are kept for what the daemon does itself, which is starts, logs
//! and commands. What is not accepted waits in the kernel, and is tried again after a delay that grows.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Connection, Context, Primary, WorkerEvent};
use crate::poll::Token;

/// The first delay after descriptors ran short; it doubles as long as there are none.
pub(super) const RETRY: Duration = Duration::from_millis(50);

/// The longest delay.
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// Nothing ran short for so long: the shortage is over, and the next one is said again.
const CALM: Duration = Duration::from_secs(5);

/// So many connections may have a descriptor of the reserve. They got it before it was known that
/// there are no others; at that number nothing is accepted before one of them is taken.
const IN_RESERVE: usize = 16;

/// The descriptors there are for connections.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The first number of the reserve, as it was when a connection was accepted for the first time
    /// or when descriptors ran short.
    begins: Option<RawFd>,
    /// Connections in the reserve. At most [`IN_RESERVE`].
    beyond: Vec<Weak<OwnedFd>>,
    shortage: Option<Shortage>,
}

/// Descriptors ran short, which was told.
#[derive(Debug)]
struct Shortage {
    /// Whether some are free is not looked at before.
    until: Instant,
    /// There were some when it was looked at last.
    eased: bool,
    delay: Duration,
}

impl Room {
    /// Whether a connection has a descriptor of the reserve; then there are no others.
    fn is_in_reserve(&mut self, connection: &Connection) -> bool {
        let begins = *self
            .begins
            .get_or_insert_with(ward_sys::limits::reserve_begins);
        let is_beyond = connection.as_raw_fd() >= begins;
        if is_beyond {
            self.beyond.push(Arc::downgrade(connection));
        }
        is_beyond
    }

    /// Whether a connection may be accepted again after a shortage.
    fn is_eased(&mut self, any: &OwnedFd) -> bool {
        let begins = ward_sys::limits::reserve_begins();
        self.begins = Some(begins);
        self.beyond.retain(|it| it.strong_count() > 0);
        self.beyond.len() < IN_RESERVE && ward_sys::limits::is_free_below(begins, any)
    }
}

impl Primary {
    /// Whether a connection may be accepted. If not, it is tried again later.
    pub(super) fn has_room(&mut self, listener: Token, now: Instant, cx: &mut Context) -> bool {
        let Some(shortage) = self.room.shortage.as_ref().filter(|it| !it.eased) else {
            return true;
        };
        if shortage.until > now {
            let until = shortage.until;
            self.wake_by(Some(until));
            return false;
        }
        let Some(listener_socket) = self.listeners.get(&listener).map(|it| &it.socket) else {
            return false;
        };
        if !self.room.is_eased(listener_socket) {
            self.run_short(listener, None, now, cx);
            return false;
        }
        if let Some(shortage) = &mut self.room.shortage {
            shortage.eased = true;
            shortage.until = now + CALM;
            self.wake_by(Some(now + CALM));
        }
        true
    }

    /// A connection was accepted: when it has a descriptor of the reserve, it is the last one for now.
    pub(super) fn note_accepted(
        &mut self,
        listener: Token,
        connection: &Connection,
        now: Instant,
        cx: &mut Context,
    ) {
        if self.room.is_in_reserve(connection) {
            self.run_short(listener, None, now, cx);
        }
    }

    /// There is no room: nothing is accepted for a while, on no listener, and who has waited longest
    /// to say whose it is waits no longer, which gives back descriptors.
    pub(super) fn run_short(
        &mut self,
        listener: Token,
        error: Option<&io::Error>,
        now: Instant,
        cx: &mut Context,
    ) {
        let is_first = self.room.shortage.is_none();
        let shortage = self.room.shortage.get_or_insert(Shortage {
            until: now,
            eased: true,
            delay: RETRY,
        });
        let doubled = (shortage.delay * 2).min(LONGEST_RETRY);
        shortage.delay = if shortage.eased { RETRY } else { doubled };
        shortage.eased = false;
        shortage.until = now + shortage.delay;
        let until = shortage.until;
        self.wake_by(Some(until));
        self.shorten_heads(now);
        if is_first {
            let place = self.listeners.get(&listener).map(|it| it.place.clone());
            let event = WorkerEvent::Exhausted {
                place: place.unwrap_or_default(),
                error: error.map(ToString::to_string),
            };
            self.tell_of_all(event, cx);
        }
    }

    /// The shortage is over when none followed for a while.
    pub(super) fn tell_of_room(&mut self, now: Instant, cx: &Context) {
        let Some(shortage) = &self.room.shortage else {
            return;
        };
        let until = shortage.until;
        if shortage.eased && until <= now {
            self.room.shortage = None;
            self.tell_of_all(WorkerEvent::Relieved, cx);
        } else {
            self.wake_by(Some(until));
        }
    }

    /// What concerns all workers is told in the name of one.
    fn tell_of_all(&self, event: WorkerEvent, cx: &Context) {
        if let Some(worker) = self.workers.values().min_by_key(|it| it.life) {
            cx.tell(worker.life, event);
        }
    }
}
