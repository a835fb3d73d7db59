//! How lives begin.

use crate::action::Action;
use crate::context::Context;
use crate::id::Life;
use crate::instance::promises::Goal;
use crate::instance::view;
use crate::instance::{AppReport, Instance, Readiness, Replacement, State};
use crate::launch::Launch;
use crate::request::RequestError;
use crate::termination::Progress;
use crate::time::Mono;

impl Instance {
    /// Begins the next life.
    pub(super) fn launch(&mut self, cx: &mut Context<'_>) {
        let life = cx.lives.begin(self.id);
        let now = cx.now;
        self.began_at = Some(now.wall);
        self.created_at.get_or_insert(now.wall);
        // A worker that was ended and comes back at once shall not hide why.
        let shortage = self.shortage.as_ref();
        let waits = shortage.map(|shortage| shortage.reason.clone());
        self.failure = waits.or_else(|| self.ended.take());
        self.reported = AppReport::default();
        self.may_listen |= self.is_worker();
        self.state = State::Launching {
            life,
            pid: None,
            began: now.mono,
            ready_by: self.ready_by(cx),
            readiness: Readiness::default(),
        };
        // What is tried over and over was said at the first try.
        if self.shortage.is_none() {
            self.log_start(cx);
        }
        cx.act(Action::Spawn {
            instance: self.id,
            life,
            launch: Box::new(Launch::of(self, life, cx.defaults)),
        });
    }

    pub(super) fn log_start(&self, cx: &mut Context<'_>) {
        let mode = if self.is_worker() { "cluster" } else { "fork" };
        cx.log(format!("{} starting in -{mode} mode-", self.title()));
    }

    pub(super) fn ready_by(&self, cx: &Context<'_>) -> Mono {
        let patience = self.spec.start.listen_timeout;
        cx.now.mono + patience.unwrap_or(cx.defaults.listen_timeout)
    }

    /// Answer to `Spawn`: it runs.
    pub(crate) fn spawned(
        &mut self,
        life: Life,
        pid: u32,
        version: Option<String>,
        cx: &mut Context<'_>,
    ) {
        if self
            .replacement
            .as_ref()
            .is_some_and(|replacement| replacement.life() == life)
        {
            return self.replacement_spawned(pid, version, cx);
        }
        match &mut self.state {
            State::Launching {
                life: current,
                pid: slot @ None,
                readiness,
                ..
            } if *current == life => {
                *slot = Some(pid);
                let readiness = *readiness;
                self.version = version;
                self.end_shortage(cx);
                if self.is_ready(readiness) {
                    self.come_online(cx);
                }
            }
            State::Stopping { termination, .. } if termination.life == life => {
                termination.born(pid, cx);
            }
            // A start that was given up, and came to be after all.
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Online { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => self.lingering(life, cx, |termination, cx| {
                termination.born(pid, cx);
                Progress::Going
            }),
        }
    }

    /// Answer to `Spawn`: nothing runs.
    pub(crate) fn spawn_failed(&mut self, life: Life, reason: &str, cx: &mut Context<'_>) {
        if self
            .replacement
            .as_ref()
            .is_some_and(|replacement| replacement.life() == life)
        {
            return self.replacement_not_spawned(reason, cx);
        }
        match &self.state {
            State::Launching {
                life: current,
                pid: None,
                ..
            } if *current == life => {
                cx.release(life);
                self.errored_at_spawn(reason, cx);
            }
            State::Stopping { termination, .. }
                if termination.life == life && termination.pid.is_none() =>
            {
                self.finish(cx);
            }
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Online { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => self.lingering(life, cx, |termination, _| {
                if termination.pid.is_none() {
                    Progress::Gone
                } else {
                    Progress::Going
                }
            }),
        }
    }

    fn errored_at_spawn(&mut self, reason: &str, cx: &mut Context<'_>) {
        cx.log_error(format!("{} cannot {reason}", self.title()));
        self.failure = Some(reason.to_owned());
        self.shortage = None;
        self.state = State::Errored {
            reason: reason.to_owned(),
        };
        self.fresh = false;
        self.close_listeners(cx);
        cx.publish("exit", false, || view::record(self));
        self.settle(Goal::Up, cx, |instance| {
            Err(RequestError::SpawnFailed {
                instance: instance.id,
                reason: reason.to_owned(),
            })
        });
    }
}

impl Replacement {
    /// The second life.
    pub fn life(&self) -> Life {
        match self {
            Self::Starting(next) => next.life,
            Self::Draining(old) => old.life,
            Self::Discarding { termination, .. } | Self::Retiring { termination, .. } => {
                termination.life
            }
        }
    }
}
