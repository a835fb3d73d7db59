//! The loop of the log thread. It is one thread on purpose: a disk that hangs delays the other
//! files, but never a restart or a connection, and the pipes hold what comes meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};

use super::sink::Sinks;
use super::source::{Source, Stream, Work};
use super::{LogChunk, Shared, daemon::DaemonLog};
use crate::poll::{Interest, Poll, Slots, Token};

/// How much one read takes.
const READ_BYTES: usize = 64 * 1024;

/// One source may have so many full reads before the next one has its turn.
const READS_IN_A_ROW: usize = 8;

/// Below this a read is small, and many small reads in a row are worth waiting for.
const SMALL_ROUND: usize = READ_BYTES / 2;

/// How long writers are left to fill their pipes while they write small pieces quickly.
const GATHER: Duration = Duration::from_millis(1);

/// After this a follower sees a line that has not ended.
const QUIET: Duration = Duration::from_millis(100);

/// At most so many reads of one source when it is drained at once: a writer may never stop.
const DRAIN_READS: usize = 256;

/// What other threads ask.
#[derive(Debug)]
pub(crate) enum Command {
    /// Two streams of a life, with their files opened.
    Attach(Vec<Stream>),
    /// Open all files anew.
    Reopen(oneshot::Sender<()>),
    /// Empty these files.
    Flush(Vec<PathBuf>, oneshot::Sender<()>),
    /// A line for the daemon's log.
    Say(bool, String),
    /// End when all streams have ended, at the latest at this moment.
    Stop(Instant),
}

/// The thread.
#[derive(Debug)]
pub(crate) struct Pump {
    poll: Poll,
    commands: Receiver<Command>,
    chunks: mpsc::Sender<LogChunk>,
    shared: Arc<Shared>,
    daemon: DaemonLog,
    sources: Slots<Source>,
    sinks: Sinks,
    work: Work,
    end: Option<Instant>,
}

impl Pump {
    /// Nothing attached yet.
    pub(crate) fn new(
        poll: Poll,
        commands: Receiver<Command>,
        chunks: mpsc::Sender<LogChunk>,
        shared: Arc<Shared>,
        daemon: DaemonLog,
    ) -> Self {
        Self {
            poll,
            commands,
            chunks,
            shared,
            daemon,
            sources: Slots::default(),
            sinks: Sinks::default(),
            work: Work::default(),
            end: None,
        }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut buffer = vec![0; READ_BYTES];
        let mut ready = Vec::new();
        let mut quiet: Option<Instant> = None;
        let mut last_round = Instant::now();
        loop {
            let limit = [quiet, self.end].into_iter().flatten().min();
            let limit = limit.map(|at| at.saturating_duration_since(Instant::now()));
            if let Err(error) = self.poll.wait(limit, &mut ready) {
                self.daemon
                    .line(true, &format!("cannot wait for output: {error}"), wall_ms());
                return;
            }
            self.work.wall_ms = wall_ms();
            self.work.followed = self.shared.followed.load(Ordering::Relaxed);
            self.obey();
            let mut most = 0;
            for (token, _) in &ready {
                most = most.max(self.pump_some(*token, &mut buffer));
            }
            if quiet.is_some_and(|at| Instant::now() >= at) {
                self.show_tails();
                quiet = None;
            } else if quiet.is_none() && self.has_tails() {
                quiet = Some(Instant::now() + QUIET);
            }
            self.deliver();
            self.daemon.write();
            if self.is_done() {
                self.end_all(&mut buffer);
                return;
            }
            let now = Instant::now();
            if most > 0 && most < SMALL_ROUND && now - last_round < GATHER {
                // Waking up for each line of a busy app costs more than the lines do.
                std::thread::sleep(GATHER);
            }
            last_round = Instant::now();
        }
    }

    /// Reads while there is plenty, and not so long that others wait. Returns the largest read.
    fn pump_some(&mut self, token: Token, buffer: &mut [u8]) -> usize {
        let first = self.pump(token, buffer);
        if first == buffer.len() {
            for _ in 1..READS_IN_A_ROW {
                if self.pump(token, buffer) < buffer.len() {
                    break;
                }
            }
        }
        first
    }

    /// Reads once. Returns how much came.
    fn pump(&mut self, token: Token, buffer: &mut [u8]) -> usize {
        let Some(source) = self.sources.get_mut(token) else {
            return 0;
        };
        match rustix::io::read(&source.pipe, &mut *buffer) {
            Ok(0) => {
                self.finish(token);
                0
            }
            Ok(count) => {
                source.take(token, &buffer[..count], &mut self.work);
                count
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => 0,
            Err(error) => {
                let text = format!("cannot read output of {}: {error}", source.origin.app_name);
                self.work.complaints.push(text);
                self.finish(token);
                0
            }
        }
    }

    fn finish(&mut self, token: Token) {
        if let Some(mut source) = self.sources.remove(token) {
            self.poll.remove(&source.pipe);
            source.finish(token, &mut self.work);
            drop(source);
            self.sinks.sweep();
        }
    }

    /// Takes what is in the pipe now, and closes it.
    fn drain(&mut self, token: Token, buffer: &mut [u8]) {
        for _ in 0..DRAIN_READS {
            if self.pump(token, buffer) == 0 {
                break;
            }
        }
        self.finish(token);
    }

    fn obey(&mut self) {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Attach(streams)) => {
                    for stream in streams {
                        self.attach(stream);
                    }
                }
                Ok(Command::Reopen(done)) => {
                    let complaints = self.sinks.reopen();
                    self.work.complaints.extend(complaints);
                    self.daemon.reopen();
                    // Nobody waits any more: fine.
                    done.send(()).ok();
                }
                Ok(Command::Flush(paths, done)) => {
                    self.daemon.write();
                    for path in paths {
                        let complaint = self.sinks.truncate(&path);
                        self.work.complaints.extend(complaint);
                    }
                    done.send(()).ok();
                }
                Ok(Command::Say(error, text)) => self.daemon.line(error, &text, wall_ms()),
                Ok(Command::Stop(at)) => self.end = Some(at),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.end.get_or_insert_with(Instant::now);
                    return;
                }
            }
        }
    }

    fn attach(&mut self, stream: Stream) {
        let source = Source::new(stream, &mut self.sinks);
        let token = self.sources.insert(source);
        let added = self
            .sources
            .get_mut(token)
            .map(|source| self.poll.add(&source.pipe, token, Interest::IN));
        if let Some(Err(error)) = added {
            self.work
                .complaints
                .push(format!("cannot watch a pipe: {error}"));
            self.sources.remove(token);
        }
    }

    fn has_tails(&self) -> bool {
        self.work.followed && self.sources.any(Source::has_tail)
    }

    fn show_tails(&mut self) {
        for token in self.sources.tokens(Source::has_tail) {
            if let Some(source) = self.sources.get_mut(token) {
                source.show_tail(&mut self.work);
            }
        }
    }

    /// Hands chunks to the control thread and complaints to the daemon's log.
    fn deliver(&mut self) {
        for chunk in self.work.chunks.drain(..) {
            if self.chunks.try_send(chunk).is_err() {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        for complaint in self.work.complaints.drain(..) {
            self.daemon.line(true, &complaint, wall_ms());
        }
    }

    fn is_done(&self) -> bool {
        self.end
            .is_some_and(|at| Instant::now() >= at || !self.sources.any(|_| true))
    }

    fn end_all(&mut self, buffer: &mut [u8]) {
        for token in self.sources.tokens(|_| true) {
            self.drain(token, buffer);
        }
        self.deliver();
    }
}

fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
