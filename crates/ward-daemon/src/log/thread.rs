//! The loop of the log thread. It is one thread on purpose: a disk that hangs delays the other
//! files, but never a restart or a connection, and the pipes hold what comes meanwhile.
//!
//! # Panics
//!
//! A panic while one stream is handled costs that stream the form of the bytes in hand: they go to
//! its files as they came ([`Source::salvage`]), its pipe stays open, and the daemon's log says so.
//! A panic of the loop itself starts the loop anew with its state. The state can be trusted, because
//! nothing in it depends on two places being changed together; and ending the process instead would
//! close the pipes, which ends most apps with SIGPIPE.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use super::daemon::DaemonLog;
use super::handover::Exported;
use super::inbox::{Command, Inbox};
use super::openers::{Done, Job, Openers};
use super::outlet::Work;
use super::quiet::{QUIET, Quiet};
use super::sink::{self, Sinks};
use super::source::{Source, Stream};
use crate::fault::{self, Fault};
use crate::poll::{Interest, Poll, Slots, Token};

/// How much one read takes.
const READ_BYTES: usize = 64 * 1024;

/// One source may have so many full reads before the next one has its turn.
const READS_IN_A_ROW: usize = 8;

/// Below this a read is small, and many small reads in a row are worth waiting for.
const SMALL_ROUND: usize = READ_BYTES / 2;

/// How long writers are left to fill their pipes while they write small pieces quickly.
const GATHER: Duration = Duration::from_millis(1);

/// A turn that takes longer is a stall.
const STALL: Duration = Duration::from_millis(100);

/// At most so many reads of one source when it is drained at once: a writer may never stop.
const DRAIN_READS: usize = 256;

/// The pause after a panic of the loop itself, so that one that comes again and again does not fill
/// the daemon's log.
const AFTER_FAULT: Duration = Duration::from_millis(100);

/// What a thread has and, when it is exported, leaves behind.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) sources: Slots<Source>,
    pub(super) sinks: Sinks,
    /// Files are being opened anew.
    pub(super) reopening: bool,
}

/// The thread.
#[derive(Debug)]
pub(super) struct Pump {
    poll: Poll,
    inbox: Arc<Inbox>,
    openers: Openers,
    daemon: DaemonLog,
    parts: Parts,
    quiet: Quiet,
    work: Work,
    buffer: Vec<u8>,
    /// How much of the buffer was read and is not passed on.
    in_hand: usize,
    last_turn: Instant,
    end: Option<Instant>,
}

/// Whether the loop goes on.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    On,
    /// All streams have ended, or the time is over.
    End,
    Export,
}

impl Pump {
    /// Nothing attached yet.
    pub(super) fn new(
        poll: Poll,
        inbox: Arc<Inbox>,
        openers: Openers,
        daemon: DaemonLog,
        work: Work,
    ) -> Self {
        Self {
            poll,
            inbox,
            openers,
            daemon,
            parts: Parts::default(),
            quiet: Quiet::default(),
            work,
            buffer: vec![0; READ_BYTES],
            in_hand: 0,
            last_turn: Instant::now(),
            end: None,
        }
    }

    /// Works until it is told to stop, or to leave everything to a successor. Begins with what a
    /// predecessor left.
    pub(super) fn run(mut self, inherited: Option<Exported>) -> Exported {
        if let Some(inherited) = inherited {
            self.adopt(Parts::from(inherited));
        }
        loop {
            let turn = fault::contain(|| {
                fault::inject("log.turn");
                self.turn()
            });
            match turn {
                Ok(Turn::On) => {}
                Ok(Turn::End) => {
                    // What is left when this panics was reported by the panic hook.
                    fault::contain(|| self.end_all()).ok();
                    return Exported::default();
                }
                Ok(Turn::Export) => {
                    self.deliver();
                    self.parts.reopening = self.openers.is_busy();
                    return self.parts.export();
                }
                Err(fault) => {
                    self.faulted(&fault, "the loop; it goes on");
                    std::thread::sleep(AFTER_FAULT);
                }
            }
        }
    }

    /// Waits once, and does what there is to do.
    fn turn(&mut self) -> Turn {
        let mut ready = Vec::new();
        let limit = [self.quiet.deadline(), self.openers.deadline(), self.end];
        let limit = limit.into_iter().flatten().min();
        let limit = limit.map(|at| at.saturating_duration_since(Instant::now()));
        if let Err(error) = self.poll.wait(limit, &mut ready) {
            let text = format!("cannot wait for output: {error}");
            self.daemon.line(true, &text, wall_ms());
            return Turn::End;
        }
        let begin = Instant::now();
        self.work.wall_ms = wall_ms();
        let exported = self.obey();
        let mut most = 0;
        for (token, _) in &ready {
            most = most.max(self.serve(*token, begin));
        }
        self.pass_unfinished(begin);
        if self.openers.help(begin) {
            self.work.counters.slow_opens.add(1);
        }
        self.deliver();
        if exported {
            return Turn::Export;
        }
        if self.is_done() {
            return Turn::End;
        }
        let now = Instant::now();
        if now - begin > STALL {
            self.work.counters.stalls.add(1);
        }
        if most > 0 && most < SMALL_ROUND && now - self.last_turn < GATHER {
            // Waking up for each line of a busy app costs more than the lines do.
            std::thread::sleep(GATHER);
        }
        self.last_turn = Instant::now();
        Turn::On
    }

    /// Reads from one source. Returns the largest read.
    fn serve(&mut self, token: Token, now: Instant) -> usize {
        let most = match fault::contain(|| self.pump_some(token)) {
            Ok(most) => most,
            Err(fault) => {
                self.salvage(token, &fault);
                0
            }
        };
        self.expect_quiet(token, now);
        most
    }

    /// Something of the source came just now: what is unfinished of it may have to be passed on.
    fn expect_quiet(&mut self, token: Token, now: Instant) {
        if let Some(source) = self.parts.sources.get_mut(token) {
            source.last_read = now;
            if !source.is_awaited && source.is_unfinished() {
                source.is_awaited = true;
                self.quiet.expect(token, now + QUIET);
            }
        }
    }

    /// Reads while there is plenty, and not so long that others wait. Returns the largest read.
    fn pump_some(&mut self, token: Token) -> usize {
        let first = self.pump(token);
        if first == self.buffer.len() {
            for _ in 1..READS_IN_A_ROW {
                if self.pump(token) < self.buffer.len() {
                    break;
                }
            }
        }
        first
    }

    /// Reads once. Returns how much came.
    fn pump(&mut self, token: Token) -> usize {
        let Some(source) = self.parts.sources.get_mut(token) else {
            return 0;
        };
        match rustix::io::read(&source.pipe, &mut *self.buffer) {
            Ok(0) => {
                self.finish(token);
                0
            }
            Ok(count) => {
                self.in_hand = count;
                let bytes = &self.buffer[..count];
                let counters = &self.work.counters;
                counters.bytes_read.add(count as u64);
                let lines = memchr::memchr_iter(b'\n', bytes).count();
                counters.lines.add(lines as u64);
                source.take(token, bytes, &mut self.work);
                self.in_hand = 0;
                count
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => 0,
            Err(error) => {
                let name = &source.outlet.origin.app_name;
                let text = format!("cannot read output of {name}: {error}");
                self.work.complaints.push(text);
                self.finish(token);
                0
            }
        }
    }

    /// A panic while a source was handled: its files get the bytes in hand as they came.
    fn salvage(&mut self, token: Token, fault: &Fault) {
        let in_hand = std::mem::take(&mut self.in_hand);
        let Some(source) = self.parts.sources.get_mut(token) else {
            return self.faulted(fault, "the end of a stream");
        };
        let name = source.outlet.origin.app_name.clone();
        let bytes = &self.buffer[..in_hand];
        let lost = match in_hand {
            0 => 0,
            _ => fault::contain(|| source.salvage(token, bytes, &mut self.work)).unwrap_or(in_hand),
        };
        self.work.counters.bytes_lost.add(lost as u64);
        let what = if lost > 0 {
            format!("output of {name}; up to {lost} bytes are not in its files")
        } else {
            format!("output of {name}; its files have it as it came")
        };
        self.faulted(fault, &what);
    }

    fn faulted(&mut self, fault: &Fault, what: &str) {
        self.work.counters.faults.add(1);
        let text =
            format!("a fault inside ward while handling {what} ({fault}); please report this");
        self.daemon.line(true, &text, wall_ms());
        self.daemon.write();
    }

    fn finish(&mut self, token: Token) {
        if let Some(mut source) = self.parts.sources.remove(token) {
            self.poll.remove(&source.pipe);
            source.finish(token, &mut self.work);
            drop(source);
            self.parts.sinks.sweep();
            self.count_streams();
        }
    }

    /// Takes what is in the pipe now, and closes it.
    fn drain(&mut self, token: Token) {
        for _ in 0..DRAIN_READS {
            match fault::contain(|| self.pump(token)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(fault) => self.salvage(token, &fault),
            }
        }
        self.finish(token);
    }

    /// Does what other threads ask. Whether one of them asks for everything.
    fn obey(&mut self) -> bool {
        let mut exported = false;
        let taken = self.inbox.take();
        if taken.unsaid > 0 {
            self.work.counters.lines_unsaid.add(taken.unsaid);
            let text = format!("{} lines of this log were dropped", taken.unsaid);
            self.daemon.line(true, &text, wall_ms());
        }
        for command in taken.commands {
            exported |= matches!(command, Command::Export);
            if let Err(fault) = fault::contain(|| self.perform(command)) {
                self.faulted(&fault, "a request to the log");
            }
        }
        if taken.closed && !exported {
            self.end.get_or_insert_with(Instant::now);
        }
        exported
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Attach(streams) => {
                for stream in streams {
                    self.attach(stream);
                }
            }
            Command::Reopen(asked) => {
                let paths = self.parts.sinks.paths().chain(self.daemon.path());
                let jobs = paths.cloned().map(Job::Reopen).collect();
                self.openers.begin(jobs, asked);
            }
            Command::Flush(paths, asked) => {
                self.daemon.write();
                let mut jobs = Vec::new();
                for path in paths {
                    match self.parts.sinks.truncate(&path) {
                        Some(result) => {
                            let complaint = sink::not_emptied(&path, result);
                            self.work.complaints.extend(complaint);
                        }
                        None => jobs.push(Job::Empty(path)),
                    }
                }
                self.openers.begin(jobs, asked);
            }
            Command::Opened(done) => self.opened(done),
            Command::Say(error, text) => self.daemon.line(error, &text, wall_ms()),
            Command::Stop(at) => self.end = Some(at),
            Command::Export => {}
        }
    }

    /// A file was opened or emptied.
    fn opened(&mut self, done: Done) {
        let complaint = match (&done.job, done.result) {
            (Job::Empty(path), result) => sink::not_emptied(path, result.map(drop)),
            (Job::Reopen(path), Ok(Some(file))) => {
                if self.daemon.path() == Some(path) {
                    self.daemon.replace(file);
                } else {
                    self.parts.sinks.replace(path, file);
                }
                None
            }
            (Job::Reopen(_), Ok(None)) => None,
            (Job::Reopen(path), Err(error)) => Some(format!(
                "cannot reopen {}: {error}; the old file is still written",
                path.display()
            )),
        };
        self.work.complaints.extend(complaint);
        self.openers.done(&done.job);
    }

    /// Whatever happens, the pipe is read from now on: an app whose pipe is closed ends.
    fn attach(&mut self, mut stream: Stream) {
        let files = std::mem::take(&mut stream.files);
        let stale = stream.epoch != self.inbox.epoch();
        let jobs = files.iter().filter(|_| stale);
        let jobs: Vec<Job> = jobs.map(|(path, _)| Job::Reopen(path.clone())).collect();
        let sinks = fault::contain(|| {
            fault::inject("log.attach");
            self.parts.sinks.share_all(files, stale)
        });
        self.openers.begin(jobs, oneshot::channel().0);
        let sinks = sinks.unwrap_or_else(|fault| {
            let name = &stream.origin.app_name;
            let what =
                format!("the files of {name}; its output is not written until it starts anew");
            self.faulted(&fault, &what);
            Vec::new()
        });
        let source = Source::new(stream, sinks);
        let token = self.parts.sources.insert(source);
        self.poll_source(token);
    }

    /// Takes over what another thread had. The tokens stay.
    fn adopt(&mut self, parts: Parts) {
        self.parts = parts;
        for token in self.parts.sources.tokens(|_| true) {
            self.poll_source(token);
            self.expect_quiet(token, Instant::now());
        }
        if self.parts.reopening {
            self.inbox.push(Command::Reopen(oneshot::channel().0));
        }
    }

    fn poll_source(&mut self, token: Token) {
        let source = self.parts.sources.get(token);
        let added = source.map(|source| self.poll.add(&source.pipe, token, Interest::IN));
        if let Some(Err(error)) = added {
            let text = format!("cannot watch a pipe: {error}");
            self.work.complaints.push(text);
            self.parts.sources.remove(token);
        }
        self.count_streams();
    }

    /// Passes on the unfinished lines of those that have been silent for a while.
    fn pass_unfinished(&mut self, now: Instant) {
        while let Some(token) = self.quiet.next(now) {
            let Some(source) = self.parts.sources.get_mut(token) else {
                continue;
            };
            if source.last_read + QUIET > now {
                self.quiet.expect(token, source.last_read + QUIET);
                continue;
            }
            source.is_awaited = false;
            let passed = fault::contain(|| source.pass_unfinished(token, &mut self.work));
            if let Err(fault) = passed {
                self.faulted(&fault, "an unfinished line");
            }
        }
    }

    /// Lets subscribers have their events and the daemon's log the complaints.
    fn deliver(&mut self) {
        self.work.post();
        for complaint in self.work.complaints.drain(..) {
            self.daemon.line(true, &complaint, self.work.wall_ms);
        }
        self.daemon.write();
    }

    fn is_done(&self) -> bool {
        self.end
            .is_some_and(|at| Instant::now() >= at || !self.parts.sources.any(|_| true))
    }

    fn end_all(&mut self) {
        for token in self.parts.sources.tokens(|_| true) {
            self.drain(token);
        }
        self.deliver();
    }

    fn count_streams(&self) {
        let streams = self.parts.sources.tokens(|_| true).len();
        self.work.counters.streams.set(streams as u64);
    }
}

fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
