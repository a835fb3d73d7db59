//! How many connections each worker has open. The daemon gives its copy of a connection away, so
//! it does not see it end; but the kernel tells of each TCP socket that is gone, by the cookie that
//! was noted before the hand-over. It is only asked to while the app of some worker needs it.
//!
//! Where the kernel does not tell (an old one, a filter of system calls, Unix sockets) the number
//! of open descriptors has to do.

mod gauge;
mod relist;
mod worker;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::time::Instant;

use ward_sys::sock_diag::{Closings, open_sockets};

use super::worker::Worker;
use super::{Connection, Context, Primary, WorkerEvent};
use crate::poll::Token;
pub(crate) use gauge::ConnectionCount;
use relist::Relist;

/// How the connections of a worker are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// Nobody wants to know.
    Unwanted,
    /// One by one; so many there are, those on their way included.
    Exact(u64),
    /// By its descriptors, less those it had when it began to listen.
    Estimated {
        /// So many; none before it listens.
        before: Option<u64>,
    },
}

/// Whose each connection is.
#[derive(Debug, Default)]
pub(super) struct Census {
    counting: Option<Counting>,
    /// That it cannot be had was told.
    told: bool,
    /// By cookie.
    owners: HashMap<u64, Token>,
    /// When they are listed, should the kernel be silent.
    relist: Option<Relist>,
}

/// The kernel tells.
#[derive(Debug)]
struct Counting {
    closings: Closings,
    token: Token,
    ports: BTreeSet<u16>,
}

impl Census {
    /// A worker is about to be given a connection. Costs one question to the kernel, and nothing
    /// for workers whose connections are not counted.
    pub(super) fn enter(&mut self, worker: &mut Worker, token: Token, connection: &Connection) {
        if let Count::Exact(open) = worker.count
            && let Ok(cookie) = ward_sys::listener::cookie(connection)
        {
            worker.count_by(Count::Exact(open + 1));
            self.owners.insert(cookie, token);
        }
    }

    /// The worker did not take it.
    pub(super) fn leave(&mut self, worker: &mut Worker, connection: &Connection) {
        if let Count::Exact(open) = worker.count
            && let Ok(cookie) = ward_sys::listener::cookie(connection)
            && self.owners.remove(&cookie).is_some()
        {
            worker.count_by(Count::Exact(open - 1));
        }
    }
}

impl Primary {
    /// A worker is granted a listener: its connections have to be counted if its app wants that.
    pub(super) fn begin_counting(&mut self, token: Token, listener: Token, cx: &mut Context) {
        let (Some(worker), Some(found)) =
            (self.workers.get_mut(&token), self.listeners.get(&listener))
        else {
            return;
        };
        if worker.count == Count::Unwanted || !found.listens {
            return;
        }
        if found.name.is_none() {
            worker.count_by(Count::Estimated { before: None });
        } else {
            worker.count_by(worker.count);
            if let Err(error) = self.count_ports(cx) {
                self.estimate(&error, cx);
            }
        }
    }

    /// Listens to the kernel about all ports that matter now.
    fn count_ports(&mut self, cx: &mut Context) -> io::Result<()> {
        let counted = |holder: &Token| {
            let worker = self.workers.get(holder);
            worker.is_some_and(|it| matches!(it.count, Count::Exact(_)))
        };
        let listeners = self.listeners.values();
        let ports: BTreeSet<u16> = listeners
            .filter(|it| it.listens && it.attached.iter().any(counted))
            .filter_map(|it| Some(it.name?.port))
            .collect();
        let list: Vec<u16> = ports.iter().copied().collect();
        match &mut self.census.counting {
            Some(counting) if counting.ports == ports => {}
            Some(counting) => {
                counting.closings.watch(&list)?;
                counting.ports = ports;
            }
            None => {
                let closings = Closings::open(&list)?;
                let token = cx.links.add_listener(closings.descriptor());
                cx.links.arm(token, true)?;
                self.census.counting = Some(Counting {
                    closings,
                    token,
                    ports,
                });
            }
        }
        Ok(())
    }

    /// The kernel does not tell, or no more.
    fn estimate(&mut self, error: &io::Error, cx: &mut Context) {
        self.end_counting(cx);
        let mut counted = None;
        for worker in self.workers.values_mut() {
            if let Count::Exact(_) = worker.count {
                worker.count_by(Count::Estimated { before: None });
                worker.begin_estimate();
                counted = Some(worker.life);
            }
        }
        if let Some(life) = counted.filter(|_| !core::mem::replace(&mut self.census.told, true)) {
            let event = WorkerEvent::Uncounted(error.to_string());
            cx.tell(life, event);
        }
    }

    fn end_counting(&mut self, cx: &mut Context) {
        if let Some(counting) = self.census.counting.take() {
            cx.links.remove_listener(counting.token);
        }
        self.census.owners.clear();
    }

    /// A worker is gone, and so are its connections.
    pub(super) fn forget_connections(&mut self, token: Token, cx: &mut Context) {
        if self.census.counting.is_none() {
            return;
        }
        let is_counted = |it: &Worker| matches!(it.count, Count::Exact(_));
        if self.workers.values().any(is_counted) {
            self.census.owners.retain(|_, owner| *owner != token);
        } else {
            self.end_counting(cx);
        }
    }

    /// Whether this is where the kernel tells of connections that are gone.
    pub(super) fn is_census(&self, token: Token) -> bool {
        let counting = self.census.counting.as_ref();
        counting.is_some_and(|counting| counting.token == token)
    }

    /// The cookies of the connections of a worker.
    pub(super) fn cookies_of(&self, token: Token) -> Vec<u64> {
        let owners = self.census.owners.iter();
        let of_worker = owners.filter(|(_, owner)| **owner == token);
        of_worker.map(|(cookie, _)| *cookie).collect()
    }

    /// Goes on to count the connections of workers that an earlier process began to count. Those
    /// that ended in between are found by their absence.
    pub(super) fn resume_counting(&mut self, owners: HashMap<u64, Token>, cx: &mut Context) {
        self.census.owners = owners;
        let is_counted = |it: &Worker| matches!(it.count, Count::Exact(_));
        if !self.workers.values().any(is_counted) {
            return;
        }
        match self.count_ports(cx) {
            Ok(()) => {
                self.look_at_closings(true, cx);
                self.expect_closings(Instant::now());
            }
            Err(error) => self.estimate(&error, cx),
        }
    }

    /// Connections are gone: their workers have room for others.
    pub(super) fn connections_closed(&mut self, cx: &mut Context) {
        self.look_at_closings(false, cx);
    }

    /// `missed`: closings may have gone by untold.
    fn look_at_closings(&mut self, missed: bool, cx: &mut Context) {
        let Some(counting) = &mut self.census.counting else {
            return;
        };
        let mut gone = Vec::new();
        let told = counting.closings.read(&mut gone).and_then(|lost| {
            if let Some(relist) = self.census.relist.as_mut().filter(|_| !gone.is_empty()) {
                relist.heard = true;
            }
            if lost || missed {
                let ports: Vec<u16> = counting.ports.iter().copied().collect();
                let open = open_sockets(&ports)?;
                let open: HashSet<u64> = open.iter().map(|it| it.cookie).collect();
                let owned = self.census.owners.keys();
                gone.extend(owned.filter(|cookie| !open.contains(cookie)));
            }
            Ok(())
        });
        let mut relieved = HashSet::new();
        for cookie in gone {
            let Some(owner) = self.census.owners.remove(&cookie) else {
                continue;
            };
            if let Some(worker) = self.workers.get_mut(&owner)
                && let Count::Exact(open) = worker.count
            {
                worker.count_by(Count::Exact(open - 1));
                relieved.insert(owner);
            }
        }
        if let Err(error) = told {
            self.estimate(&error, cx);
        }
        for owner in relieved {
            self.serve_all(owner, Instant::now(), cx);
        }
    }
}
