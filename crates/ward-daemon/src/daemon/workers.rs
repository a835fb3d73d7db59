//! Cluster workers: what they say to their primary becomes events for the core.

use std::collections::HashMap;

use ward_core::action::Scope;
use ward_core::event::{Event, Report, Tally};
use ward_core::id::{InstanceId, Life};

use super::parts::Core;
use super::refusals::{Explained, Refusals};
use super::run::Daemon;
use crate::channel::Credit;
use crate::cluster::port_holders::PortHolder;
use crate::cluster::{Holder, WorkerEvent};

/// What is wrong with a worker that does not speak; completes "cannot …".
const SILENT: &str = "act as a cluster worker: it says nothing as one; does its command start node, bun or deno (2.8 or newer) directly?";

/// Why a worker is ended that asks and does not read; completes "cannot …".
const DEAF: &str = "be served: it asked for more and more and read no answer, so it was ended";

const E2BIG: i32 = 7;
const EACCES: i32 = 13;
const EADDRINUSE: i32 = 98;
const ENOBUFS: i32 = 105;

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
    pub(super) refusals: Refusals,
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
}

impl Daemon {
    /// A worker is told to finish.
    pub(super) fn drain(&mut self, life: Life) {
        if let Some(instance) = self.core.instance_of(life) {
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

    /// Something about a worker. The credit is the worker's permission to say more.
    pub(super) fn worker_event(&mut self, life: Life, event: WorkerEvent, credit: Option<Credit>) {
        if let Some((error, text)) = notice(&self.core, life, &event) {
            self.planes.say(error, &text);
        }
        match event {
            WorkerEvent::Online => self.handle(Event::WorkerOnline { life }),
            WorkerEvent::Listening { by_itself, place } => {
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
                port: Some(port),
                held_by: None,
                errno: EADDRINUSE,
            } => {
                let (refusals, launch) = (&mut self.workers.refusals, &mut self.planes.launch);
                let explained = refusals.refused(life, (place, port), credit, launch);
                self.tell_refusals(explained);
            }
            WorkerEvent::Refused {
                place,
                port,
                held_by,
                errno,
            } => {
                let reason = match errno {
                    EADDRINUSE => in_use(&place, held_by.map(ours)),
                    EACCES => no_permission(&place, port),
                    E2BIG | ENOBUFS => format!(
                        "listen on {place}: what it wants all workers to share there takes more than 64 KiB, or 256 KiB with its other listeners"
                    ),
                    _ => format!("listen on {place}: {}", ward_sys::errno::Errno(errno)),
                };
                self.trouble(life, &reason);
            }
            WorkerEvent::BadOptions(reason) => {
                let text = format!("use its options, and gets the defaults: {reason}");
                self.trouble(life, &text);
            }
            WorkerEvent::Silent => self.trouble(life, SILENT),
            WorkerEvent::Uncounted(_)
            | WorkerEvent::Joined { .. }
            | WorkerEvent::Unreadable { .. }
            | WorkerEvent::Exhausted { .. } => {}
        }
    }

    /// Tells why workers cannot have their ports, and of the ends that waited for that.
    pub(super) fn tell_refusals(&mut self, explained: Vec<Explained>) {
        for it in explained {
            let holder = it.holder.map(|holder| {
                let PortHolder { pid, command } = holder;
                format!("process {pid} has it: {command}")
            });
            let life = it.refusal.life;
            self.trouble(life, &in_use(&it.refusal.place, holder));
            if let Some(status) = it.exit {
                self.handle(Event::Exited { life, status });
            }
        }
    }

    /// A worker asks and does not read the answers: it is ended, and comes back as one that crashed.
    pub(super) fn end_deaf(&mut self, life: Life) {
        let name = self.core.name_of(life);
        let text = format!("{name} cannot {DEAF}");
        self.planes.say(true, &text);
        self.handle(Event::found_out(life, Report::Ended(DEAF.to_owned())));
        self.processes.kill(life, Scope::Main);
    }

    /// Something only the user can mend; completes "cannot …".
    fn trouble(&mut self, life: Life, text: &str) {
        let name = self.core.name_of(life);
        self.planes.say(true, &format!("{name} cannot {text}"));
        let report = Report::Trouble(text.to_owned());
        self.handle(Event::found_out(life, report));
    }
}

/// What the log says of an event, and whether it is an error.
fn notice(core: &Core, life: Life, event: &WorkerEvent) -> Option<(bool, String)> {
    let name = || core.name_of(life);
    Some(match event {
        WorkerEvent::Listening {
            by_itself: true,
            place,
        } => (
            false,
            format!(
                "{} listens on {place} by itself: the kernel spreads its connections, and a reload may cut some",
                name()
            ),
        ),
        WorkerEvent::Uncounted(error) => (
            false,
            format!(
                "The kernel does not tell when connections end ({error}): those of workers are estimated by their open descriptors"
            ),
        ),
        WorkerEvent::Joined { place, app } => (
            false,
            format!(
                "{} listens on {place}, where the app {app} does: both get connections",
                name()
            ),
        ),
        WorkerEvent::Unreadable { place } => (
            true,
            format!(
                "{} gets connections on {place} that are no HTTP/1 (TLS?), in which no header or cookie can be read: they stick by address",
                name()
            ),
        ),
        WorkerEvent::Exhausted { place, error } => (
            true,
            format!("{} cannot accept connections on {place}: {error}", name()),
        ),
        _ => return None,
    })
}

/// A holder that is one of our apps.
fn ours(holder: Holder) -> String {
    match holder {
        // One socket for all and one for each slot exclude each other.
        Holder::OtherSched => {
            "this app has it with another sched: to change to or from slot, stop it first"
                .to_owned()
        }
        Holder::App(app) => format!("the app {app} has it"),
    }
}

/// Why a worker cannot listen there; completes "cannot …".
fn in_use(place: &str, holder: Option<String>) -> String {
    let holder = holder.map_or_else(String::new, |holder| format!(", {holder}"));
    format!("listen on {place}: it is in use{holder}")
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
