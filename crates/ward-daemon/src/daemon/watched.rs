//! Restarts because of changed files: what is to be watched, and what follows from a change.
//!
//! An app is watched once, however many instances it has. Only lives that began before a change
//! are restarted: so a change during a restart is never lost, and none is acted on twice.

mod restart_throttle;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::time::Timespec;
use tokio::sync::mpsc::UnboundedSender;
use ward_core::id::InstanceId;
use ward_core::instance::{Instance, State};
use ward_core::request::{Change, Reply, Request, RequestError};
use ward_core::view;

use self::restart_throttle::{RestartThrottle, Verdict};
use super::pending::Waiting;
use super::run::Daemon;
use crate::watch::{AppId, Plan, WatchEvent, WatchHandle, WatchThread, file_clock};

/// How long is waited for a reload somebody else asked for.
const RELOAD_PAUSE: Duration = Duration::from_secs(1);

/// How many instances of an app restart at once, as in PM2.
const PARALLEL: usize = 2;

/// All watched apps.
#[derive(Debug)]
pub(super) struct Watched {
    events: UnboundedSender<WatchEvent>,
    /// It runs only while there is something to watch.
    thread: Option<WatchHandle>,
    apps: BTreeMap<Title, App>,
    last_id: u64,
    parallel: usize,
    /// Since when what is to be watched may have changed.
    stale: Option<Timespec>,
}

/// What makes instances one app: apps of the same name in two folders are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Title {
    name: String,
    cwd: String,
}

/// A watched app.
#[derive(Debug)]
struct App {
    id: AppId,
    plan: Plan,
    /// Instances to be restarted for the last change.
    queue: VecDeque<InstanceId>,
    running: usize,
    /// The change they are restarted for.
    last: (PathBuf, u64),
    /// One of them could not be restarted just then.
    unsure: bool,
    /// What changed meanwhile.
    meanwhile: Option<(PathBuf, u64)>,
    throttle: RestartThrottle,
}

impl Watched {
    pub(super) fn new(events: UnboundedSender<WatchEvent>) -> Self {
        let parallel = std::env::var("PM2_CONCURRENT_ACTIONS").ok();
        Self {
            events,
            thread: None,
            apps: BTreeMap::new(),
            last_id: 0,
            parallel: parallel
                .and_then(|count| count.trim().parse().ok())
                .filter(|count| *count > 0)
                .unwrap_or(PARALLEL),
            stale: None,
        }
    }

    /// An instance came, went or changed.
    pub(super) fn look_again(&mut self, instance: Option<&Instance>) {
        // Who neither is nor was watched costs nothing.
        if !self.apps.is_empty() || instance.is_some_and(view::is_watching) {
            self.stale.get_or_insert_with(file_clock);
        }
    }

    fn find(&mut self, id: AppId) -> Option<(&Title, &mut App)> {
        self.apps.iter_mut().find(|(_, app)| app.id == id)
    }

    /// Tells an event again later.
    fn later(&self, after: Duration, event: WatchEvent) {
        let events = self.events.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(after).await;
            events.send(event).ok();
        });
    }
}

impl Title {
    fn of(instance: &Instance) -> Self {
        Self {
            name: instance.spec.name.clone(),
            cwd: instance.spec.program.cwd.clone(),
        }
    }
}

impl Daemon {
    /// Watches what is to be watched now, and nothing else.
    pub(super) fn watch_apps(&mut self) {
        // The moment before anything of it was started: what changes from then on counts.
        let Some(since) = self.watched.stale.take() else {
            return;
        };
        let mut plans = self.plans();
        let gone: Vec<Title> = self
            .watched
            .apps
            .keys()
            .filter(|title| !plans.contains_key(title))
            .cloned()
            .collect();
        for app in gone
            .iter()
            .filter_map(|title| self.watched.apps.remove(title))
        {
            if let Some(thread) = &self.watched.thread {
                thread.unwatch(app.id);
            }
        }
        plans.retain(|title, plan| {
            self.watched
                .apps
                .get(title)
                .is_none_or(|app| app.plan != *plan)
        });
        if self.watched.apps.is_empty() && plans.is_empty() {
            self.watched.thread = None;
            return;
        }
        for (title, plan) in plans {
            self.watch_app(title, plan, since);
        }
    }

    fn plans(&self) -> BTreeMap<Title, Plan> {
        let mut plans: BTreeMap<Title, Plan> = BTreeMap::new();
        for instance in self
            .supervisor
            .instances()
            .filter(|it| view::is_watching(it))
        {
            plans
                .entry(Title::of(instance))
                .or_insert_with(|| Plan::of(instance, &self.paths.home));
        }
        if plans.is_empty() {
            return plans;
        }
        // Also those that are not watched write logs.
        for instance in self.supervisor.instances() {
            if let Some(plan) = plans.get_mut(&Title::of(instance)) {
                let own = view::own_files(instance);
                plan.own.extend(own.into_iter().map(PathBuf::from));
            }
        }
        plans
    }

    fn watch_app(&mut self, title: Title, plan: Plan, since: Timespec) {
        if self.watched.thread.is_none() {
            match WatchThread::start(self.watched.events.clone()) {
                Ok(thread) => self.watched.thread = Some(thread),
                Err(error) => {
                    let text = format!(
                        "cannot watch files for app {}: {error} (fs.inotify.max_user_instances limits \
                         how many programs of a user may watch); the app runs on",
                        title.name
                    );
                    return self.say(true, &text);
                }
            }
        }
        let watched = &mut self.watched;
        let next = AppId(watched.last_id + 1);
        let app = watched.apps.entry(title).or_insert_with(|| App {
            id: next,
            plan: Plan::default(),
            queue: VecDeque::new(),
            running: 0,
            last: Default::default(),
            unsure: false,
            meanwhile: None,
            throttle: RestartThrottle::default(),
        });
        watched.last_id = watched.last_id.max(app.id.0);
        app.plan = plan;
        if let Some(thread) = &watched.thread {
            thread.watch(app.id, app.plan.clone(), since);
        }
    }

    /// The watch thread has something to tell.
    pub(super) fn watch_event(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Changed { app, path, at_ms } => self.files_changed(app, path, at_ms),
            WatchEvent::Trouble { app, text } => {
                let name = self.watched.find(app).map(|(title, _)| title.name.clone());
                if let Some(name) = name {
                    self.say(true, &format!("watch of app {name}: {text}"));
                }
            }
            WatchEvent::Fault(text) => self.say(
                true,
                &format!("a fault inside ward (watch): {text}; please report this"),
            ),
        }
    }

    fn files_changed(&mut self, id: AppId, path: PathBuf, at_ms: u64) {
        // It may have been stopped meanwhile.
        let Some((title, app)) = self.watched.find(id) else {
            return;
        };
        if app.running > 0 {
            app.meanwhile = Some((path, at_ms));
            return;
        }
        let title = title.clone();
        let older: VecDeque<InstanceId> = self
            .supervisor
            .instances()
            .filter(|it| is_behind(it, &title, at_ms))
            .map(|it| it.id)
            .collect();
        let Some((_, app)) = self.watched.find(id).filter(|_| !older.is_empty()) else {
            return;
        };
        let shown = path.strip_prefix(&app.plan.cwd).unwrap_or(&path);
        let shown = if shown == Path::new("") { &path } else { shown }
            .display()
            .to_string();
        let name = &title.name;
        match app.throttle.ask(&path, Instant::now()) {
            Verdict::Go => {
                app.queue = older;
                app.last = (path, at_ms);
                self.say(
                    false,
                    &format!("Change detected on path {shown} for app {name} - restarting"),
                );
                self.restart_watched(id);
            }
            Verdict::Held => {}
            Verdict::Hold(pause, first) => {
                self.watched.later(
                    pause,
                    WatchEvent::Changed {
                        app: id,
                        path,
                        at_ms,
                    },
                );
                if first {
                    let text = format!(
                        "App {name} is restarted again and again because {shown} changes right after each \
                         start; add it to ignore_watch. Such restarts are delayed from now on"
                    );
                    self.say(true, &text);
                }
            }
        }
    }

    /// Begins as many restarts as may run at once.
    fn restart_watched(&mut self, id: AppId) {
        loop {
            let parallel = self.watched.parallel;
            let Some((_, app)) = self.watched.find(id) else {
                return;
            };
            if app.running >= parallel {
                return;
            }
            let Some(instance) = app.queue.pop_front() else {
                return;
            };
            app.running += 1;
            // A worker is replaced without losing work; anything else is restarted.
            let request = Request::Reload(instance, Change::default());
            self.ask(request, Waiting::Watched(id));
        }
    }

    /// A restart is done, well or not.
    pub(super) fn watched_done(&mut self, id: AppId, reply: &Reply) {
        let Some((_, app)) = self.watched.find(id) else {
            return;
        };
        app.running -= 1;
        // Somebody else's reload may have begun before the change. That is seen when it is over.
        let busy = matches!(reply, Err(RequestError::Reloading(_)));
        if busy {
            app.unsure = true;
        }
        if app.running > 0 || !app.queue.is_empty() {
            return self.restart_watched(id);
        }
        app.throttle.ended(Instant::now());
        let unsure = std::mem::take(&mut app.unsure).then(|| app.last.clone());
        if let Some((path, at_ms)) = app.meanwhile.take().or(unsure) {
            let pause = if busy { RELOAD_PAUSE } else { Duration::ZERO };
            let event = WatchEvent::Changed {
                app: id,
                path,
                at_ms,
            };
            self.watched.later(pause, event);
        }
    }
}

/// Whether a life of this app does not know of a change yet. One that was stopped, or never started,
/// stays so.
fn is_behind(instance: &Instance, title: &Title, at_ms: u64) -> bool {
    let idle = matches!(instance.state, State::Stopped | State::Stopping { .. });
    Title::of(instance) == *title
        && (view::is_watching(instance) || !idle)
        && instance.began_at.is_some_and(|began| began.0 <= at_ms)
}
