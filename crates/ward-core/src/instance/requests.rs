//! What clients ask of an instance: one method per request. Without a request id it is the
//! supervisor's own doing, and nobody is answered.

use crate::action::Action;
use crate::id::{Life, RequestId};
use crate::instance::promises::Goal;
use crate::instance::{Habit, Instance, State, Then};
use crate::policy::History;
use crate::request::{Change, Outcome, Reply, RequestError};
use crate::spec::AppSpec;
use crate::turn::Turn;
use crate::view;

type Asked = Option<RequestId>;

impl Instance {
    /// Registered just now: start, unless the app says otherwise.
    pub(crate) fn registered(&mut self, request: Asked, start: bool, turn: &mut Turn<'_>) {
        turn.act(Action::Configure { instance: self.id });
        self.plan(turn);
        if start {
            self.promise(request, Goal::Up);
            self.launch(turn);
        } else {
            self.created_at.get_or_insert(turn.now.wall);
            self.announce_start(turn);
            Self::answer(request, Ok(Outcome::Instances(vec![self.id])), turn);
        }
    }

    /// Start what does not run.
    pub(crate) fn start(&mut self, request: Asked, turn: &mut Turn<'_>) {
        match &self.state {
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

    fn start_idle(&mut self, request: Asked, turn: &mut Turn<'_>) {
        if let Some(ending) = self.lingering.first() {
            let error = RequestError::Lingering {
                instance: self.id,
                pid: ending.pid.unwrap_or_default(),
            };
            return Self::answer(request, Err(error), turn);
        }
        self.history = History::default();
        self.watch_as_declared(turn);
        self.promise(request, Goal::Up);
        self.launch(turn);
    }

    /// A life is ending; the wish for the next one takes the place of what was wanted before.
    fn redirect_to_start(&mut self, request: Asked, turn: &mut Turn<'_>) {
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
    pub(crate) fn stop(&mut self, request: Asked, turn: &mut Turn<'_>) {
        self.watch_nothing(turn);
        match &mut self.state {
            State::Stopped => {
                let process = view::process(self);
                Self::answer(request, Ok(Outcome::Gone(Box::new(process))), turn);
            }
            State::Waiting { .. } | State::Errored { .. } => self.stop_idle(request, turn),
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.stop_life(request, life, pid, turn);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.stop_life(request, life, pid, turn);
            }
            State::Stopping { ending, then, .. } => {
                ending.drained(turn);
                match then {
                    Then::Stay | Then::Remove => {}
                    Then::Start { .. } | Then::Restart { .. } | Then::Fail { .. } => {
                        *then = Then::Stay;
                    }
                }
                self.cut_reload(turn);
                self.supersede(Goal::Up, turn);
                self.promise(request, Goal::Down);
            }
        }
    }

    fn stop_idle(&mut self, request: Asked, turn: &mut Turn<'_>) {
        self.supersede(Goal::Up, turn);
        if self.side.is_some() {
            self.promise(request, Goal::Down);
            self.proceed(Then::Stay, turn);
        } else {
            self.rest(turn);
            Self::answer(request, Ok(Outcome::WasNotRunning(self.id)), turn);
        }
    }

    fn stop_life(&mut self, request: Asked, life: Life, pid: Option<u32>, turn: &mut Turn<'_>) {
        self.cut_reload(turn);
        self.supersede(Goal::Up, turn);
        self.promise(request, Goal::Down);
        self.end(life, pid, Then::Stay, turn);
    }

    /// Stop and forget.
    pub(crate) fn delete(&mut self, request: Asked, turn: &mut Turn<'_>) {
        self.planned = None;
        match &mut self.state {
            State::Stopped => {
                self.promise(request, Goal::Gone);
                self.proceed(Then::Remove, turn);
            }
            State::Waiting { .. } | State::Errored { .. } => {
                self.supersede(Goal::Up, turn);
                Self::answer(request, Ok(Outcome::WasNotRunning(self.id)), turn);
                self.proceed(Then::Remove, turn);
            }
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.delete_life(request, life, pid, turn);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.delete_life(request, life, pid, turn);
            }
            State::Stopping { ending, then, .. } => {
                // Whoever deletes wants no more patience.
                ending.drained(turn);
                *then = Then::Remove;
                self.cut_reload(turn);
                self.supersede(Goal::Up, turn);
                self.promise(request, Goal::Gone);
            }
        }
    }

    /// Stop and forget, but let a running worker finish first.
    pub(crate) fn retire_for_good(&mut self, request: Asked, turn: &mut Turn<'_>) {
        let (State::Online { life, pid, .. }, true) = (&self.state, self.is_worker()) else {
            return self.delete(request, turn);
        };
        let (life, pid) = (*life, *pid);
        self.planned = None;
        self.cut_reload(turn);
        self.supersede(Goal::Up, turn);
        self.promise(request, Goal::Gone);
        self.end_drained(life, pid, Then::Remove, turn);
    }

    fn delete_life(&mut self, request: Asked, life: Life, pid: Option<u32>, turn: &mut Turn<'_>) {
        self.cut_reload(turn);
        self.supersede(Goal::Up, turn);
        self.promise(request, Goal::Gone);
        self.end(life, pid, Then::Remove, turn);
    }

    /// Stop and start, or start.
    pub(crate) fn restart(&mut self, request: Asked, change: &Change, turn: &mut Turn<'_>) {
        match crate::change::apply(&self.spec, change) {
            Ok(spec) => {
                if change.spec.is_some() {
                    self.alone = None;
                }
                self.adopt_spec(spec, turn);
                if change.respects_autostart && self.rests_until_asked() {
                    let reply = Ok(Outcome::Instances(vec![self.id]));
                    return Self::answer(request, reply, turn);
                }
                self.watch_as_changed(change, turn);
                self.restart_now(request, turn);
            }
            Err(error) => Self::answer(request, Err(error), turn),
        }
    }

    fn rests_until_asked(&self) -> bool {
        !self.spec.start.autostart && matches!(self.state, State::Stopped)
    }

    pub(super) fn restart_now(&mut self, request: Asked, turn: &mut Turn<'_>) {
        self.history = History::default();
        match &self.state {
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

    fn restart_life(&mut self, request: Asked, life: Life, pid: Option<u32>, turn: &mut Turn<'_>) {
        self.cut_reload(turn);
        self.created_at = Some(turn.now.wall);
        self.promise(request, Goal::Up);
        self.end(life, pid, Then::Start { counted: true }, turn);
    }

    /// Replace a running worker; anything else is restarted.
    pub(crate) fn reload(
        &mut self,
        request: Asked,
        change: &Change,
        soft: bool,
        turn: &mut Turn<'_>,
    ) {
        let online = matches!(self.state, State::Online { .. });
        if !online || !self.is_worker() {
            return self.restart(request, change, turn);
        }
        if self.side.is_some() {
            return Self::answer(request, Err(RequestError::Reloading(self.id)), turn);
        }
        let spec = match crate::change::apply(&self.spec, change) {
            Ok(spec) => spec,
            Err(error) => return Self::answer(request, Err(error), turn),
        };
        let before = (spec != self.spec).then(|| self.spec.clone());
        self.adopt_spec(spec, turn);
        self.watch_as_changed(change, turn);
        if self.is_worker() {
            self.replace_worker(request, soft, before, turn);
        } else {
            self.restart_now(request, turn);
        }
    }

    /// Takes `spec` as the declaration, and what follows from it.
    pub(super) fn adopt_spec(&mut self, spec: AppSpec, turn: &mut Turn<'_>) {
        if spec == self.spec {
            return;
        }
        if spec.program != self.spec.program {
            self.habit = Habit::Unknown;
        }
        // Other patterns do not undo what was switched on or off by hand.
        if spec.watch.watch != self.spec.watch.watch {
            self.watching.clone_from(&spec.watch.watch);
        }
        self.spec = spec;
        self.plan(turn);
        turn.act(Action::Configure { instance: self.id });
    }

    /// Counters to zero.
    pub(crate) fn reset(&mut self, turn: &mut Turn<'_>) {
        self.created_at = Some(turn.now.wall);
        self.restarts = 0;
        self.history = History::default();
    }

    fn watch_nothing(&mut self, turn: &mut Turn<'_>) {
        let watched = view::is_watching(self);
        // PM2 writes it into every record that was ever stopped.
        self.watching = Some(false.into());
        if watched {
            turn.act(Action::Configure { instance: self.id });
        }
    }

    /// A stop ended the watch; a start brings back what was declared. What was switched on by
    /// hand stays on.
    fn watch_as_declared(&mut self, turn: &mut Turn<'_>) {
        let declared = self.spec.watch.watch.is_some();
        if declared && !view::is_watching(self) && self.watching != self.spec.watch.watch {
            self.watching.clone_from(&self.spec.watch.watch);
            turn.act(Action::Configure { instance: self.id });
        }
    }

    /// A whole declaration says anew what is watched, whatever was switched by hand.
    fn watch_as_changed(&mut self, change: &Change, turn: &mut Turn<'_>) {
        if change.spec.is_some() && self.watching != self.spec.watch.watch {
            self.watching.clone_from(&self.spec.watch.watch);
            turn.act(Action::Configure { instance: self.id });
        }
    }

    /// Something for the main process: only a running one can take it.
    pub(crate) fn with_process(
        &self,
        action: impl FnOnce(Life) -> Action,
        turn: &mut Turn<'_>,
    ) -> Reply {
        match (self.life(), self.pid()) {
            (Some(life), Some(_)) => {
                turn.act(action(life));
                Ok(Outcome::Instances(vec![self.id]))
            }
            (Some(_), None) | (None, _) => Err(RequestError::Offline(self.id)),
        }
    }
}
