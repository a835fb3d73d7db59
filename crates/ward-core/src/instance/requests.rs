//! What clients ask of an instance: one method per request. Without a request id it is the
//! supervisor's own doing, and nobody is answered.

use crate::action::Action;
use crate::context::Context;
use crate::id::{Life, RequestId};
use crate::instance::promises::Goal;
use crate::instance::view;
use crate::instance::{Instance, ListenHistory, NextGoal, State};
use crate::policy::History;
use crate::request::{Change, Outcome, Reply, RequestError, SupersededBy};
use crate::spec::AppSpec;

type Asked = Option<RequestId>;

impl Instance {
    /// Registered just now: start, unless the app says otherwise.
    pub(crate) fn registered(&mut self, request: Asked, start: bool, cx: &mut Context<'_>) {
        cx.act(Action::Configure { instance: self.id });
        self.plan(cx);
        if start {
            self.promise(request, Goal::Up);
            self.launch(cx);
        } else {
            self.created_at.get_or_insert(cx.now.wall);
            self.announce_start(cx);
            Self::answer(request, Ok(Outcome::Instances(vec![self.id])), cx);
        }
    }

    /// Start what does not run.
    pub(crate) fn start(&mut self, request: Asked, cx: &mut Context<'_>) {
        match &self.state {
            State::Launching { .. } => {
                Self::answer(request, Err(RequestError::AlreadyStarting(self.id)), cx);
            }
            State::Online { .. } => {
                Self::answer(request, Err(RequestError::AlreadyOnline(self.id)), cx);
            }
            State::Stopping { .. } => {
                self.redirect_to_start(request, SupersededBy::Start, cx);
            }
            State::Stopped | State::Waiting { .. } | State::Errored { .. } => {
                self.start_idle(request, cx);
            }
        }
    }

    fn start_idle(&mut self, request: Asked, cx: &mut Context<'_>) {
        if let Some(termination) = self.lingering.first() {
            let error = RequestError::Lingering {
                instance: self.id,
                pid: termination.pid.unwrap_or_default(),
            };
            return Self::answer(request, Err(error), cx);
        }
        self.history = History::default();
        self.watch_as_declared(cx);
        self.promise(request, Goal::Up);
        self.launch(cx);
    }

    /// A life is ending; the wish for the next one takes the place of what was wanted before.
    fn redirect_to_start(&mut self, request: Asked, by: SupersededBy, cx: &mut Context<'_>) {
        let State::Stopping { next_goal, .. } = &mut self.state else {
            return;
        };
        match next_goal {
            NextGoal::Remove => {
                let error = RequestError::UnknownInstance(self.id);
                return Self::answer(request, Err(error), cx);
            }
            NextGoal::Start { .. } => {}
            NextGoal::Stay | NextGoal::Fail { .. } => {
                *next_goal = NextGoal::Start { counted: false };
                self.watch_as_declared(cx);
            }
            NextGoal::Restart { .. } => *next_goal = NextGoal::Start { counted: true },
        }
        self.supersede(Goal::Down, by, cx);
        self.promise(request, Goal::Up);
    }

    /// Stop, and stay stopped.
    pub(crate) fn stop(&mut self, request: Asked, cx: &mut Context<'_>) {
        self.watch_nothing(cx);
        match &mut self.state {
            State::Stopped => {
                let process = view::process(self);
                Self::answer(request, Ok(Outcome::Gone(Box::new(process))), cx);
            }
            State::Waiting { .. } | State::Errored { .. } => self.stop_idle(request, cx),
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.stop_life(request, life, pid, cx);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.stop_life(request, life, pid, cx);
            }
            State::Stopping {
                termination,
                next_goal,
                ..
            } => {
                termination.drained(cx);
                match next_goal {
                    NextGoal::Stay | NextGoal::Remove => {}
                    NextGoal::Start { .. } | NextGoal::Restart { .. } | NextGoal::Fail { .. } => {
                        *next_goal = NextGoal::Stay;
                    }
                }
                self.cut_reload(SupersededBy::Stop, cx);
                self.supersede(Goal::Up, SupersededBy::Stop, cx);
                self.promise(request, Goal::Down);
            }
        }
    }

    fn stop_idle(&mut self, request: Asked, cx: &mut Context<'_>) {
        self.supersede(Goal::Up, SupersededBy::Stop, cx);
        if self.replacement.is_some() {
            self.cut_reload(SupersededBy::Stop, cx);
            self.promise(request, Goal::Down);
            self.proceed(NextGoal::Stay, cx);
        } else {
            self.rest(cx);
            Self::answer(request, Ok(Outcome::WasNotRunning(self.id)), cx);
        }
    }

    fn stop_life(&mut self, request: Asked, life: Life, pid: Option<u32>, cx: &mut Context<'_>) {
        self.cut_reload(SupersededBy::Stop, cx);
        self.supersede(Goal::Up, SupersededBy::Stop, cx);
        self.promise(request, Goal::Down);
        self.end(life, pid, NextGoal::Stay, cx);
    }

    /// Stop and forget. `by`: what asks for it, as it is told to those it takes over from.
    pub(crate) fn delete(&mut self, request: Asked, by: SupersededBy, cx: &mut Context<'_>) {
        self.planned = None;
        match &mut self.state {
            State::Stopped => {
                self.cut_reload(by, cx);
                self.promise(request, Goal::Gone);
                self.proceed(NextGoal::Remove, cx);
            }
            State::Waiting { .. } | State::Errored { .. } => {
                self.cut_reload(by, cx);
                self.supersede(Goal::Up, by, cx);
                Self::answer(request, Ok(Outcome::WasNotRunning(self.id)), cx);
                self.proceed(NextGoal::Remove, cx);
            }
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.delete_life(request, (life, pid), by, cx);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.delete_life(request, (life, pid), by, cx);
            }
            State::Stopping {
                termination,
                next_goal,
                ..
            } => {
                // Whoever deletes wants no more patience.
                termination.drained(cx);
                *next_goal = NextGoal::Remove;
                self.cut_reload(by, cx);
                self.supersede(Goal::Up, by, cx);
                self.promise(request, Goal::Gone);
            }
        }
    }

    /// Stop and forget, but let a running worker finish first.
    pub(crate) fn retire_for_good(&mut self, request: Asked, cx: &mut Context<'_>) {
        let by = SupersededBy::ScaleDown;
        let (State::Online { life, pid, .. }, true) = (&self.state, self.is_worker()) else {
            return self.delete(request, by, cx);
        };
        let (life, pid) = (*life, *pid);
        self.planned = None;
        self.cut_reload(by, cx);
        self.supersede(Goal::Up, by, cx);
        self.promise(request, Goal::Gone);
        self.end_drained(life, pid, NextGoal::Remove, cx);
    }

    fn delete_life(
        &mut self,
        request: Asked,
        (life, pid): (Life, Option<u32>),
        by: SupersededBy,
        cx: &mut Context<'_>,
    ) {
        self.cut_reload(by, cx);
        self.supersede(Goal::Up, by, cx);
        self.promise(request, Goal::Gone);
        self.end(life, pid, NextGoal::Remove, cx);
    }

    /// Stop and start, or start.
    pub(crate) fn restart(&mut self, request: Asked, change: &Change, cx: &mut Context<'_>) {
        match crate::change::apply(&self.spec, change) {
            Ok(spec) => {
                if change.spec.is_some() {
                    self.alone = None;
                }
                if let Some(spec) = spec {
                    self.adopt_spec(spec, cx);
                }
                if change.respects_autostart && self.rests_until_asked() {
                    let reply = Ok(Outcome::Instances(vec![self.id]));
                    return Self::answer(request, reply, cx);
                }
                self.watch_as_changed(change, cx);
                self.restart_now(request, cx);
            }
            Err(error) => Self::answer(request, Err(error), cx),
        }
    }

    fn rests_until_asked(&self) -> bool {
        !self.spec.start.autostart && matches!(self.state, State::Stopped)
    }

    pub(super) fn restart_now(&mut self, request: Asked, cx: &mut Context<'_>) {
        self.history = History::default();
        match &self.state {
            State::Stopped | State::Waiting { .. } | State::Errored { .. } => {
                self.start_idle(request, cx);
            }
            State::Stopping { .. } => {
                self.redirect_to_start(request, SupersededBy::Restart, cx);
            }
            State::Launching { life, pid, .. } => {
                let (life, pid) = (*life, *pid);
                self.restart_life(request, life, pid, cx);
            }
            State::Online { life, pid, .. } => {
                let (life, pid) = (*life, Some(*pid));
                self.restart_life(request, life, pid, cx);
            }
        }
    }

    fn restart_life(&mut self, request: Asked, life: Life, pid: Option<u32>, cx: &mut Context<'_>) {
        self.cut_reload(SupersededBy::Restart, cx);
        self.created_at = Some(cx.now.wall);
        self.promise(request, Goal::Up);
        self.end(life, pid, NextGoal::Start { counted: true }, cx);
    }

    /// Replace a running worker; anything else is restarted.
    pub(crate) fn reload(
        &mut self,
        request: Asked,
        change: &Change,
        soft: bool,
        cx: &mut Context<'_>,
    ) {
        let online = matches!(self.state, State::Online { .. });
        if !online || !self.is_worker() {
            return self.restart(request, change, cx);
        }
        if self.replacement.is_some() {
            return Self::answer(request, Err(RequestError::Reloading(self.id)), cx);
        }
        let spec = match crate::change::apply(&self.spec, change) {
            Ok(spec) => spec,
            Err(error) => return Self::answer(request, Err(error), cx),
        };
        let before = spec.map(|spec| {
            let before = self.spec.clone();
            self.adopt_spec(spec, cx);
            before
        });
        self.watch_as_changed(change, cx);
        if self.is_worker() {
            self.replace_worker(request, soft, before, cx);
        } else {
            self.restart_now(request, cx);
        }
    }

    /// Takes `spec` as the declaration, and what follows from it.
    pub(super) fn adopt_spec(&mut self, spec: AppSpec, cx: &mut Context<'_>) {
        if spec == self.spec {
            return;
        }
        if spec.program != self.spec.program {
            self.listen_history = ListenHistory::Unknown;
        }
        // Other patterns do not undo what was switched on or off by hand.
        if spec.watch.watch != self.spec.watch.watch {
            self.watching.clone_from(&spec.watch.watch);
        }
        self.spec = spec;
        self.plan(cx);
        cx.act(Action::Configure { instance: self.id });
    }

    /// Counters to zero.
    pub(crate) fn reset(&mut self, cx: &mut Context<'_>) {
        self.created_at = Some(cx.now.wall);
        self.restarts = 0;
        self.history = History::default();
    }

    fn watch_nothing(&mut self, cx: &mut Context<'_>) {
        let watched = view::is_watching(self);
        // PM2 writes it into every record that was ever stopped.
        self.watching = Some(false.into());
        if watched {
            cx.act(Action::Configure { instance: self.id });
        }
    }

    /// A stop ended the watch; a start brings back what was declared. What was switched on by
    /// hand stays on.
    fn watch_as_declared(&mut self, cx: &mut Context<'_>) {
        let declared = self.spec.watch.watch.is_some();
        if declared && !view::is_watching(self) && self.watching != self.spec.watch.watch {
            self.watching.clone_from(&self.spec.watch.watch);
            cx.act(Action::Configure { instance: self.id });
        }
    }

    /// A whole declaration says anew what is watched, whatever was switched by hand.
    fn watch_as_changed(&mut self, change: &Change, cx: &mut Context<'_>) {
        if change.spec.is_some() && self.watching != self.spec.watch.watch {
            self.watching.clone_from(&self.spec.watch.watch);
            cx.act(Action::Configure { instance: self.id });
        }
    }

    /// Something for the main process: only a running one can take it.
    pub(crate) fn with_process(
        &self,
        action: impl FnOnce(Life) -> Action,
        cx: &mut Context<'_>,
    ) -> Reply {
        match (self.life(), self.pid()) {
            (Some(life), Some(_)) => {
                cx.act(action(life));
                Ok(Outcome::Instances(vec![self.id]))
            }
            (Some(_), None) | (None, _) => Err(RequestError::Offline(self.id)),
        }
    }
}
