//! The end of a second life: the old worker drains and ends, or the replacement has failed.

use serde_json::{Map, Value};

use crate::ending::{Ending, Progress};
use crate::event::{ExitStatus, Tally};
use crate::id::Life;
use crate::instance::promises::Goal;
use crate::instance::reload::{Old, Side};
use crate::instance::{Instance, State};
use crate::policy;
use crate::request::{Outcome, RequestError};
use crate::signal;
use crate::spec::AppSpec;
use crate::turn::Turn;
use crate::view::Status;

impl Instance {
    /// The old worker has no work left, or cannot tell.
    pub(crate) fn drained(&mut self, life: Life, turn: &mut Turn<'_>) {
        if let Some(Side::Draining(old)) = &self.side
            && old.life == life
        {
            self.retire(turn);
        }
        if let State::Stopping { ending, .. } = &mut self.state
            && ending.life == life
        {
            ending.drained(turn);
        }
    }

    /// What became of the connections of a worker that was drained.
    pub(crate) fn tallied(&mut self, life: Life, tally: Tally) {
        if let Some(last) = &mut self.last_reload
            && last.old == life
        {
            last.tally = Some(tally);
        }
    }

    fn retire(&mut self, turn: &mut Turn<'_>) {
        let manner = self.manner(turn);
        match self.side.take() {
            Some(Side::Draining(old)) => {
                let mut manner = manner;
                if old.soft {
                    manner.with_message = true;
                    manner.grace = turn.defaults.drain_timeout;
                }
                let Old {
                    life, pid, record, ..
                } = *old;
                let ending = Ending::ask(life, Some(pid), manner, turn);
                self.side = Some(Side::Retiring { ending, record });
            }
            other => self.side = other,
        }
    }

    /// The replacement failed, and has to go.
    pub(in crate::instance) fn discard(&mut self, reason: Option<String>, turn: &mut Turn<'_>) {
        let manner = self.manner(turn);
        match self.side.take() {
            Some(Side::Starting(next)) => {
                let ending = Ending::ask(next.life, next.pid, manner, turn);
                self.restore_spec(next.before, turn);
                self.side = Some(Side::Discarding { ending, reason });
            }
            other => self.side = other,
        }
    }

    pub(in crate::instance) fn restore_spec(
        &mut self,
        before: Option<AppSpec>,
        turn: &mut Turn<'_>,
    ) {
        if let Some(before) = before {
            self.adopt_spec(before, turn);
        }
    }

    pub(in crate::instance) fn reload_failed(&mut self, reason: &str, turn: &mut Turn<'_>) {
        turn.log_error(format!("{} was not replaced: {reason}", self.title()));
        self.failure = Some(format!("replace the worker: {reason}"));
        self.settle(Goal::Replaced, turn, |instance| {
            Err(RequestError::ReloadFailed {
                instance: instance.id,
                reason: reason.to_owned(),
            })
        });
    }

    /// Another request changed the course: whatever a reload was doing ends now.
    pub(in crate::instance) fn cut_reload(&mut self, turn: &mut Turn<'_>) {
        self.supersede(Goal::Replaced, turn);
        match &mut self.side {
            Some(Side::Starting(next)) => {
                // What was declared stays declared; only the way to it is another one.
                next.before = None;
                self.discard(None, turn);
            }
            Some(Side::Draining(_)) => self.retire(turn),
            Some(Side::Discarding { .. } | Side::Retiring { .. }) | None => {}
        }
    }

    /// The main process of the second life ended.
    pub(in crate::instance) fn side_exited(&mut self, status: ExitStatus, turn: &mut Turn<'_>) {
        let manner = self.manner(turn);
        match self.side.take() {
            Some(Side::Starting(next)) => {
                let mut reason = match status {
                    ExitStatus::Code(code) => format!("its successor ended with code {code}"),
                    ExitStatus::Signal(signal) => {
                        format!("its successor was ended by {}", signal::name(signal))
                    }
                    ExitStatus::Unknown => "its successor ended".to_owned(),
                };
                if let Some(trouble) = &next.told.trouble {
                    reason = format!("{reason}, it cannot {trouble}");
                }
                self.restore_spec(next.before, turn);
                let pid = next.pid.unwrap_or_default();
                if let Some(ending) = Ending::sweep(next.life, pid, manner, turn) {
                    let reason = Some(reason);
                    self.side = Some(Side::Discarding { ending, reason });
                } else {
                    turn.release(next.life);
                    self.reload_failed(&reason, turn);
                }
            }
            Some(Side::Draining(old)) => {
                let Old {
                    life,
                    pid,
                    mut record,
                    ..
                } = *old;
                Self::note_old_exit(&mut record, status, turn);
                if let Some(ending) = Ending::sweep(life, pid, manner, turn) {
                    self.side = Some(Side::Retiring { ending, record });
                } else {
                    turn.release(life);
                    self.replaced(record, turn);
                }
            }
            Some(Side::Discarding { mut ending, reason }) => {
                let progress = ending.exited(turn);
                self.side = Some(Side::Discarding { ending, reason });
                self.advance_side(progress, turn);
            }
            Some(Side::Retiring {
                mut ending,
                mut record,
            }) => {
                if !ending.main_gone {
                    Self::note_old_exit(&mut record, status, turn);
                }
                let progress = ending.exited(turn);
                self.side = Some(Side::Retiring { ending, record });
                self.advance_side(progress, turn);
            }
            None => {}
        }
    }

    fn note_old_exit(record: &mut Map<String, Value>, status: ExitStatus, turn: &mut Turn<'_>) {
        let code = policy::exit_code(status);
        record.insert("exit_code".to_owned(), code.unwrap_or(0).into());
        turn.publish("exit", false, || record.clone());
    }

    pub(in crate::instance) fn side_probed(&mut self, alive: u32, turn: &mut Turn<'_>) {
        let progress = match &mut self.side {
            Some(Side::Discarding { ending, .. } | Side::Retiring { ending, .. }) => {
                ending.probed(alive, turn)
            }
            Some(Side::Starting(_) | Side::Draining(_)) | None => Progress::Going,
        };
        self.advance_side(progress, turn);
    }

    pub(in crate::instance) fn side_ticked(&mut self, turn: &mut Turn<'_>) {
        if self
            .side
            .as_ref()
            .is_none_or(|side| side.deadline() > turn.now.mono)
        {
            return;
        }
        let will_do = self.replacement_will_do();
        match &mut self.side {
            Some(Side::Starting(_)) if will_do => self.promote(turn),
            Some(Side::Starting(next)) => {
                let waited = next.ready_by.since(next.began).as_millis();
                let missing = if !next.heard.online {
                    "did not begin to run"
                } else if self.spec.start.wait_ready && !next.heard.ready {
                    "did not say `ready`"
                } else {
                    "did not listen"
                };
                let reason = format!("its successor {missing} within {waited} ms");
                self.discard(Some(reason), turn);
            }
            Some(Side::Draining(_)) => self.retire(turn),
            Some(Side::Discarding { ending, .. } | Side::Retiring { ending, .. }) => {
                let progress = ending.ticked(turn);
                self.advance_side(progress, turn);
            }
            None => {}
        }
    }

    fn advance_side(&mut self, progress: Progress, turn: &mut Turn<'_>) {
        let stuck = match progress {
            Progress::Going => return,
            Progress::Gone => false,
            Progress::Stuck => true,
        };
        match self.side.take() {
            Some(Side::Discarding { ending, reason }) => {
                self.part_with(ending, stuck, turn);
                if let Some(reason) = reason {
                    self.reload_failed(&reason, turn);
                }
            }
            Some(Side::Retiring { ending, record }) => {
                self.part_with(ending, stuck, turn);
                self.replaced(record, turn);
            }
            other => self.side = other,
        }
    }

    fn part_with(&mut self, ending: Ending, stuck: bool, turn: &mut Turn<'_>) {
        if stuck {
            let pid = ending.pid.unwrap_or_default();
            turn.log_error(format!("{} process {pid} does not die", self.title()));
            self.lingering.push(ending);
        } else {
            turn.release(ending.life);
        }
    }

    /// The old worker is gone; the reload is complete.
    fn replaced(&mut self, mut record: Map<String, Value>, turn: &mut Turn<'_>) {
        record.insert("status".to_owned(), Status::Stopped.word().into());
        turn.publish("exit", false, || record.clone());
        self.settle(Goal::Replaced, turn, |instance| {
            Ok(Outcome::Gone(Box::new(serde_json::json!({
                "pid": 0,
                "name": instance.spec.name,
                "pm2_env": record,
                "pm_id": record.get("pm_id"),
            }))))
        });
    }
}
