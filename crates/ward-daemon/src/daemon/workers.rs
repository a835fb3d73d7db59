//! Cluster workers: what they say to their primary becomes events for the core.

use std::collections::HashMap;

use ward_core::action::Scope;
use ward_core::event::{Event, Report, Tally};
use ward_core::id::{InstanceId, Life};

use super::notices::{in_use, no_permission, notice, ours};
use super::refusals::{Explained, Refusals};
use super::run::Daemon;
use crate::channel::Credit;
use crate::cluster::WorkerEvent;
use crate::cluster::port_holders::PortHolder;

/// What is wrong with a worker that does not speak; completes "cannot …".
const SILENT: &str = "act as a cluster worker: it says nothing as one; does its command start node, bun or deno (2.8 or newer) directly?";

/// Why a worker is ended that asks and does not read; completes "cannot …".
const DEAF: &str = "be served: it asked for more and more and read no answer, so it was ended";

const E2BIG: i32 = 7;
const EACCES: i32 = 13;
const EADDRINUSE: i32 = 98;
const ENOBUFS: i32 = 105;

/// So many lines of the log one life may cause. One that asks in vain for ever would otherwise fill it.
const NOTICES: u32 = 100;

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
    /// How much was said in the log of each life whose channel is open.
    pub(super) notices: HashMap<Life, u32>,
}

/// Whose connections are being finished; the app may be forgotten before they are.
#[derive(Debug)]
struct Drained {
    app: String,
    instance: InstanceId,
}

impl Workers {
    /// Whether one more line about this life may be said, and whether it is the last one.
    fn may_say(&mut self, life: Life) -> Option<bool> {
        if !self.speakers.contains_key(&life) {
            // Its last words, which are few.
            return Some(false);
        }
        let said = self.notices.entry(life).or_default();
        *said = said.saturating_add(1);
        (*said <= NOTICES).then_some(*said == NOTICES)
    }

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
        // It may end by itself when it has finished.
        self.processes.remember(life);
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
            self.note(life, error, &text);
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
            WorkerEvent::Hung { silent_for } => {
                self.handle(Event::WorkerHung { life, silent_for });
            }
            WorkerEvent::Settled => self.handle(Event::Settled { life }),
            WorkerEvent::Version(version) => {
                self.handle(Event::found_out(life, Report::NodeVersion(version)));
            }
            WorkerEvent::Finished(tally) => self.worker_finished(life, tally),
            WorkerEvent::Draining => self.handle(Event::DrainBegan { life }),
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
            | WorkerEvent::Exhausted { .. }
            | WorkerEvent::Relieved => {}
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

    /// Says something about a worker, as long as that is not said too often.
    fn note(&mut self, life: Life, error: bool, text: &str) {
        match self.workers.may_say(life) {
            None => {}
            Some(false) => self.planes.say(error, text),
            Some(true) => {
                let text = format!("{text} (no more is said of this process)");
                self.planes.say(error, &text);
            }
        }
    }

    /// Something only the user can mend; completes "cannot …".
    fn trouble(&mut self, life: Life, text: &str) {
        let name = self.core.name_of(life);
        self.note(life, true, &format!("{name} cannot {text}"));
        let report = Report::Trouble(text.to_owned());
        self.handle(Event::found_out(life, report));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_cannot_fill_the_log() {
        let mut workers = Workers::default();
        workers.speakers.insert(Life(1), InstanceId(0));
        let said = (0..10 * NOTICES).filter_map(|_| workers.may_say(Life(1)));
        let said: Vec<bool> = said.collect();
        assert_eq!(said.len(), NOTICES as usize);
        assert_eq!(said.iter().position(|last| *last), Some(said.len() - 1));
        assert_eq!(workers.may_say(Life(2)), Some(false));
    }
}
