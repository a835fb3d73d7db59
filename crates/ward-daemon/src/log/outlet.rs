//! Where the lines of one stream go: into the form they have in the file, into files, and to the
//! subscribers who want them.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use memchr::memchr;
use ward_wire::bus::{About, OutputEncoder};

use super::metrics::Counters;
use super::shape::Shape;
use super::sink::SharedSink;
use super::source::Origin;
use crate::bus::Publisher;
use crate::poll::Token;

/// What the streams of a thread share while they work.
pub(super) struct Work {
    /// Formatted lines.
    scratch: Vec<u8>,
    /// What went wrong, for the daemon's log.
    pub(super) complaints: Vec<String>,
    /// The way to subscribers.
    bus: Publisher,
    /// Something was queued for subscribers and not posted.
    published: bool,
    /// The time of the present round.
    pub(super) wall_ms: u64,
    pub(super) counters: Arc<Counters>,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

/// The way out of one stream.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) origin: Arc<Origin>,
    pub(super) error: bool,
    pub(super) shape: Shape,
    /// Without repetition.
    pub(super) sinks: Vec<SharedSink>,
    /// A piece of an unfinished line was passed on already.
    pub(super) inside: bool,
    /// How far the files have got what was passed last.
    pub(super) files: Files,
    /// Made when the first subscriber wants it.
    encoder: Option<Box<OutputEncoder>>,
    /// Whether a subscriber wants it, as of this generation of the bus.
    wanted: (u64, bool),
}

/// How far a piece of output has come on its way to the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// No file has any of it.
    Untouched,
    /// Some files may have some of it.
    Begun,
    /// All files have all of it, as far as they can be written.
    Written,
}

impl Work {
    pub(super) fn new(bus: Publisher, counters: Arc<Counters>) -> Self {
        Self {
            scratch: Vec::new(),
            complaints: Vec::new(),
            bus,
            published: false,
            wall_ms: 0,
            counters,
        }
    }

    /// Lets the bus write what was queued.
    pub(super) fn post(&mut self) {
        if std::mem::take(&mut self.published) {
            self.bus.post();
        }
    }
}

impl Outlet {
    pub(super) fn new(origin: Arc<Origin>, error: bool, sinks: Vec<SharedSink>) -> Self {
        Self {
            shape: Shape::new(&origin, error),
            origin,
            error,
            sinks,
            inside: false,
            files: Files::Untouched,
            encoder: None,
            wanted: (0, false),
        }
    }

    /// Whether a subscriber wants it.
    pub(super) fn is_followed(&mut self, work: &Work) -> bool {
        let generation = work.bus.generation();
        if self.wanted.0 != generation {
            let topic = OutputEncoder::topic(self.error);
            let wants = work.bus.wants(topic, Some(self.origin.about()));
            self.wanted = (generation, wants);
            if !wants {
                self.encoder = None;
            }
        }
        self.wanted.1
    }

    /// Formats and passes on whole lines, or what is left at the end.
    pub(super) fn pass(&mut self, token: Token, lines: &[u8], last: bool, work: &mut Work) {
        if lines.is_empty() {
            return;
        }
        if self.shape.is_plain() {
            self.write(token, lines, work);
            self.publish(lines, work);
            return;
        }
        let mut out = core::mem::take(&mut work.scratch);
        out.clear();
        let mut rest = lines;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            let ends = last && after.is_empty();
            self.shape
                .write(line, self.inside, ends, work.wall_ms, &mut out);
            self.inside = line.last() != Some(&b'\n');
            rest = after;
        }
        self.write(token, &out, work);
        self.publish(&out, work);
        work.scratch = out;
    }

    /// Writes to the files as it is.
    pub(super) fn write(&mut self, token: Token, bytes: &[u8], work: &mut Work) {
        let apart = self.is_shared();
        self.files = Files::Begun;
        for sink in &self.sinks {
            let complaint = sink.borrow_mut().write(bytes, token, apart, &work.counters);
            work.complaints.extend(complaint);
        }
        self.files = Files::Written;
    }

    /// Shows it to subscribers.
    pub(super) fn publish(&mut self, bytes: &[u8], work: &mut Work) {
        if bytes.is_empty() || !self.is_followed(work) {
            return;
        }
        let about = self.origin.about();
        let encoder = self.encoder.get_or_insert_with(|| {
            let namespace = about.namespace.unwrap_or_default();
            Box::new(OutputEncoder::new(
                self.error, about.id, about.name, namespace,
            ))
        });
        let event = encoder.encode(work.wall_ms, &String::from_utf8_lossy(bytes));
        work.bus
            .output(OutputEncoder::topic(self.error), about, &event);
        work.counters.events.add(1);
        work.published = true;
    }

    /// Whether somebody else writes to one of the files, so that lines have to be kept whole.
    pub(super) fn is_shared(&self) -> bool {
        // One count is the table's, one is ours.
        self.sinks.iter().any(|sink| Rc::strong_count(sink) > 2)
    }
}

impl Origin {
    fn about(&self) -> About<'_> {
        About {
            id: self.pm_id,
            name: &self.app_name,
            namespace: Some(&self.namespace),
        }
    }
}
