//! What other threads ask of the log thread.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;
use ward_core::id::Life;

use super::openers::Done;
use super::outputs::Streams;
use crate::poll::Waker;
use crate::rights::Owner;

/// Lines for the daemon's log that may wait while the disk hangs; more are counted and dropped.
const LINES: usize = 1024;

/// One of them.
#[derive(Debug)]
pub(super) enum Command {
    /// The streams of a life, with their files opened. One per life that begins.
    Attach(Life, Streams),
    /// Open all files anew. One per request of a client, and clients wait for the answer.
    Reopen(oneshot::Sender<()>),
    /// Empty these files, with the rights of their owners. Likewise.
    Flush(Vec<(PathBuf, Option<Owner>)>, oneshot::Sender<()>),
    /// A line for the daemon's log. At most [`LINES`].
    Say(bool, String),
    /// A file was opened or emptied. One per file that is at work.
    Opened(Done),
    /// End when all streams have ended, at the latest at this moment.
    Stop(Instant),
    /// End now and leave everything as it is for a successor.
    Export,
}

/// The commands that wait. Each kind says what bounds it.
#[derive(Debug)]
pub(super) struct Inbox {
    queue: Mutex<Queue>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Queue {
    commands: VecDeque<Command>,
    /// Commands the thread does not see before the next [`Inbox::post`].
    deferred: VecDeque<Command>,
    /// How many of all these are lines.
    lines: usize,
    unsaid: u64,
    /// When all files were to be opened anew.
    stale: Option<Instant>,
    closed: bool,
}

/// What [`Inbox::take`] finds.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) commands: VecDeque<Command>,
    /// Lines for the daemon's log that had to be dropped.
    pub(super) unsaid: u64,
    /// Nothing will come any more.
    pub(super) closed: bool,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            queue: Mutex::default(),
            waker,
        }
    }

    /// Adds a command.
    pub(super) fn push(&self, command: Command) {
        self.lock().commands.push_back(command);
        self.waker.wake();
    }

    /// Adds a command that the thread sees after the next [`Self::post`] and not earlier.
    pub(super) fn defer(&self, command: Command) {
        self.lock().deferred.push_back(command);
    }

    /// Adds a line for the daemon's log; deferred, too.
    pub(super) fn say(&self, error: bool, text: String) {
        let mut queue = self.lock();
        if queue.lines >= LINES {
            queue.unsaid += 1;
            return;
        }
        queue.lines += 1;
        queue.deferred.push_back(Command::Say(error, text));
    }

    /// Lets the thread see what was deferred.
    pub(super) fn post(&self) {
        let mut queue = self.lock();
        if !queue.deferred.is_empty() {
            let mut deferred = std::mem::take(&mut queue.deferred);
            queue.commands.append(&mut deferred);
            drop(queue);
            self.waker.wake();
        }
    }

    /// All files are to be opened anew: what was opened before is out of date.
    pub(super) fn make_stale(&self) {
        self.lock().stale = Some(Instant::now());
    }

    /// Whether files that were opened then are out of date.
    pub(super) fn is_stale(&self, opened: Instant) -> bool {
        self.lock().stale.is_some_and(|stale| stale >= opened)
    }

    /// The last words are spoken.
    pub(super) fn close(&self) {
        self.post();
        self.lock().closed = true;
        self.waker.wake();
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Taken {
        let mut queue = self.lock();
        let commands = std::mem::take(&mut queue.commands);
        let is_line = |command: &&Command| matches!(command, Command::Say(..));
        queue.lines -= commands.iter().filter(is_line).count();
        Taken {
            commands,
            unsaid: std::mem::take(&mut queue.unsaid),
            closed: queue.closed,
        }
    }

    /// Nothing that holds the lock can panic halfway.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
