//! Files that restart apps: what the core wants to be watched, for the watch thread, and what that
//! one has to tell, for the core.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_getres};
use tokio::sync::mpsc::UnboundedSender;
use ward_core::event::Event;
use ward_core::id::WatchId;
use ward_core::jobs::WatchPlan;
use ward_core::time::Wall;

use crate::watch::{Plan, WatchEvent, WatchHandle, WatchThread, file_clock};

/// All watched apps.
#[derive(Debug)]
pub(super) struct Watched {
    events: UnboundedSender<WatchEvent>,
    /// It runs only while there is something to watch.
    thread: Option<WatchHandle>,
    apps: BTreeMap<WatchId, App>,
}

/// A watched app, for people.
#[derive(Debug)]
struct App {
    name: String,
    cwd: PathBuf,
}

/// What the watch thread told.
#[derive(Debug)]
pub(super) enum Told {
    /// For the core.
    Event(Event),
    /// For the daemon's log.
    Complaint(String),
}

impl Watched {
    pub(super) fn new(events: UnboundedSender<WatchEvent>) -> Self {
        Self {
            events,
            thread: None,
            apps: BTreeMap::new(),
        }
    }

    /// Watches files for an app, or from now on otherwise.
    pub(super) fn watch(
        &mut self,
        app: WatchId,
        plan: &WatchPlan,
        home: &Path,
        since: Wall,
    ) -> Option<Event> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => match WatchThread::start(self.events.clone()) {
                Ok(thread) => thread,
                Err(error) => {
                    let reason = format!(
                        "{error} (fs.inotify.max_user_instances limits how many programs of a user may watch)"
                    );
                    return Some(Event::WatchFailed { app, reason });
                }
            },
        };
        let name = plan.name.clone();
        let plan = Plan::of(plan, home);
        let cwd = plan.cwd.clone();
        self.apps.insert(app, App { name, cwd });
        thread.watch(app, plan, file_time(since));
        self.thread = Some(thread);
        None
    }

    /// Ends watching for an app.
    pub(super) fn unwatch(&mut self, app: WatchId) {
        if let Some(thread) = &self.thread {
            thread.unwatch(app);
        }
        self.apps.remove(&app);
        if self.apps.is_empty() {
            self.thread = None;
        }
    }

    /// What the thread told: something for the core, or something for the log.
    pub(super) fn told(&self, event: WatchEvent) -> Option<Told> {
        match event {
            WatchEvent::Changed { app, path, at_ms } => {
                let watched = self.apps.get(&app)?;
                let shown = path.strip_prefix(&watched.cwd).unwrap_or(&path);
                let shown = if shown == Path::new("") { &path } else { shown };
                let path = shown.display().to_string();
                let at = Wall(at_ms);
                Some(Told::Event(Event::FilesChanged { app, path, at }))
            }
            WatchEvent::Trouble { app, text } => {
                let name = &self.apps.get(&app)?.name;
                Some(Told::Complaint(format!("watch of app {name}: {text}")))
            }
            WatchEvent::Fault(text) => Some(Told::Complaint(format!(
                "a fault inside ward (watch): {text}; please report this"
            ))),
        }
    }
}

/// What changes at this moment has this date, or a later one. The clock that dates files is that of the
/// kernel's last tick (`clock_gettime(2)`, `CLOCK_REALTIME_COARSE`).
fn file_time(at: Wall) -> Timespec {
    let tick = file_clock();
    let at = Duration::from_millis(at.0);
    let seconds = u64::try_from(tick.tv_sec).unwrap_or_default();
    let of_tick = Duration::new(seconds, u32::try_from(tick.tv_nsec).unwrap_or_default());
    // `at` is rounded down.
    if of_tick <= at + Duration::from_millis(1) {
        return tick;
    }
    // There was a tick in between.
    let resolution = clock_getres(ClockId::RealtimeCoarse);
    let before = at.saturating_sub(Duration::from_nanos(resolution.tv_nsec.unsigned_abs()));
    Timespec {
        tv_sec: before.as_secs().cast_signed(),
        tv_nsec: before.subsec_nanos().into(),
    }
}
