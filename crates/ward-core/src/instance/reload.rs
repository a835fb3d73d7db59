//! Replacing a cluster worker without losing work: the new life begins beside the old one and
//! takes over when it is ready; only then does the old one drain and end. When the new one fails,
//! the old one has never been touched.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::action::Action;
use crate::ending::Ending;
use crate::event::{ExitStatus, Tally};
use crate::id::{Life, RequestId};
use crate::instance::promises::Goal;
use crate::instance::{Heard, Instance, State, Told};
use crate::launch::Launch;
use crate::policy::History;
use crate::spec::AppSpec;
use crate::time::{Mono, Wall};
use crate::turn::Turn;
use crate::view::{self, Status};

mod end;

/// The second life of an instance, while its worker is being replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Side {
    /// The replacement begins; the old worker still serves.
    Starting(Box<Replacement>),
    /// The replacement ends: it failed, or a later request made it pointless.
    Discarding {
        /// How far.
        ending: Ending,
        /// Why it failed; none when nobody is to hear of it.
        reason: Option<String>,
    },
    /// The old worker finishes its work.
    Draining(Box<Old>),
    /// The old worker ends.
    Retiring {
        /// How far.
        ending: Ending,
        /// Its record, under the id `_old_<n>`.
        record: Map<String, Value>,
    },
}

/// A worker that begins beside the one it is to replace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replacement {
    pub(super) life: Life,
    pub(super) pid: Option<u32>,
    pub(super) heard: Heard,
    began: Mono,
    began_at: Wall,
    pub(super) ready_by: Mono,
    version: Option<String>,
    pub(super) told: Told,
    /// The declaration to go back to, should it fail.
    before: Option<AppSpec>,
    soft: bool,
}

/// A reload that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    /// The life that was replaced.
    old: Life,
    /// When the new one took over.
    pub at: Wall,
    /// What became of the connections of the old one, once it is gone.
    pub tally: Option<Tally>,
}

/// A worker that was replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Old {
    pub(super) life: Life,
    pid: u32,
    until: Mono,
    record: Map<String, Value>,
    soft: bool,
}

impl Side {
    /// When time alone changes something.
    pub(super) fn deadline(&self) -> Mono {
        match self {
            Self::Starting(next) => next.ready_by,
            Self::Draining(old) => old.until,
            Self::Discarding { ending, .. } | Self::Retiring { ending, .. } => ending.deadline(),
        }
    }
}

impl Instance {
    /// Begins the replacement. `before`: the declaration the old worker runs with.
    pub(super) fn replace_worker(
        &mut self,
        request: Option<RequestId>,
        soft: bool,
        before: Option<AppSpec>,
        turn: &mut Turn<'_>,
    ) {
        self.promise(request, Goal::Replaced);
        let life = turn.lives.begin(self.id);
        let now = turn.now;
        let next = Replacement {
            life,
            pid: None,
            heard: Heard::default(),
            began: now.mono,
            began_at: now.wall,
            ready_by: self.ready_by(turn),
            version: None,
            told: Told::default(),
            before,
            soft,
        };
        // The new process sees the record as it will be once it has taken over.
        let mut promoted = self.clone();
        promoted.take_over(&next, now.wall);
        let launch = Box::new(Launch::of(&promoted, life, turn.defaults));
        self.side = Some(Side::Starting(Box::new(next)));
        self.log_start(turn);
        turn.act(Action::Spawn {
            instance: self.id,
            life,
            launch,
        });
    }

    pub(super) fn replacement_spawned(
        &mut self,
        pid: u32,
        version: Option<String>,
        turn: &mut Turn<'_>,
    ) {
        match &mut self.side {
            Some(Side::Starting(next)) if next.pid.is_none() => {
                next.pid = Some(pid);
                next.version = version;
                if self.replacement_is_ready() {
                    self.promote(turn);
                }
            }
            Some(Side::Discarding { ending, .. }) => ending.born(pid, turn),
            Some(Side::Starting(_) | Side::Draining(_) | Side::Retiring { .. }) | None => {}
        }
    }

    pub(super) fn replacement_not_spawned(&mut self, reason: &str, turn: &mut Turn<'_>) {
        match self.side.take() {
            Some(Side::Starting(next)) if next.pid.is_none() => {
                turn.release(next.life);
                self.restore_spec(next.before, turn);
                self.reload_failed(&format!("its successor cannot {reason}"), turn);
            }
            Some(Side::Discarding { ending, .. }) if ending.pid.is_none() => {
                turn.release(ending.life);
            }
            other => self.side = other,
        }
    }

    /// The new worker is ready: it becomes the life of the instance.
    pub(super) fn promote(&mut self, turn: &mut Turn<'_>) {
        let State::Online { life, pid, .. } = self.state else {
            return;
        };
        let Some(Side::Starting(next)) = self.side.take() else {
            return;
        };
        let mut record = view::record_as(self, Status::Stopping);
        record.insert("pm_id".to_owned(), format!("_old_{}", self.id).into());
        self.take_over(&next, turn.now.wall);
        turn.log("-reload- New worker listening".to_owned());
        self.come_online(turn);
        self.answer_start(turn);
        self.last_reload = Some(LastReload {
            old: life,
            at: turn.now.wall,
            tally: None,
        });
        let grace = self.spec.cluster.drain_timeout;
        turn.act(Action::Drain { life });
        self.side = Some(Side::Draining(Box::new(Old {
            life,
            pid,
            until: turn.now.mono + grace.unwrap_or(turn.defaults.drain_timeout),
            record,
            soft: next.soft,
        })));
    }

    /// Makes `next` the life of this instance, not yet online.
    fn take_over(&mut self, next: &Replacement, now: Wall) {
        self.state = State::Launching {
            life: next.life,
            pid: next.pid,
            began: next.began,
            ready_by: next.ready_by,
            heard: next.heard,
        };
        self.restarts += 1;
        self.history = History::default();
        self.created_at = Some(now);
        self.began_at = Some(next.began_at);
        self.told = next.told.clone();
        self.version.clone_from(&next.version);
        self.failure = None;
    }

    /// The old worker died while its replacement was beginning: the replacement is all there is.
    /// True when that was so; the caller sweeps what the old one left.
    pub(super) fn succeed_early(
        &mut self,
        life: Life,
        pid: u32,
        status: ExitStatus,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(Side::Starting(next)) = &self.side else {
            return false;
        };
        let next = next.clone();
        self.remember_exit(status, turn);
        turn.publish("exit", false, || view::record_as(self, Status::Stopped));
        let mut record = view::record_as(self, Status::Stopping);
        record.insert("pm_id".to_owned(), format!("_old_{}", self.id).into());
        self.side = None;
        if let Some(ending) = Ending::sweep(life, pid, self.manner(turn), turn) {
            self.side = Some(Side::Retiring { ending, record });
        } else {
            turn.release(life);
        }
        self.take_over(&next, turn.now.wall);
        self.expect_up_instead_of_replaced();
        if next.pid.is_some() && self.is_ready(next.heard) {
            self.come_online(turn);
        }
        true
    }
}
