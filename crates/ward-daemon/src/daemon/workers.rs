//! Cluster workers: what they say to their primary becomes events for the core.

use std::collections::HashMap;
use std::time::Instant;

use ward_core::event::{Event, Report, Tally};
use ward_core::id::{InstanceId, Life};

use super::run::Daemon;
use crate::cluster::port_holders::{PortHolders, listener_of};
use crate::cluster::{Holder, WorkerEvent};

/// What is wrong with a worker that does not speak; completes "cannot …".
const SILENT: &str = "act as a cluster worker: it says nothing as one; does its command start node, bun or deno (2.8 or newer) directly?";

const EACCES: i32 = 13;
const EADDRINUSE: i32 = 98;

/// So many places of a worker are shown; one that listens on ever new ports has no end of them.
const PLACES: usize = 16;

/// The workers there are.
#[derive(Debug, Default)]
pub(super) struct Workers {
    /// Lives that were told to drain, until it is known what became of their connections.
    draining: HashMap<Life, Drained>,
    /// Where each life has begun to listen, for people.
    pub(super) places: HashMap<Life, Vec<String>>,
    /// Lives whose channels are open, workers or not, and whose they are.
    pub(super) speakers: HashMap<Life, InstanceId>,
    port_holders: PortHolders,
}

/// Whose connections are being finished; the app may be forgotten before they are.
#[derive(Debug)]
struct Drained {
    app: String,
    instance: InstanceId,
}

impl Workers {
    fn listens(&mut self, life: Life, mut place: String, by_itself: bool) {
        if by_itself {
            place.push_str(" (by itself)");
        }
        let places = self.places.entry(life).or_default();
        if places.len() < PLACES && !places.contains(&place) {
            places.push(place);
        }
    }

    /// Why a worker cannot listen there; completes "cannot …".
    fn refusal(
        &mut self,
        place: &str,
        port: Option<u16>,
        held_by: Option<Holder>,
        errno: i32,
    ) -> String {
        match errno {
            EADDRINUSE => self.in_use(place, port, held_by),
            EACCES => no_permission(place, port),
            _ => format!("listen on {place}: {}", ward_sys::errno::Errno(errno)),
        }
    }

    fn in_use(&mut self, place: &str, port: Option<u16>, held_by: Option<Holder>) -> String {
        let holder = match held_by {
            // One socket for all and one for each slot exclude each other.
            Some(Holder::OtherSched) => Some(
                "this app has it with another sched: to change to or from slot, stop it first"
                    .to_owned(),
            ),
            Some(Holder::App(app)) => Some(format!("the app {app} has it")),
            None => port
                .and_then(|port| self.port_holders.on(port, Instant::now(), listener_of))
                .map(|stranger| format!("process {} has it: {}", stranger.pid, stranger.command)),
        };
        let holder = holder.map_or_else(String::new, |holder| format!(", {holder}"));
        format!("listen on {place}: it is in use{holder}")
    }
}

impl Daemon {
    /// A worker is told to finish.
    pub(super) fn drain(&mut self, life: Life) {
        let owner = self.core.supervisor.instance_of(life);
        if let Some(instance) = owner.and_then(|id| self.core.supervisor.instance(id)) {
            let drained = Drained {
                app: instance.spec.name.clone(),
                instance: instance.id,
            };
            self.workers.draining.insert(life, drained);
        }
        self.planes.channel.drain(life);
    }

    fn worker_finished(&mut self, life: Life, tally: Tally) {
        let Some(Drained { app, instance }) = self.workers.draining.remove(&life) else {
            return;
        };
        let count = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
        let text = format!(
            "App [{app}:{instance}] finished its connections: {} drained, {} given to others, {} cut",
            count(tally.taken.map(|taken| taken.drained)),
            tally.redispatched,
            count(tally.taken.map(|taken| taken.cut)),
        );
        self.planes.say(false, &text);
        self.handle(Event::Tallied {
            instance,
            life,
            tally,
        });
    }

    /// Something about a worker.
    pub(super) fn worker_event(&mut self, life: Life, event: WorkerEvent) {
        match event {
            WorkerEvent::Online => self.handle(Event::WorkerOnline { life }),
            WorkerEvent::Listening { by_itself, place } => {
                if by_itself {
                    let name = self.core.name_of(life);
                    let text = format!(
                        "{name} listens on {place} by itself: the kernel spreads its connections, and a reload may cut some"
                    );
                    self.planes.say(false, &text);
                }
                self.workers.listens(life, place, by_itself);
                self.handle(Event::Listening { life });
            }
            WorkerEvent::Alone(reason) => {
                self.processes.feed_no_more(life);
                self.handle(Event::WorkerAlone { life, reason });
            }
            WorkerEvent::Settled => self.handle(Event::Settled { life }),
            WorkerEvent::Version(version) => {
                self.handle(Event::found_out(life, Report::NodeVersion(version)));
            }
            WorkerEvent::Finished(tally) => self.worker_finished(life, tally),
            WorkerEvent::Drained => self.handle(Event::Drained { life }),
            WorkerEvent::Refused {
                place,
                port,
                held_by,
                errno,
            } => {
                let reason = self.workers.refusal(&place, port, held_by, errno);
                self.trouble(life, &reason);
            }
            WorkerEvent::BadOptions(reason) => {
                self.trouble(
                    life,
                    &format!("use its options, and gets the defaults: {reason}"),
                );
            }
            WorkerEvent::Silent => {
                self.trouble(life, SILENT);
            }
            WorkerEvent::Uncounted(error) => {
                let text = format!(
                    "The kernel does not tell when connections end ({error}): those of workers are estimated by their open descriptors"
                );
                self.planes.say(false, &text);
            }
            WorkerEvent::Joined { place, app } => {
                let name = self.core.name_of(life);
                let text = format!(
                    "{name} listens on {place}, where the app {app} does: both get connections"
                );
                self.planes.say(false, &text);
            }
            WorkerEvent::Unreadable { place } => {
                let name = self.core.name_of(life);
                let text = format!(
                    "{name} gets connections on {place} that are no HTTP/1 (TLS?), in which no header or cookie can be read: they stick by address"
                );
                self.planes.say(true, &text);
            }
            WorkerEvent::Exhausted { place, error } => {
                let name = self.core.name_of(life);
                let text = format!("{name} cannot accept connections on {place}: {error}");
                self.planes.say(true, &text);
            }
        }
    }

    /// Something only the user can mend; completes "cannot …".
    fn trouble(&mut self, life: Life, text: &str) {
        let name = self.core.name_of(life);
        self.planes.say(true, &format!("{name} cannot {text}"));
        let report = Report::Trouble(text.to_owned());
        self.handle(Event::found_out(life, report));
    }
}

fn no_permission(place: &str, port: Option<u16>) -> String {
    let hint = match port {
        Some(1..=1023) => {
            ": ports below 1024 need CAP_NET_BIND_SERVICE for the daemon, or a lower net.ipv4.ip_unprivileged_port_start"
        }
        _ => "",
    };
    format!("listen on {place}: permission denied{hint}")
}
