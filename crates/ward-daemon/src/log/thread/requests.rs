//! What other threads ask of the log thread, and what it takes over from a predecessor.

use std::time::Instant;

use tokio::sync::oneshot;
use ward_core::id::Life;

use super::{Parts, Pump, wall_ms};
use crate::fault;
use crate::log::inbox::Command;
use crate::log::openers::{Done, Job};
use crate::log::sink::{self, LogPlace};
use crate::log::source::{Source, Stream};
use crate::poll::{Interest, Token};

impl Pump {
    /// Does what other threads ask. Whether one of them asks for everything.
    pub(super) fn obey(&mut self) -> bool {
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

    pub(super) fn perform(&mut self, command: Command) {
        match command {
            Command::Attach(life, streams) => {
                let stale = self.inbox.is_stale(streams.opened);
                for stream in streams.streams {
                    self.attach(life, stream, stale);
                }
            }
            Command::Reopen(asked) => {
                let own = self.daemon.path().cloned().map(LogPlace::own);
                let places = self.parts.sinks.places().cloned().chain(own);
                let jobs = places.map(Job::Reopen).collect();
                self.openers.begin(jobs, asked);
            }
            Command::Flush(paths, asked) => {
                self.daemon.write();
                let mut jobs = Vec::new();
                for (path, owner) in paths {
                    match self.parts.sinks.truncate(&path) {
                        Some(result) => {
                            let complaint = sink::not_emptied(&path, result);
                            self.work.complaints.extend(complaint);
                        }
                        None => jobs.push(Job::Empty(path, owner)),
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
    pub(super) fn opened(&mut self, done: Done) {
        let complaint = match (&done.job, done.result) {
            (Job::Empty(path, _), result) => sink::not_emptied(path, result.map(drop)),
            (Job::Reopen(place), Ok(Some(file))) => {
                if self.daemon.path() == Some(&place.path) && place.rights.uid().is_none() {
                    self.daemon.replace(file);
                } else {
                    self.parts.sinks.replace(place, file);
                }
                None
            }
            (Job::Reopen(_), Ok(None)) => None,
            (Job::Reopen(place), Err(error)) => Some(format!(
                "cannot reopen {}: {error}; the old file is still written",
                place.path.display()
            )),
        };
        self.work.complaints.extend(complaint);
        self.openers.done(&done.job);
    }

    /// Whatever happens, the pipe is read from now on: an app whose pipe is closed ends.
    pub(super) fn attach(&mut self, life: Life, mut stream: Stream, stale: bool) {
        let files = std::mem::take(&mut stream.files);
        let jobs = files.iter().filter(|_| stale);
        let jobs: Vec<Job> = jobs.map(|(place, _)| Job::Reopen(place.clone())).collect();
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
        let source = Source::new(life, stream, sinks);
        let token = self.parts.sources.insert(source);
        self.poll_source(token);
    }

    /// Takes over what another thread had. The tokens stay.
    pub(super) fn adopt(&mut self, parts: Parts) {
        self.parts = parts;
        for token in self.parts.sources.tokens(|_| true) {
            self.poll_source(token);
            self.expect_quiet(token, Instant::now());
        }
        if self.parts.reopening {
            self.inbox.push(Command::Reopen(oneshot::channel().0));
        }
    }

    pub(super) fn poll_source(&mut self, token: Token) {
        let source = self.parts.sources.get(token);
        let added = source.map(|source| self.poll.add(&source.pipe, token, Interest::IN));
        if let Some(Err(error)) = added {
            let text = format!("cannot watch a pipe: {error}");
            self.work.complaints.push(text);
            self.parts.sources.remove(token);
        }
        self.count_streams();
    }

    pub(super) fn count_streams(&self) {
        let streams = self.parts.sources.tokens(|_| true).len();
        self.work.counters.streams.set(streams as u64);
    }
}
