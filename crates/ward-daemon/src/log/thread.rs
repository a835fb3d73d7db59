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

mod reading;
mod requests;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::daemon::DaemonLog;
use super::handover::Exported;
use super::inbox::Inbox;
use super::openers::Openers;
use super::outlet::Work;
use super::quiet::Quiet;
use super::sink::Sinks;
use super::source::Source;
use crate::fault::{self, Fault};
use crate::poll::{Poll, Slots};

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

    fn faulted(&mut self, fault: &Fault, what: &str) {
        self.work.counters.faults.add(1);
        let text =
            format!("a fault inside ward while handling {what} ({fault}); please report this");
        self.daemon.line(true, &text, wall_ms());
        self.daemon.write();
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
}

fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
