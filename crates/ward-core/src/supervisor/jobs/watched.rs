//! Restarts because of changed files: what is to be watched, and what follows from a change.
//!
//! An app is watched once, however many instances it has. Only lives that began before a change are
//! restarted: so a change during a restart is never lost, and none is acted on twice.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::JobId;
use super::throttle::{RestartThrottle, Verdict};
use crate::action::Action;
use crate::id::{InstanceId, WatchId};
use crate::instance::view;
use crate::instance::{Instance, State};
use crate::supervisor::Supervisor;
use crate::time::{Mono, Now, Wall};
use crate::watch_plan::WatchPlan;

/// How long is waited for a reload somebody else asked for.
const RELOAD_PAUSE: Duration = Duration::from_secs(1);

/// All watched apps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WatchedApps {
    apps: BTreeMap<WatchId, WatchedApp>,
    last: u64,
}

/// A watched app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WatchedApp {
    plan: WatchPlan,
    /// The restart under way …
    job: Option<JobId>,
    /// … and the change it is for.
    change: FileChange,
    /// What changed meanwhile.
    meanwhile: Option<FileChange>,
    /// A change that is looked at again then.
    again: Option<(Mono, FileChange)>,
    throttle: RestartThrottle,
}

/// A burst of changes of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FileChange {
    /// The first of them, for people.
    path: String,
    /// When the last of them changed.
    at: Wall,
}

impl WatchedApps {
    /// When time alone changes something.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let again = self.apps.values().filter_map(|app| app.again.as_ref());
        again.map(|(at, _)| *at).min()
    }
}

impl Supervisor {
    /// Sees that what is to be watched now is watched, and nothing else. `since`: where in `actions`
    /// those of this event begin; they tell whether anything of it changed.
    pub(crate) fn look_at_watched(&mut self, now: Now, since: usize, actions: &mut Vec<Action>) {
        let idle = self.state().watched.apps.is_empty();
        let matters = |action: &Action| {
            // Who neither is nor was watched costs nothing.
            if let Action::Configure { instance } = action {
                !idle || self.instance(*instance).is_some_and(view::is_watching)
            } else {
                !idle && matches!(action, Action::Forget { .. })
            }
        };
        if !actions.iter().skip(since).any(matters) {
            return;
        }
        let mut plans = self.watch_plans();
        let apps = &self.state().watched.apps;
        let (kept, gone): (Vec<WatchId>, Vec<WatchId>) = apps.keys().partition(|id| {
            let plan = &apps[*id].plan;
            plans.contains_key(&(plan.name.as_str(), plan.cwd.as_str()))
        });
        let mut told = Vec::new();
        for id in kept {
            let plan = &apps[&id].plan;
            let new = plans.remove(&(plan.name.as_str(), plan.cwd.as_str()));
            told.extend(new.filter(|new| new != plan).map(|new| (Some(id), new)));
        }
        told.extend(plans.into_values().map(|plan| (None, plan)));
        for app in gone {
            self.unwatch(app);
            actions.push(Action::Unwatch { app });
        }
        for (app, plan) in told {
            let app = self.state_mut().watched.watch(app, plan.clone());
            actions.push(Action::Watch {
                app,
                plan: Box::new(plan),
                since: now.wall,
            });
        }
    }

    fn watch_plans(&self) -> BTreeMap<(&str, &str), WatchPlan> {
        let mut plans: BTreeMap<(&str, &str), WatchPlan> = BTreeMap::new();
        let instances = &self.state().instances;
        for instance in instances.watching() {
            plans
                .entry(place_of(instance))
                .or_insert_with(|| WatchPlan::of(instance));
        }
        // Also those that are not watched write logs.
        for ((name, _), plan) in &mut plans {
            for instance in instances.named(name) {
                if plan.is_of(instance) {
                    plan.add_own(instance);
                }
            }
        }
        plans
    }

    /// The app is not watched any more. A restart that is under way is not begun for further instances.
    fn unwatch(&mut self, app: WatchId) {
        let state = self.state_mut();
        let gone = state.watched.apps.remove(&app);
        if let Some(job) = gone.and_then(|gone| gone.job) {
            state.jobs.give_up(job);
        }
    }

    /// An app cannot be watched. It runs on; the next change of a declaration tries again.
    pub(crate) fn watch_failed(&mut self, app: WatchId, reason: &str, actions: &mut Vec<Action>) {
        if let Some(watched) = self.state().watched.apps.get(&app) {
            let text = format!(
                "cannot watch files for app {}: {reason}; the app runs on",
                watched.plan.name
            );
            actions.push(Action::Log { error: true, text });
            self.unwatch(app);
        }
    }

    pub(crate) fn files_changed(
        &mut self,
        now: Now,
        id: WatchId,
        path: String,
        at: Wall,
        actions: &mut Vec<Action>,
    ) {
        let change = FileChange { path, at };
        self.changed(now, id, change, actions);
    }

    fn changed(&mut self, now: Now, id: WatchId, change: FileChange, actions: &mut Vec<Action>) {
        // It may have been stopped meanwhile.
        let Some(app) = self.state_mut().watched.apps.get_mut(&id) else {
            return;
        };
        if app.job.is_some() {
            app.meanwhile = Some(change);
            return;
        }
        let plan = &self.state().watched.apps[&id].plan;
        let behind = |it: &&Instance| is_behind(it, plan, change.at);
        let of_name = self.state().instances.named(&plan.name);
        let behind: Vec<InstanceId> = of_name.filter(behind).map(|it| it.id).collect();
        if behind.is_empty() || self.is_shutting_down() {
            return;
        }
        let Some(app) = self.state_mut().watched.apps.get_mut(&id) else {
            return;
        };
        let (path, name) = (&change.path, &app.plan.name);
        let mut log = |error, text| actions.push(Action::Log { error, text });
        match app.throttle.ask(path, now.mono) {
            Verdict::Go => {
                let text = format!("Change detected on path {path} for app {name} - restarting");
                log(false, text);
                app.change = change;
                app.again = None;
                let job = self.restart_watched(id, behind);
                if let Some(app) = self.state_mut().watched.apps.get_mut(&id) {
                    app.job = Some(job);
                }
            }
            Verdict::Held => {}
            Verdict::Hold(until, first) => {
                if first {
                    let text = format!(
                        "App {name} is restarted again and again because {path} changes right after each \
                         start; add it to ignore_watch. Such restarts are delayed from now on"
                    );
                    log(true, text);
                }
                app.again = Some((until, change));
            }
        }
    }

    /// A restart is done, well or not. Somebody else's reload that it met may have begun before the
    /// change; that is seen when it is over.
    pub(super) fn watched_restarted(&mut self, now: Now, app: WatchId, met_reload: bool) {
        let Some(app) = self.state_mut().watched.apps.get_mut(&app) else {
            return;
        };
        app.job = None;
        app.throttle.ended(now.mono);
        let unsure = met_reload.then(|| app.change.clone());
        if let Some(change) = app.meanwhile.take().or(unsure) {
            let pause = if met_reload {
                RELOAD_PAUSE
            } else {
                Duration::ZERO
            };
            app.again = Some((now.mono + pause, change));
        }
    }

    pub(crate) fn watched_ticked(&mut self, now: Now, actions: &mut Vec<Action>) {
        let apps = &mut self.state_mut().watched.apps;
        let due: Vec<(WatchId, FileChange)> = apps
            .iter_mut()
            .filter_map(|(id, app)| {
                let (_, change) = app.again.take_if(|(at, _)| *at <= now.mono)?;
                Some((*id, change))
            })
            .collect();
        for (id, change) in due {
            self.changed(now, id, change, actions);
        }
    }

    /// Whether an instance of a watched app still does not know of the change it waits to be restarted
    /// for.
    pub(super) fn is_behind(&self, app: WatchId, id: InstanceId) -> bool {
        let app = self.state().watched.apps.get(&app);
        app.zip(self.instance(id))
            .is_some_and(|(app, instance)| is_behind(instance, &app.plan, app.change.at))
    }
}

impl WatchedApps {
    fn watch(&mut self, known: Option<WatchId>, plan: WatchPlan) -> WatchId {
        if let Some((id, app)) = known.and_then(|id| Some((id, self.apps.get_mut(&id)?))) {
            app.plan = plan;
            return id;
        }
        self.last += 1;
        let app = WatchedApp {
            plan,
            job: None,
            change: FileChange::default(),
            meanwhile: None,
            again: None,
            throttle: RestartThrottle::default(),
        };
        self.apps.insert(WatchId(self.last), app);
        WatchId(self.last)
    }
}

/// What makes instances one app.
fn place_of(instance: &Instance) -> (&str, &str) {
    (&instance.spec.name, &instance.spec.program.cwd)
}

/// Whether a life of this app does not know of a change yet. One that was stopped, or never started,
/// stays so.
fn is_behind(instance: &Instance, plan: &WatchPlan, at: Wall) -> bool {
    let idle = matches!(instance.state, State::Stopped | State::Stopping { .. });
    plan.is_of(instance)
        && (view::is_watching(instance) || !idle)
        && instance.began_at.is_some_and(|began| began <= at)
}
