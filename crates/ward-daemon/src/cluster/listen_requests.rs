//! A worker wants to listen: the answer, and what follows from it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ward_core::cluster::Sched;
use ward_core::id::InstanceId;
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{Endpoint, ListenQuery};

use super::bind::bind;
use super::listen_budget::{DATA_BYTES, TOO_MANY};
use super::listener::{Listener, SLOT, is_private, named, place_of};
use super::socket_file::remove_deserted;
use super::worker::{Grant, Held, Phase, Worker};
use super::{Context, Holder, Primary, WorkerEvent};
use crate::poll::Token;
use crate::rights::Rights;

/// Why a worker does not get what it wants: a positive error number.
pub(super) struct Refusal(pub(super) i32);

/// EADDRINUSE.
pub(super) const IN_USE: i32 = 98;

/// How often a socket is sent to a worker that has no room for it.
const TIMES: u32 = 3;

impl Primary {
    /// A worker wants to listen.
    pub(super) fn query(
        &mut self,
        token: Token,
        question: u64,
        key: String,
        query: &ListenQuery,
        cx: &mut Context,
    ) {
        let Some(worker) = self.workers.get(&token) else {
            return;
        };
        if worker.phase != Phase::Serving {
            // Node does not answer a worker that leaves: its listen() never comes to an end.
            return;
        }
        match self.listener_for(token, &key, query, cx) {
            Ok(listener) => self.grant(token, question, key, listener, cx),
            Err(Refusal(errno)) => {
                let Some(worker) = self.workers.get_mut(&token) else {
                    return;
                };
                let data = match query.data.size() {
                    0..=DATA_BYTES => query.data.clone(),
                    _ => RawJson::null(),
                };
                let line = worker.port.refuse(question, &key, &data, errno);
                cx.links.send(token, line, None);
            }
        }
    }

    /// The listener of this key, made if there is none.
    fn listener_for(
        &mut self,
        token: Token,
        key: &str,
        query: &ListenQuery,
        cx: &mut Context,
    ) -> Result<Token, Refusal> {
        let worker = self.workers.get(&token).ok_or(Refusal(IN_USE))?;
        if worker.keys.contains_key(key) {
            return Err(Refusal(IN_USE));
        }
        let (life, pid, config) = (worker.life, worker.pid, worker.config.clone());
        let room = self.check_room(worker.keys.len(), &config, query.data.size() + key.len());
        let endpoint = query.endpoint().map_err(|error| Refusal(-error.errno()))?;
        // The kernel spreads connections over several sockets for TCP only; all else is shared.
        let is_tcp = matches!(endpoint, Endpoint::Tcp { .. });
        let slot = (is_tcp && config.options.sched == Sched::Slot).then_some(config.instance);
        let private = is_private(&endpoint).then(|| config.app.clone());
        let entry = (private, named(key, slot));
        if let Some(listener) = self.known(&entry, &config) {
            self.may_join(listener, life, &config, &endpoint, cx)?;
            self.join(listener, life, &config, cx);
            return Ok(listener);
        }
        if let Err(errno) = room {
            let event = WorkerEvent::Refused {
                place: place_of(&endpoint, None),
                port: port_of(&endpoint),
                held_by: None,
                errno,
            };
            cx.tell(life, event);
            return Err(Refusal(errno));
        }
        let mut bound = bind(&endpoint, query, pid, slot.is_some(), &config);
        if let (Err(error), Endpoint::Path(path)) = (&bound, &endpoint)
            && error.raw_os_error() == Some(IN_USE)
            && self.remove_stale(path, &config.rights)
        {
            bound = bind(&endpoint, query, pid, false, &config);
        }
        match bound {
            Ok(bound) => {
                let listener = Listener::new((config, entry.1), bound, query, &endpoint);
                Ok(self.insert(listener, cx))
            }
            Err(error) => {
                let errno = errno_of(&error);
                let event = WorkerEvent::Refused {
                    place: place_of(&endpoint, None),
                    port: port_of(&endpoint),
                    held_by: self.holder_of(&endpoint, &config.app, key, slot),
                    errno,
                };
                cx.tell(life, event);
                Err(Refusal(errno))
            }
        }
    }

    fn insert(&mut self, listener: Listener, cx: &mut Context) -> Token {
        let token = cx.links.add_listener(Arc::clone(&listener.socket));
        self.by_key.insert(listener.entry(), token);
        self.listeners.insert(token, listener);
        token
    }

    /// Tells the worker that it may have the listener, and gives it a share of what comes.
    fn grant(
        &mut self,
        token: Token,
        question: u64,
        key: String,
        listener: Token,
        cx: &mut Context,
    ) {
        let (Some(worker), Some(found)) = (
            self.workers.get_mut(&token),
            self.listeners.get_mut(&listener),
        ) else {
            return;
        };
        found.attached.push(token);
        found.retained_by.insert(worker.config.instance);
        let shared = worker.config.options.sched.is_shared() || !found.listens;
        if shared {
            let grant = Grant {
                question,
                key: key.clone(),
                times: 1,
            };
            share(worker, token, found, grant, cx);
        } else {
            let line = worker.port.listen(question, &key, &found.data, found.name);
            cx.links.send(token, line, None);
        }
        let held = Held {
            listener,
            shared,
            listening: false,
        };
        worker.keys.insert(key, held);
        self.begin_counting(token, listener, cx);
    }

    /// The worker had no room for a descriptor. Node's own primary sends it three times; then the
    /// worker has to know that it cannot listen.
    pub(super) fn grant_again(&mut self, token: Token, grant: Grant, cx: &mut Context) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let held = worker.keys.get(&grant.key).map(|held| held.listener);
        let Some(listener) = held.and_then(|listener| self.listeners.get(&listener)) else {
            return;
        };
        let Grant {
            question,
            key,
            times,
        } = grant;
        if times < TIMES {
            let grant = Grant {
                question,
                key,
                times: times + 1,
            };
            return share(worker, token, listener, grant, cx);
        }
        let line = worker.port.refuse(question, &key, &listener.data, TOO_MANY);
        cx.links.send(token, line, None);
        self.closed(token, &key, cx);
    }

    /// Removes the socket file of a listener of ours that nobody can reach any more, or of a
    /// daemon that was killed. False when somebody listens there.
    fn remove_stale(&self, path: &str, rights: &Rights) -> bool {
        let path = Path::new(path);
        let ours = |it: &Listener| it.file.as_ref().is_some_and(|file| file.is_at(path));
        !self.listeners.values().any(ours) && remove_deserted(path, rights).is_ok()
    }

    /// Who of ours listens there already.
    fn holder_of(
        &self,
        endpoint: &Endpoint,
        app: &str,
        key: &str,
        slot: Option<InstanceId>,
    ) -> Option<Holder> {
        let other = |it: &Listener| {
            let has_slot = it
                .key
                .strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(SLOT));
            it.app == app
                && if slot.is_some() {
                    it.key == key
                } else {
                    has_slot
                }
        };
        if self.listeners.values().any(other) {
            return Some(Holder::OtherSched);
        }
        let port = port_of(endpoint).filter(|port| *port != 0)?;
        let found = self
            .listeners
            .values()
            .find(|listener| listener.name.is_some_and(|name| name.port == port))?;
        Some(Holder::App(found.app.clone()))
    }
}

/// Sends the socket itself.
fn share(worker: &mut Worker, token: Token, listener: &Listener, grant: Grant, cx: &mut Context) {
    let port = &mut worker.port;
    let (delivery, line) = port.share(grant.question, &grant.key, &listener.data);
    worker.grants.insert(delivery, grant);
    cx.links
        .send(token, line, Some(Arc::clone(&listener.socket)));
}

pub(super) fn port_of(endpoint: &Endpoint) -> Option<u16> {
    match endpoint {
        Endpoint::Tcp { port, .. } | Endpoint::Udp { port, .. } => Some(*port),
        Endpoint::Path(_) | Endpoint::Abstract(_) | Endpoint::Descriptor(_) => None,
    }
}

fn errno_of(error: &io::Error) -> i32 {
    error
        .raw_os_error()
        .unwrap_or(rustix::io::Errno::INVAL.raw_os_error())
}
