//! The log plane: owns the output pipes of the apps, the files they go to, and the encoding of output
//! for subscribers of the bus. It works on a thread of its own; other threads talk to it through a
//! [`LogHandle`] and never touch the bytes.
//!
//! Bytes that need no date, no JSON and have no follower are not looked at: what is read is
//! written. A life's log ends when the last holder of its pipe is gone, not when its process is.

pub(crate) mod daemon;
mod handover;
mod inbox;
mod metrics;
mod openers;
mod outlet;
mod outputs;
mod quiet;
mod shape;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod thread;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use ward_core::id::Life;

use crate::bus::Publisher;
use crate::poll::Poll;
use crate::rights::Owner;
use daemon::DaemonLog;
use handover::Exported;
use inbox::{Command, Inbox};
pub(crate) use metrics::LogMetrics;
use openers::{Open, Openers};
use outlet::Work;
pub(crate) use outputs::{Outputs, Streams, open};
use thread::Pump;

/// The way to the log thread, usable on any thread. The thread ends when this is dropped.
///
/// What is attached and said goes out with the next [`LogHandle::post`]: a hundred apps that begin
/// are one wake-up then. Meanwhile pipes hold the output.
#[derive(Debug)]
pub(crate) struct LogHandle {
    inbox: Arc<Inbox>,
    counters: Arc<metrics::Counters>,
    thread: Option<JoinHandle<Exported>>,
}

/// Starts the thread.
#[derive(Debug)]
pub(crate) struct LogThread;

/// Reading the time zone's file is the deepest it goes. What is never touched costs nothing, and
/// less than a huge page is never made one.
const STACK_BYTES: usize = 1024 * 1024;

impl LogThread {
    /// Starts the thread. Output goes to `bus`, too, as far as subscribers want it. Complaints and
    /// [`LogHandle::say`] go to the file `daemon_log`.
    ///
    /// # Errors
    ///
    /// The daemon's log cannot be opened, or the kernel refuses a thread or a descriptor.
    pub(crate) fn start(bus: Publisher, daemon_log: Option<&Path>) -> io::Result<LogHandle> {
        Self::start_with(bus, daemon_log, Arc::new(sink::open), None)
    }

    /// The same with another way to open files, and with what a predecessor left.
    fn start_with(
        bus: Publisher,
        daemon_log: Option<&Path>,
        open: Arc<Open>,
        inherited: Option<Exported>,
    ) -> io::Result<LogHandle> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(poll.waker()));
        let counters = Arc::new(metrics::Counters::default());
        let daemon = DaemonLog::open(daemon_log.map(Path::to_path_buf))?;
        let (to_thread, counted) = (Arc::clone(&inbox), Arc::clone(&counters));
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let openers = Openers::new(open, Arc::clone(&to_thread));
                let work = Work::new(bus, counted);
                Pump::new(poll, to_thread, openers, daemon, work).run(inherited)
            })?;
        Ok(LogHandle {
            inbox,
            counters,
            thread: Some(thread),
        })
    }
}

impl LogHandle {
    /// Takes the output of a new life. Reading begins with the next [`LogHandle::post`], so that
    /// subscribers learn of a start before they see its output: the control loop posts when it has
    /// told of all that happened.
    pub(crate) fn attach(&self, life: Life, streams: Streams) {
        self.inbox.defer(Command::Attach(life, streams));
    }

    /// Opens all files anew by their paths, the daemon's log too. The receiver completes when
    /// nothing more goes to the old ones; for a file on a dead mount that may be never.
    pub(crate) fn reopen_all(&self) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        self.inbox.make_stale();
        self.inbox.push(Command::Reopen(done));
        receiver
    }

    /// Empties files, each with the rights of the app whose log it is, or with the daemon's own. The receiver completes when they are empty.
    pub(crate) fn flush(&self, paths: Vec<(PathBuf, Option<Owner>)>) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        self.inbox.push(Command::Flush(paths, done));
        receiver
    }

    /// Lets the thread look at what was sent.
    pub(crate) fn post(&self) {
        self.inbox.post();
    }

    /// A line for the daemon's log, without date and line end.
    pub(crate) fn say(&self, error: bool, text: impl Into<String>) {
        self.inbox.say(error, text.into());
    }

    /// What the plane has done so far.
    pub(crate) fn metrics(&self) -> LogMetrics {
        self.counters.read()
    }

    /// Ends the thread when all pipes have ended, at the latest after `limit`; what is in the
    /// pipes then is still taken.
    pub(crate) fn stop(mut self, limit: Duration) {
        // The last lines come before the end, or the thread could be gone when they are posted.
        self.inbox.post();
        self.inbox.push(Command::Stop(Instant::now() + limit));
        self.join();
    }

    fn join(&mut self) -> Option<Exported> {
        self.inbox.close();
        // A panic there was reported by the panic hook; there is nothing to add.
        self.thread.take()?.join().ok()
    }
}

impl Drop for LogHandle {
    fn drop(&mut self) {
        self.join();
    }
}
