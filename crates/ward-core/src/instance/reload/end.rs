//! The end of a second life: the old worker drains and ends, or the replacement has failed.

use core::time::Duration;

use crate::context::Context;
use crate::event::{ExitStatus, Tally};
use crate::id::Life;
use crate::instance::promises::Goal;
use crate::instance::reload::{Former, Old, Replacement, Successor};
use crate::instance::view::Status;
use crate::instance::{Instance, State};
use crate::request::{Outcome, RequestError, SupersededBy};
use crate::signal;
use crate::spec::AppSpec;
use crate::termination::{Progress, Termination};

impl Instance {
    /// The old worker has no work left, or cannot tell.
    pub(crate) fn drained(&mut self, life: Life, cx: &mut Context<'_>) {
        if let Some(Replacement::Draining(old)) = &self.replacement
            && old.life == life
        {
            self.retire(cx);
        }
        if let State::Stopping { termination, .. } = &mut self.state
            && termination.life == life
        {
            termination.drained(cx);
        }
    }

    /// A worker that is to finish was told so now.
    pub(crate) fn drain_began(&mut self, life: Life, cx: &Context<'_>) {
        let until = cx.now.mono + self.drain_grace(cx);
        if let Some(Replacement::Draining(old)) = &mut self.replacement
            && old.life == life
        {
            old.until = until;
        }
        if let State::Stopping { termination, .. } = &mut self.state
            && termination.life == life
        {
            termination.drain_began(until);
        }
    }

    /// How long a worker may finish its work.
    pub(in crate::instance) fn drain_grace(&self, cx: &Context<'_>) -> Duration {
        let declared = self.spec.cluster.drain_timeout;
        declared.unwrap_or(cx.defaults.drain_timeout)
    }

    /// What became of the connections of a worker that was drained.
    pub(crate) fn tallied(&mut self, life: Life, tally: Tally) {
        if let Some(last) = &mut self.last_reload
            && last.old == life
        {
            last.tally = Some(tally);
        }
    }

    fn retire(&mut self, cx: &mut Context<'_>) {
        let stop_policy = self.stop_policy(cx);
        match self.replacement.take() {
            Some(Replacement::Draining(old)) => {
                let mut stop_policy = stop_policy;
                if old.soft {
                    stop_policy.with_message = true;
                    stop_policy.grace = cx.defaults.drain_timeout;
                }
                let Old {
                    life, pid, former, ..
                } = *old;
                let termination = Termination::ask(life, Some(pid), stop_policy, cx);
                self.replacement = Some(Replacement::Retiring {
                    termination,
                    former,
                });
            }
            other => self.replacement = other,
        }
    }

    /// The replacement failed, and has to go.
    pub(in crate::instance) fn discard(&mut self, reason: Option<String>, cx: &mut Context<'_>) {
        let stop_policy = self.stop_policy(cx);
        match self.replacement.take() {
            Some(Replacement::Starting(next)) => {
                let termination = Termination::ask(next.life, next.pid, stop_policy, cx);
                self.restore_spec(next.before, cx);
                self.replacement = Some(Replacement::Discarding {
                    termination,
                    reason,
                });
            }
            other => self.replacement = other,
        }
    }

    pub(in crate::instance) fn restore_spec(
        &mut self,
        before: Option<AppSpec>,
        cx: &mut Context<'_>,
    ) {
        if let Some(before) = before {
            self.adopt_spec(before, cx);
        }
    }

    pub(in crate::instance) fn reload_failed(&mut self, reason: &str, cx: &mut Context<'_>) {
        cx.log_error(format!("{} was not replaced: {reason}", self.title()));
        self.failure = Some(format!("replace the worker: {reason}"));
        self.settle(Goal::Replaced, cx, |instance| {
            Err(RequestError::ReloadFailed {
                instance: instance.id,
                reason: reason.to_owned(),
            })
        });
    }

    /// Another request changed the course: whatever a reload was doing ends now.
    pub(in crate::instance) fn cut_reload(&mut self, by: SupersededBy, cx: &mut Context<'_>) {
        self.supersede(Goal::Replaced, by, cx);
        match &mut self.replacement {
            Some(Replacement::Starting(next)) => {
                // What was declared stays declared; only the way to it is another one.
                next.before = None;
                self.discard(None, cx);
            }
            Some(Replacement::Draining(_)) => self.retire(cx),
            Some(Replacement::Discarding { .. } | Replacement::Retiring { .. }) | None => {}
        }
    }

    /// The main process of the second life ended.
    pub(in crate::instance) fn replacement_exited(
        &mut self,
        status: ExitStatus,
        cx: &mut Context<'_>,
    ) {
        let stop_policy = self.stop_policy(cx);
        match self.replacement.take() {
            Some(Replacement::Starting(next)) => self.successor_exited(next, status, cx),
            Some(Replacement::Draining(old)) => {
                let Old {
                    life,
                    pid,
                    mut former,
                    ..
                } = *old;
                self.note_old_exit(&mut former, status, cx);
                if let Some(termination) = Termination::sweep(life, pid, stop_policy, cx) {
                    self.replacement = Some(Replacement::Retiring {
                        termination,
                        former,
                    });
                } else {
                    cx.release(life);
                    self.replaced(&former, cx);
                }
            }
            Some(Replacement::Discarding {
                mut termination,
                reason,
            }) => {
                let progress = termination.exited(cx);
                self.replacement = Some(Replacement::Discarding {
                    termination,
                    reason,
                });
                self.advance_replacement(progress, cx);
            }
            Some(Replacement::Retiring {
                mut termination,
                mut former,
            }) => {
                if !termination.main_gone {
                    self.note_old_exit(&mut former, status, cx);
                }
                let progress = termination.exited(cx);
                self.replacement = Some(Replacement::Retiring {
                    termination,
                    former,
                });
                self.advance_replacement(progress, cx);
            }
            None => {}
        }
    }

    /// The successor ended before it could take over.
    fn successor_exited(&mut self, next: Box<Successor>, status: ExitStatus, cx: &mut Context<'_>) {
        let stop_policy = self.stop_policy(cx);
        let mut reason = match status {
            ExitStatus::Code(code) => format!("its successor ended with code {code}"),
            ExitStatus::Signal(signal) => {
                format!("its successor was ended by {}", signal::name(signal))
            }
            ExitStatus::Unknown => "its successor ended".to_owned(),
        };
        if let Some(trouble) = &next.reported.trouble {
            reason = format!("{reason}, it cannot {trouble}");
        }
        self.restore_spec(next.before, cx);
        let pid = next.pid.unwrap_or_default();
        if let Some(termination) = Termination::sweep(next.life, pid, stop_policy, cx) {
            let reason = Some(reason);
            self.replacement = Some(Replacement::Discarding {
                termination,
                reason,
            });
        } else {
            cx.release(next.life);
            self.reload_failed(&reason, cx);
        }
    }

    fn note_old_exit(&self, former: &mut Former, status: ExitStatus, cx: &mut Context<'_>) {
        former.exited(status, cx.now.wall);
        cx.publish("exit", false, || former.record(self, Status::Stopping));
    }

    pub(in crate::instance) fn replacement_probed(&mut self, alive: u32, cx: &mut Context<'_>) {
        let progress = match &mut self.replacement {
            Some(
                Replacement::Discarding { termination, .. }
                | Replacement::Retiring { termination, .. },
            ) => termination.probed(alive, cx),
            Some(Replacement::Starting(_) | Replacement::Draining(_)) | None => Progress::Going,
        };
        self.advance_replacement(progress, cx);
    }

    pub(in crate::instance) fn replacement_ticked(&mut self, cx: &mut Context<'_>) {
        if self
            .replacement
            .as_ref()
            .is_none_or(|replacement| replacement.deadline() > cx.now.mono)
        {
            return;
        }
        let will_do = self.replacement_will_do();
        match &mut self.replacement {
            Some(Replacement::Starting(_)) if will_do => self.promote(cx),
            Some(Replacement::Starting(next)) => {
                let waited = next.ready_by.since(next.began).as_millis();
                let missing = if !next.readiness.online {
                    "did not begin to run"
                } else if self.spec.start.wait_ready && !next.readiness.ready {
                    "did not say `ready`"
                } else {
                    "did not listen"
                };
                let reason = format!("its successor {missing} within {waited} ms");
                self.discard(Some(reason), cx);
            }
            Some(Replacement::Draining(_)) => self.retire(cx),
            Some(
                Replacement::Discarding { termination, .. }
                | Replacement::Retiring { termination, .. },
            ) => {
                let progress = termination.ticked(cx);
                self.advance_replacement(progress, cx);
            }
            None => {}
        }
    }

    fn advance_replacement(&mut self, progress: Progress, cx: &mut Context<'_>) {
        let stuck = match progress {
            Progress::Going => return,
            Progress::Gone => false,
            Progress::Stuck => true,
        };
        match self.replacement.take() {
            Some(Replacement::Discarding {
                termination,
                reason,
            }) => {
                self.part_with(termination, stuck, cx);
                if let Some(reason) = reason {
                    self.reload_failed(&reason, cx);
                }
            }
            Some(Replacement::Retiring {
                termination,
                former,
            }) => {
                self.part_with(termination, stuck, cx);
                self.replaced(&former, cx);
            }
            other => self.replacement = other,
        }
    }

    fn part_with(&mut self, termination: Termination, stuck: bool, cx: &mut Context<'_>) {
        if stuck {
            let pid = termination.pid.unwrap_or_default();
            cx.log_error(format!("{} process {pid} does not die", self.title()));
            self.lingering.push(termination);
        } else {
            cx.release(termination.life);
        }
    }

    /// The old worker is gone; the reload is complete.
    fn replaced(&mut self, former: &Former, cx: &mut Context<'_>) {
        cx.publish("exit", false, || former.record(self, Status::Stopped));
        self.settle(Goal::Replaced, cx, |instance| {
            Ok(Outcome::Gone(Box::new(former.process(instance))))
        });
    }
}
