//! The watch thread: tells the control thread when files of an app changed.
//!
//! It exists only while some app is watched. One inotify instance serves all apps, because the
//! kernel allows few of them; folders nobody is interested in (`node_modules`) are not watched at
//! all, because the kernel allows few of those, too. Reading a tree takes its time and happens
//! here, where it holds nothing up. While no file changes, nothing wakes up.

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
use ward_core::instance::Instance;

use crate::poll::{Poll, Waker};
use folders::Folders;
use metrics::{WatchCounts, WatchMetrics};
use thread::{Command, Watcher};

/// A burst of changes is over when it was quiet for so long.
const QUIET: Duration = Duration::from_millis(100);

/// Names a watched app between the threads. Never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct AppId(pub(crate) u64);

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WatchEvent {
    /// Files changed. A burst is told once.
    Changed {
        /// Whose.
        app: AppId,
        /// The first of them.
        path: PathBuf,
        /// When the last of them changed, in milliseconds of the wall clock.
        at_ms: u64,
    },
    /// Something is not watched, or otherwise than asked for.
    Trouble {
        /// Whose.
        app: AppId,
        /// A clause for people.
        text: String,
    },
    /// A fault inside this thread was contained; what the panic said.
    Fault(String),
}

/// What to watch for one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// What relative paths are relative to.
    pub(crate) cwd: PathBuf,
    /// `watch`: paths or patterns; empty for the working directory.
    pub(crate) paths: Vec<String>,
    /// `ignore_watch`.
    pub(crate) ignore: Vec<String>,
    /// Files ward writes for this app.
    pub(crate) own: Vec<PathBuf>,
    /// Ward's home, where more of such files are.
    pub(crate) home: PathBuf,
    /// `watch_delay`.
    pub(crate) delay: Duration,
    /// How long it has to be quiet.
    pub(crate) quiet: Duration,
    /// Do not look behind symbolic links.
    pub(crate) no_links: bool,
    /// How many folders deep.
    pub(crate) depth: Option<usize>,
    /// Options of PM2's watcher that have no effect here.
    pub(crate) unknown: Vec<String>,
}

impl Plan {
    /// What an instance declares.
    pub(crate) fn of(instance: &Instance, home: &Path) -> Self {
        let spec = &instance.spec;
        let mut plan = Self {
            cwd: roots::normal(Path::new(&spec.program.cwd)),
            home: home.to_owned(),
            delay: spec.watch.delay.unwrap_or_default(),
            quiet: QUIET,
            ..Self::default()
        };
        for entry in options::texts(instance.watching.as_ref()) {
            // PM2's watcher takes a pattern to be left out here, too.
            match entry.strip_prefix('!') {
                Some(ignored) => plan.ignore.push(ignored.to_owned()),
                None => plan.paths.push(entry),
            }
        }
        plan.ignore
            .extend(options::texts(spec.watch.ignore.as_ref()));
        options::apply(spec.watch.options.as_ref(), &mut plan);
        plan
    }
}

/// The way to the watch thread. The thread ends soon after this is dropped.
#[derive(Debug)]
pub(crate) struct WatchHandle {
    /// Two commands at most wait for each change of a declaration.
    commands: Option<Sender<Command>>,
    waker: Waker,
    metrics: Arc<WatchMetrics>,
}

/// Starts the thread.
#[derive(Debug)]
pub(crate) struct WatchThread;

impl WatchThread {
    /// Starts the thread, with nothing to watch.
    ///
    /// # Errors
    ///
    /// The kernel has no inotify instance left for this user, or no thread.
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
    /// Watches for an app, or from now on otherwise. Files that changed after `since` are noticed,
    /// however long it takes to read the tree.
    pub(crate) fn watch(&self, app: AppId, plan: Plan, since: Timespec) {
        self.ask(Command::Watch(app, Box::new(plan), since));
    }

    /// Ends watching for an app.
    pub(crate) fn unwatch(&self, app: AppId) {
        self.ask(Command::Unwatch(app));
    }

    /// What the plane has done so far.
    #[expect(dead_code, reason = "ward:metrics comes")]
    pub(crate) fn counts(&self) -> WatchCounts {
        self.metrics.counts()
    }

    fn ask(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // A thread that is gone reported its panic; the apps go on unwatched.
            commands.send(command).ok();
            self.waker.wake();
        }
    }
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        // Not joined: it may be reading a large tree, and nobody has to wait for that.
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
