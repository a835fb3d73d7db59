//! From a pipe to the files and subscribers, one read at a time.

use std::time::Instant;

use super::{DRAIN_READS, Pump, READS_IN_A_ROW};
use crate::fault::{self, Fault};
use crate::log::quiet::QUIET;
use crate::poll::Token;

impl Pump {
    /// Reads from one source. Returns the largest read.
    pub(super) fn serve(&mut self, token: Token, now: Instant) -> usize {
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
    pub(super) fn expect_quiet(&mut self, token: Token, now: Instant) {
        if let Some(source) = self.parts.sources.get_mut(token) {
            source.last_read = now;
            if !source.is_awaited && source.is_unfinished() {
                source.is_awaited = true;
                self.quiet.expect(token, now + QUIET);
            }
        }
    }

    /// Reads while there is plenty, and not so long that others wait. Returns the largest read.
    pub(super) fn pump_some(&mut self, token: Token) -> usize {
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
    pub(super) fn pump(&mut self, token: Token) -> usize {
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
    pub(super) fn salvage(&mut self, token: Token, fault: &Fault) {
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

    pub(super) fn finish(&mut self, token: Token) {
        if let Some(mut source) = self.parts.sources.remove(token) {
            self.poll.remove(&source.pipe);
            source.finish(token, &mut self.work);
            drop(source);
            self.parts.sinks.sweep();
            self.count_streams();
        }
    }

    /// Takes what is in the pipe now, and closes it.
    pub(super) fn drain(&mut self, token: Token) {
        for _ in 0..DRAIN_READS {
            match fault::contain(|| self.pump(token)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(fault) => self.salvage(token, &fault),
            }
        }
        self.finish(token);
    }

    /// Passes on the unfinished lines of those that have been silent for a while.
    pub(super) fn pass_unfinished(&mut self, now: Instant) {
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
}
