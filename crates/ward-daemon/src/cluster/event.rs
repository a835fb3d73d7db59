//! What the cluster plane tells the control thread, and the world as it sees it.

use std::fmt;
use std::time::Duration;

use ward_core::event::Tally;
use ward_core::id::Life;

use crate::channel::{Credit, Links};

/// What a worker did, as far as the control thread cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorkerEvent {
    /// The runtime is up.
    Online,
    /// It listens.
    Listening {
        /// It bound the socket itself: nobody balances it.
        by_itself: bool,
        /// The address or path, for people.
        place: String,
    },
    /// It has loaded, does nothing and has asked for no socket: it may never listen.
    Settled,
    /// The version of its Node.
    Version(String),
    /// It turned out that it cannot be a worker, for this reason; it runs as in fork mode.
    Alone(String),
    /// It was told to finish what it is doing.
    Draining,
    /// It has finished what it was doing.
    Drained,
    /// A worker that was to be drained is gone; said once for each. What became of its connections.
    Finished(Tally),
    /// It cannot have the socket it wants.
    Refused {
        /// What it wants, for people.
        place: String,
        /// The TCP or UDP port, if it is one.
        port: Option<u16>,
        /// Who has it, if it is one of ours.
        held_by: Option<Holder>,
        /// The positive error number.
        errno: i32,
    },
    /// It listens where another app does, too: both get connections.
    Joined {
        /// The address or path, for people.
        place: String,
        /// The other one.
        app: String,
    },
    /// Connections come in of which no header can be read: they are spread by address.
    Unreadable {
        /// The address or path, for people.
        place: String,
    },
    /// Its declaration has options that cannot be used; it got the defaults.
    BadOptions(String),
    /// Never said `online`.
    Silent,
    /// It is stopped, and has not taken what it was given for so long.
    Hung {
        /// For so long.
        silent_for: Duration,
    },
    /// The kernel does not tell of connections that are gone, for this reason.
    Uncounted(String),
    /// The daemon accepts no connections for now; they wait in the kernel. Told once for all listeners.
    Exhausted {
        /// The address or path of the first one, for people.
        place: String,
        /// What the kernel said; none when only the reserve of descriptors is left.
        error: Option<String>,
    },
    /// It accepts connections again.
    Relieved,
}

/// Which app of ours has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// This one.
    App(String),
    /// The very app that wants it, under another way to spread connections.
    OtherSched,
}

/// An event of a worker.
#[derive(Debug)]
pub(crate) struct WorkerReport {
    /// The worker.
    pub(crate) life: Life,
    /// What it did.
    pub(crate) event: WorkerEvent,
    /// Drop it when the event was dealt with; none of a worker whose channel is closed.
    pub(crate) credit: Option<Credit>,
}

/// What the cluster plane works with: the channels and sockets, and whoever wants to know.
pub(crate) struct Context {
    pub(crate) links: Links,
    /// Whoever listens bounds what waits there by the credits.
    audience: Box<dyn Fn(WorkerReport) + Send>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// Tells `audience` what workers do.
    pub(crate) fn new(links: Links, audience: impl Fn(WorkerReport) + Send + 'static) -> Self {
        Self {
            links,
            audience: Box::new(audience),
        }
    }

    /// Tells of a worker. It takes room in the window of the worker's channel, as a message does:
    /// what a worker says over and over is read no faster than it is dealt with.
    pub(super) fn tell(&self, life: Life, event: WorkerEvent) {
        let credit = self.links.credit(life);
        (self.audience)(WorkerReport {
            life,
            event,
            credit,
        });
    }
}
