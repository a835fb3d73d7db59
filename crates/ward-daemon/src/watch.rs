//! The watch plane: a thread that reports to the control loop when files of an app changed.
//!
//! The thread exists only while some app is watched. One inotify instance serves all apps, because
//! the kernel allows few instances per user. Folders that no app needs (`node_modules`) are not
//! watched, because the kernel also limits the number of watches. Reading a tree can take long, so
//! it happens on this thread. The thread sleeps while no file changes.

mod app;
mod debounce;
mod folders;
mod handover;
mod inotify_events;
mod metrics;
mod options;
mod roots;
mod rules;
#[cfg(test)]
mod tests;
mod thread;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::io::Errno;
use rustix::time::{ClockId, Timespec, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;
use ward_core::id::WatchId;
use ward_core::jobs::WatchPlan;
use ward_core::spec::UserSpec;

use crate::poll::{Poll, Waker};
use folders::Folders;
pub(crate) use metrics::WatchCounts;
use metrics::WatchMetrics;
use thread::{Command, Watcher};

/// A burst of changes is over after this time without a change.
const QUIET: Duration = Duration::from_millis(100);

/// What the watch thread reports to the control loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WatchEvent {
    /// Files changed. One event stands for a whole burst of changes.
    Changed {
        /// The app concerned.
        app: WatchId,
        /// The file that changed first.
        path: PathBuf,
        /// The time of the last change, in milliseconds since the epoch.
        at_ms: u64,
    },
    /// Some files are not watched, or not in the way that the app declares.
    Trouble {
        /// The app concerned.
        app: WatchId,
        /// The reason, as a clause for the log.
        text: String,
    },
    /// The thread contained a panic; the text is the panic's message.
    Fault(String),
}

/// What to watch for one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The folder that relative paths start from.
    pub(crate) cwd: PathBuf,
    /// PM2's `watch`: paths or patterns; an empty list means the working directory.
    pub(crate) paths: Vec<String>,
    /// PM2's `ignore_watch`: patterns of paths that are not watched.
    pub(crate) ignore: Vec<String>,
    /// Files that ward writes for this app, such as logs; their changes do not count.
    pub(crate) own: Vec<PathBuf>,
    /// The home folder, whose files do not count either.
    pub(crate) home: PathBuf,
    /// PM2's `watch_delay`: the least time between the first change and the report.
    pub(crate) delay: Duration,
    /// The time without a change after which a burst is over.
    pub(crate) quiet: Duration,
    /// Whether symbolic links are not followed.
    pub(crate) no_links: bool,
    /// How many levels of folders below a root are watched; `None` for all.
    pub(crate) depth: Option<usize>,
    /// Options of PM2's watcher that have no effect here.
    pub(crate) unknown: Vec<String>,
    /// The user of the app, with whose rights folders are read.
    pub(crate) user: UserSpec,
}

impl Plan {
    /// The plan for an app, from what it declares.
    pub(crate) fn of(declared: &WatchPlan, home: &Path) -> Self {
        let mut plan = Self {
            cwd: roots::normal(Path::new(&declared.cwd)),
            own: declared.own.iter().map(PathBuf::from).collect(),
            home: home.to_owned(),
            user: declared.user.clone(),
            delay: declared.delay,
            quiet: QUIET,
            ..Self::default()
        };
        for entry in options::texts(declared.watch.as_ref()) {
            // As in PM2's watcher, `!pattern` in `watch` excludes what matches.
            match entry.strip_prefix('!') {
                Some(ignored) => plan.ignore.push(ignored.to_owned()),
                None => plan.paths.push(entry),
            }
        }
        plan.ignore.extend(options::texts(declared.ignore.as_ref()));
        options::apply(declared.options.as_ref(), &mut plan);
        plan
    }
}

/// The handle of the watch thread. The thread ends soon after the handle is dropped.
#[derive(Debug)]
pub(crate) struct WatchHandle {
    /// Unbounded, but each change of a declaration sends at most two commands.
    commands: Option<Sender<Command>>,
    waker: Waker,
    metrics: Arc<WatchMetrics>,
}

/// The watch thread, as a thing to start.
#[derive(Debug)]
pub(crate) struct WatchThread;

impl WatchThread {
    /// Starts the thread, with nothing to watch.
    ///
    /// # Errors
    ///
    /// The kernel refuses another inotify instance for this user, or a thread.
    pub(crate) fn start(events: UnboundedSender<WatchEvent>) -> io::Result<WatchHandle> {
        Self::start_with(events, Folders::new()?, |_| ())
    }

    fn start_with(
        events: UnboundedSender<WatchEvent>,
        folders: Folders,
        prepare: impl FnOnce(&mut Watcher),
    ) -> io::Result<WatchHandle> {
        let poll = Poll::new()?;
        let waker = poll.waker();
        let (commands, inbox) = std::sync::mpsc::channel();
        let metrics = Arc::new(WatchMetrics::default());
        let mut watcher = Watcher::new(poll, inbox, events, Arc::clone(&metrics), folders)?;
        prepare(&mut watcher);
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watcher.run())?;
        Ok(WatchHandle {
            commands: Some(commands),
            waker,
            metrics,
        })
    }
}

impl WatchHandle {
    /// Watches the files of an app; a new plan replaces the previous one. Changes after `since`
    /// are reported, however long it takes to read the tree.
    pub(crate) fn watch(&self, app: WatchId, plan: Plan, since: Timespec) {
        self.send(Command::Watch(app, Box::new(plan), since));
    }

    /// Stops watching the files of an app.
    pub(crate) fn unwatch(&self, app: WatchId) {
        self.send(Command::Unwatch(app));
    }

    /// The counters of the plane.
    pub(crate) fn counts(&self) -> WatchCounts {
        self.metrics.counts()
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // If the thread has died, it reported its panic, and the apps run on unwatched.
            commands.send(command).ok();
            self.waker.wake();
        }
    }
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        // The thread is not joined, because it may be in the middle of reading a large tree.
        self.commands = None;
        self.waker.wake();
    }
}

/// Now, on the clock that dates files: no file that changed before is later, and what changes from now on is not earlier.
///
/// That clock lags behind the precise one by some milliseconds. Since Linux 6.13 a file somebody has looked at is dated
/// precisely when it changes next, and from then on no file gets an earlier date, so no clock that can be read tells the
/// time of all files. A file of our own, dated now, does.
pub(crate) fn file_clock() -> Timespec {
    let dated = date_a_file();
    dated.unwrap_or_else(|_| clock_gettime(ClockId::RealtimeCoarse))
}

fn date_a_file() -> rustix::io::Result<Timespec> {
    let file = memfd_create(c"ward-clock", MemfdFlags::CLOEXEC)?;
    // The look that makes the next date a precise one.
    fstat(&file)?;
    rustix::io::write(&file, b"now")?;
    let found = fstat(&file)?;
    let nanoseconds = found.st_ctime_nsec.try_into();
    Ok(Timespec {
        tv_sec: found.st_ctime,
        tv_nsec: nanoseconds.map_err(|_| Errno::RANGE)?,
    })
}
