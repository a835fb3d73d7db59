//! What clients ask of an instance: one method per request.

use crate::action::Action;
use crate::id::{Life, RequestId};
use crate::instance::{Goal, Instance, State, Then};
use crate::request::{Change, Outcome, Reply, RequestError};
use crate::turn::Turn;
use crate::view;

impl Instance {
    fn answer(request: RequestId, reply: Reply, turn: &mut Turn<'_>) {
        turn.pending.settle(request, reply, turn.actions);
    }

    /// Registered just now: start, unless the app says otherwise.
    pub(crate) fn registered(&mut self, request: RequestId, turn: &mut Turn<'_>) {
        if self.spec.start.autostart {
            self.promise(request, Goal::Up);
            self.launch(turn);
        } else {
            self.created_at = Some(turn.now.wall);
            self.announce_start(turn);
            Self::answer(request, Ok(Outcome::Instances(vec![self.id])), turn);
        }
    }

    /// Start what does not run.
    pub(crate) fn start(&mut self, request: RequestId, turn: &mut Turn<'_>) {
        match &mut self.state {
            State::Launching { .. } => {
                Self::answer(request, Err(RequestError::AlreadyStarting(self.id)), turn);
            }
            State::Online { .. } => {
                Self::answer(request, Err(RequestError::AlreadyOnline(self.id)), turn);
            }
            State::Stopping { .. } => self.redirect_to_start(request, turn),
            State::Stopped | State::Waiting { .. } | State::Errored { .. } => {
                self.start_idle(request, turn);
            }
        }
    }

    fn start_idle(&mut self, request: RequestId, turn: &mut Turn<'_>) {
        if let Some(ending) = &self.lingering {
            let error = RequestError::Lingering {
                instance: self.id,
                pid: ending.pid.unwrap_or_default(),
            };
            return Self::answer(request, Err(error), turn);
        }
        self.history = crate::policy::History::default();
        self.watch_as_declared(turn);
        self.promise(request, Goal::Up);
        self.launch(turn);
    }

    /// A life is ending; the wish for the next one takes the place of what was wanted before.
    fn redirect_to_start(&mut self, request: RequestId, turn: &mut Turn<'_>) {
        let State::Stopping { then, .. } = &mut self.state else {
            return;
        };
        match then {
            Then::Remove => {
                let error = RequestError::UnknownInstance(self.id);
                return Self::answer(request, Err(error), turn);
            }
            Then::Start { .. } => {}
            Then::Stay | Then::Fail { .. } => *then = Then::Start { counted: false },
            Then::Restart { .. } => *then = Then::Start { counted: true },
        }
        self.supersede(Goal::Down, turn);
        self.promise(request, Goal::Up);
    }

    /// Stop, and stay stopped.
    pub(crate) fn stop(&mut self, request: RequestId, turn: &mut Turn<'_>) {
        self.watch_nothing(turn);
        match &mut self.state {
            State::Stopped => {
                let process = view::process(self);
                Self::answer(request, Ok(Outcome::Gone(Box::new(process))), turn);
            }
            State::Waiting { .. } | State::Errored { .. } => {
                self.rest(turn);
                Self::answer(request, Ok(Outcome::WasNotRunning(self.id)), turn);
            }
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.stop_life(request, life, pid, turn);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.stop_life(request, life, pid, turn);
            }
            State::Stopping { then, .. } => {
                match then {
                    Then::Stay | Then::Remove => {}
                    Then::Start { .. } | Then::Restart { .. } | Then::Fail { .. } => {
                        *then = Then::Stay;
                    }
                }
                self.supersede(Goal::Up, turn);
                self.promise(request, Goal::Down);
            }
        }
    }

    fn stop_life(&mut self, request: RequestId, life: Life, pid: Option<u32>, turn: &mut Turn<'_>) {
        self.supersede(Goal::Up, turn);
        self.promise(request, Goal::Down);
        self.end(life, pid, Then::Stay, turn);
    }

    /// Stop and forget.
    pub(crate) fn delete(&mut self, request: RequestId, turn: &mut Turn<'_>) {
        match &mut self.state {
            State::Stopped => {
                self.promise(request, Goal::Gone);
                self.forget(turn);
            }
            State::Waiting { .. } | State::Errored { .. } => {
                Self::answer(request, Ok(Outcome::WasNotRunning(self.id)), turn);
                self.forget(turn);
            }
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.delete_life(request, life, pid, turn);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.delete_life(request, life, pid, turn);
            }
            State::Stopping { then, .. } => {
                *then = Then::Remove;
                self.supersede(Goal::Up, turn);
                self.promise(request, Goal::Gone);
            }
        }
    }

    fn delete_life(
        &mut self,
        request: RequestId,
        life: Life,
        pid: Option<u32>,
        turn: &mut Turn<'_>,
    ) {
        self.supersede(Goal::Up, turn);
        self.promise(request, Goal::Gone);
        self.end(life, pid, Then::Remove, turn);
    }

    /// Stop and start, or start.
    pub(crate) fn restart(&mut self, request: RequestId, change: &Change, turn: &mut Turn<'_>) {
        if let Err(error) = self.change(change, turn) {
            return Self::answer(request, Err(error), turn);
        }
        self.history = crate::policy::History::default();
        match &mut self.state {
            State::Stopped | State::Waiting { .. } | State::Errored { .. } => {
                self.start_idle(request, turn);
            }
            State::Stopping { .. } => self.redirect_to_start(request, turn),
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.restart_life(request, life, pid, turn);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.restart_life(request, life, pid, turn);
            }
        }
    }

    fn restart_life(
        &mut self,
        request: RequestId,
        life: Life,
        pid: Option<u32>,
        turn: &mut Turn<'_>,
    ) {
        self.created_at = Some(turn.now.wall);
        self.promise(request, Goal::Up);
        self.end(life, pid, Then::Start { counted: true }, turn);
    }

    fn change(&mut self, change: &Change, turn: &mut Turn<'_>) -> Result<(), RequestError> {
        let changed = crate::change::apply(&self.spec, change)?;
        if changed != self.spec {
            self.spec = changed;
            self.watching.clone_from(&self.spec.watch.watch);
            turn.act(Action::Configure { instance: self.id });
        }
        Ok(())
    }

    /// Counters to zero.
    pub(crate) fn reset(&mut self, turn: &mut Turn<'_>) {
        self.created_at = Some(turn.now.wall);
        self.restarts = 0;
        self.history = crate::policy::History::default();
    }

    pub(super) fn watch_nothing(&mut self, turn: &mut Turn<'_>) {
        if view::is_watching(self) {
            self.watching = Some(false.into());
            turn.act(Action::Configure { instance: self.id });
        }
    }

    fn watch_as_declared(&mut self, turn: &mut Turn<'_>) {
        if self.watching != self.spec.watch.watch {
            self.watching.clone_from(&self.spec.watch.watch);
            turn.act(Action::Configure { instance: self.id });
        }
    }

    /// Bound for the main process: only a running one can take it.
    pub(crate) fn with_process(
        &self,
        action: impl FnOnce(Life) -> Action,
        turn: &mut Turn<'_>,
    ) -> Reply {
        match &self.state {
            State::Launching {
                life, pid: Some(_), ..
            }
            | State::Online { life, .. } => {
                turn.act(action(*life));
                Ok(Outcome::Instances(vec![self.id]))
            }
            State::Stopping { ending, .. } if !ending.main_gone && ending.pid.is_some() => {
                turn.act(action(ending.life));
                Ok(Outcome::Instances(vec![self.id]))
            }
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => Err(RequestError::Offline(self.id)),
        }
    }
}
