//! The log thread: output pipes of the apps to files and followers. The control thread talks to it
//! through a [`LogHandle`] and never touches the bytes.
//!
//! Bytes that need no date, no JSON and have no follower are not looked at: what is read is
//! written. A life's log ends when the last holder of its pipe is gone, not when its process is.

pub(crate) mod daemon;
mod shape;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod thread;

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use ward_core::launch::Output;
use ward_sys::pipe::LogPipe;

use crate::poll::{Poll, Waker};
use daemon::DaemonLog;
use shape::Shape;
use source::Stream;
use thread::{Command, Pump};

/// Output for followers: whole lines in the form they have in the file.
#[derive(Clone, Debug)]
pub(crate) struct LogChunk {
    /// Who wrote it: the app as it was when the life began.
    pub(crate) origin: Arc<Origin>,
    /// Standard error, or standard output.
    pub(crate) error: bool,
    /// When it was read.
    pub(crate) at_ms: u64,
    /// The text, line ends included.
    pub(crate) data: String,
}

/// Whose output it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Name of the app.
    pub(crate) app_name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// The instance.
    pub(crate) pm_id: u32,
}

/// What both sides look at without asking.
#[derive(Debug, Default)]
struct Shared {
    followed: AtomicBool,
    dropped: AtomicU64,
}

/// The way to the log thread. The thread ends when this is dropped.
///
/// What is attached and said goes out with the next [`LogHandle::post`]: a hundred apps that begin
/// are one wake-up then. Meanwhile pipes hold the output.
#[derive(Debug)]
pub(crate) struct LogHandle {
    commands: Option<Sender<Command>>,
    waker: Waker,
    /// Something was sent since the last wake-up.
    unposted: Cell<bool>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the thread.
#[derive(Debug)]
pub(crate) struct LogThread;

/// Reading the time zone's file is the deepest it goes. What is never touched costs nothing, and
/// less than a huge page is never made one.
const STACK_BYTES: usize = 1024 * 1024;

impl LogThread {
    /// Starts the thread. Chunks are dropped and counted while `chunks` is full. Complaints and
    /// [`LogHandle::say`] go to the file `daemon_log`.
    pub(crate) fn start(
        chunks: mpsc::Sender<LogChunk>,
        daemon_log: Option<&Path>,
    ) -> io::Result<LogHandle> {
        let poll = Poll::new()?;
        let waker = poll.waker();
        let shared = Arc::new(Shared::default());
        let (commands, inbox) = std::sync::mpsc::channel();
        let daemon = DaemonLog::open(daemon_log.map(Path::to_path_buf))?;
        let to_pump = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || Pump::new(poll, inbox, chunks, to_pump, daemon).run())?;
        Ok(LogHandle {
            commands: Some(commands),
            waker,
            unposted: Cell::new(false),
            shared,
            thread: Some(thread),
        })
    }
}

impl LogHandle {
    /// Takes the output of a new life.
    pub(crate) fn attach(&self, streams: Streams) -> io::Result<()> {
        if streams.0.is_empty() {
            return Ok(());
        }
        self.ask(Command::Attach(streams.0))
    }

    /// Opens all files anew by their paths, the daemon's log too. The receiver completes when
    /// nothing more goes to the old ones.
    pub(crate) fn reopen_all(&self) -> io::Result<oneshot::Receiver<()>> {
        let (done, receiver) = oneshot::channel();
        self.ask(Command::Reopen(done))?;
        self.post();
        Ok(receiver)
    }

    /// Empties files. The receiver completes when they are empty.
    pub(crate) fn flush(&self, paths: Vec<PathBuf>) -> io::Result<oneshot::Receiver<()>> {
        let (done, receiver) = oneshot::channel();
        self.ask(Command::Flush(paths, done))?;
        self.post();
        Ok(receiver)
    }

    /// Whether anybody wants chunks.
    pub(crate) fn set_followed(&self, followed: bool) {
        self.shared.followed.store(followed, Ordering::Relaxed);
    }

    /// How many chunks followers have missed.
    pub(crate) fn dropped_chunks(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Lets the thread look at what was sent.
    pub(crate) fn post(&self) {
        if self.unposted.replace(false) {
            self.waker.wake();
        }
    }

    /// A line for the daemon's log, without date and line end.
    pub(crate) fn say(&self, error: bool, text: impl Into<String>) {
        // The thread is gone: there is no log any more.
        self.ask(Command::Say(error, text.into())).ok();
    }

    /// Ends the thread when all pipes have ended, at the latest after `limit`; what is in the
    /// pipes then is still taken.
    pub(crate) fn stop(mut self, limit: Duration) {
        self.ask(Command::Stop(Instant::now() + limit)).ok();
        self.join();
    }

    fn ask(&self, command: Command) -> io::Result<()> {
        let gone = || io::Error::other("the log thread has ended");
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.send(command).map_err(|_| gone())?;
        self.unposted.set(true);
        Ok(())
    }

    fn join(&mut self) {
        self.commands = None;
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook; there is nothing to add.
            thread.join().ok();
        }
    }
}

impl Drop for LogHandle {
    fn drop(&mut self) {
        self.join();
    }
}

/// The daemon's side of a new life's output, for [`LogHandle::attach`].
#[derive(Debug)]
pub(crate) struct Streams(Vec<Stream>);

/// The output of a life that is about to begin.
#[derive(Debug)]
pub(crate) struct Outputs {
    /// For the log thread.
    pub(crate) streams: Streams,
    /// The write end of standard output.
    pub(crate) stdout: OwnedFd,
    /// The write end of standard error.
    pub(crate) stderr: OwnedFd,
}

/// Makes the pipes of a new life and opens its files, so that an unwritable path fails the start and
/// is not found out later. To open a file may take long; `opening` is told which one.
pub(crate) fn open(output: &Output, opening: impl Fn(&Path)) -> io::Result<Outputs> {
    if output.disabled {
        return Ok(Outputs {
            streams: Streams(Vec::new()),
            stdout: null()?,
            stderr: null()?,
        });
    }
    let origin = Arc::new(Origin {
        app_name: output.app_name.clone(),
        namespace: output.namespace.clone(),
        pm_id: output.pm_id,
    });
    let (out, stdout) = stream(&origin, output, false, &opening)?;
    let (err, stderr) = stream(&origin, output, true, &opening)?;
    Ok(Outputs {
        streams: Streams(vec![out, err]),
        stdout,
        stderr,
    })
}

/// One stream of a life and the end for the child.
fn stream(
    origin: &Arc<Origin>,
    output: &Output,
    error: bool,
    opening: impl Fn(&Path),
) -> io::Result<(Stream, OwnedFd)> {
    let own = if error {
        &output.err_path
    } else {
        &output.out_path
    };
    let mut files = Vec::new();
    for path in [own, &output.combined_path].into_iter().flatten() {
        opening(Path::new(path));
        files.extend(file(path)?);
    }
    let pipe = LogPipe::new()?;
    let stream = Stream {
        origin: Arc::clone(origin),
        error,
        pipe: pipe.reader,
        shape: Shape::new(output, error),
        files,
    };
    Ok((stream, pipe.writer))
}

/// Opens a log file; nothing for the ways to say "no file".
fn file(path: &str) -> io::Result<Option<(PathBuf, File)>> {
    if matches!(path, "" | "/dev/null" | "NULL" | "null") {
        return Ok(None);
    }
    let path = PathBuf::from(path);
    let file = sink::open(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    Ok(Some((path, file)))
}

fn null() -> io::Result<OwnedFd> {
    Ok(File::options().write(true).open("/dev/null")?.into())
}
