//! Replacing a cluster worker without losing work: the new life begins beside the old one and
//! takes over when it is ready; only then does the old one drain and end. When the new one fails,
//! the old one has never been touched.

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::context::Context;
use crate::event::{ExitStatus, Tally};
use crate::id::{Life, RequestId};
use crate::instance::promises::Goal;
use crate::instance::view::{self, Status};
use crate::instance::{AppReport, Instance, Readiness, State};
use crate::launch::Launch;
use crate::policy::History;
use crate::spec::AppSpec;
use crate::termination::Termination;
use crate::time::{Mono, Wall};

mod end;
mod former;

use former::Former;

/// The second life of an instance, while its worker is being replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Replacement {
    /// The replacement begins; the old worker still serves.
    Starting(Box<Successor>),
    /// The replacement ends: it failed, or a later request made it pointless.
    Discarding {
        /// The replacement, and how far its end is.
        termination: Termination,
        /// The reason of the failure, for people; none when nobody is to hear of it.
        reason: Option<String>,
    },
    /// The old worker finishes its work.
    Draining(Box<Old>),
    /// The old worker ends.
    Retiring {
        /// The old worker, and how far its end is.
        termination: Termination,
        /// The facts its record shows.
        former: Box<Former>,
    },
}

/// A worker that begins beside the one it is to replace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Successor {
    pub(super) life: Life,
    pub(super) pid: Option<u32>,
    pub(super) readiness: Readiness,
    began: Mono,
    began_at: Wall,
    pub(super) ready_by: Mono,
    version: Option<String>,
    pub(super) reported: AppReport,
    /// The declaration to go back to, should it fail.
    before: Option<AppSpec>,
    soft: bool,
}

/// A reload that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    /// The life that was replaced.
    old: Life,
    /// The moment at which the new one took over.
    pub at: Wall,
    /// What became of the connections of the old one, once it is gone.
    pub tally: Option<Tally>,
}

impl LastReload {
    /// The old life, while it is not known what became of its connections.
    pub(crate) fn uncounted(self) -> Option<Life> {
        self.tally.is_none().then_some(self.old)
    }
}

/// A worker that was replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Old {
    pub(super) life: Life,
    pid: u32,
    pub(super) until: Mono,
    former: Box<Former>,
    soft: bool,
}

impl Replacement {
    /// When time alone changes something.
    pub(super) fn deadline(&self) -> Mono {
        match self {
            Self::Starting(next) => next.ready_by,
            Self::Draining(old) => old.until,
            Self::Discarding { termination, .. } | Self::Retiring { termination, .. } => {
                termination.deadline()
            }
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
        cx: &mut Context<'_>,
    ) {
        self.promise(request, Goal::Replaced);
        let life = cx.lives.begin(self.id);
        let now = cx.now;
        let next = Successor {
            life,
            pid: None,
            readiness: Readiness::default(),
            began: now.mono,
            began_at: now.wall,
            ready_by: self.ready_by(cx),
            version: None,
            reported: AppReport::default(),
            before,
            soft,
        };
        // The new process sees the record as it will be once it has taken over.
        let mut promoted = self.clone();
        promoted.take_over(&next, now.wall);
        let launch = Box::new(Launch::of(&promoted, life, cx.defaults));
        self.replacement = Some(Replacement::Starting(Box::new(next)));
        self.log_start(cx);
        cx.act(Action::Spawn {
            instance: self.id,
            life,
            launch,
        });
    }

    pub(super) fn replacement_spawned(
        &mut self,
        pid: u32,
        version: Option<String>,
        cx: &mut Context<'_>,
    ) {
        match &mut self.replacement {
            Some(Replacement::Starting(next)) if next.pid.is_none() => {
                next.pid = Some(pid);
                next.version = version;
                if self.replacement_is_ready() {
                    self.promote(cx);
                }
            }
            Some(Replacement::Discarding { termination, .. }) => termination.born(pid, cx),
            Some(
                Replacement::Starting(_) | Replacement::Draining(_) | Replacement::Retiring { .. },
            )
            | None => {}
        }
    }

    pub(super) fn replacement_not_spawned(&mut self, reason: &str, cx: &mut Context<'_>) {
        match self.replacement.take() {
            Some(Replacement::Starting(next)) if next.pid.is_none() => {
                cx.release(next.life);
                self.restore_spec(next.before, cx);
                self.reload_failed(&format!("its successor cannot {reason}"), cx);
            }
            Some(Replacement::Discarding {
                termination,
                reason,
            }) if termination.pid.is_none() => {
                cx.release(termination.life);
                if let Some(reason) = reason {
                    self.reload_failed(&reason, cx);
                }
            }
            other => self.replacement = other,
        }
    }

    /// The new worker is ready: it becomes the life of the instance.
    pub(super) fn promote(&mut self, cx: &mut Context<'_>) {
        let State::Online { life, pid, .. } = self.state else {
            return;
        };
        let Some(Replacement::Starting(next)) = self.replacement.take() else {
            return;
        };
        let former = Box::new(Former::of(self));
        self.take_over(&next, cx.now.wall);
        cx.log("-reload- New worker listening".to_owned());
        self.come_online(cx);
        self.answer_start(cx);
        self.last_reload = Some(LastReload {
            old: life,
            at: cx.now.wall,
            tally: None,
        });
        let grace = self.drain_grace(cx);
        cx.act(Action::Drain { life });
        self.replacement = Some(Replacement::Draining(Box::new(Old {
            life,
            pid,
            until: cx.now.mono + grace,
            former,
            soft: next.soft,
        })));
    }

    /// Makes `next` the life of this instance, not yet online.
    fn take_over(&mut self, next: &Successor, now: Wall) {
        self.state = State::Launching {
            life: next.life,
            pid: next.pid,
            began: next.began,
            ready_by: next.ready_by,
            readiness: next.readiness,
        };
        self.restarts += 1;
        self.history = History::default();
        self.created_at = Some(now);
        self.began_at = Some(next.began_at);
        self.reported = next.reported.clone();
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
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(Replacement::Starting(next)) = &self.replacement else {
            return false;
        };
        let next = next.clone();
        self.remember_exit(status, cx);
        cx.publish("exit", false, || view::record_as(self, Status::Stopped));
        let former = Box::new(Former::of(self));
        self.replacement = None;
        if let Some(termination) = Termination::sweep(life, pid, self.stop_policy(cx), cx) {
            self.replacement = Some(Replacement::Retiring {
                termination,
                former,
            });
        } else {
            cx.release(life);
        }
        self.take_over(&next, cx.now.wall);
        self.expect_up_instead_of_replaced();
        if next.pid.is_some() && self.is_ready(next.readiness) {
            self.come_online(cx);
        }
        true
    }
}
