//! One stream of one life: the read end of its pipe, what is held of an unfinished line, and the
//! files it goes to. It ends when the last writer has closed the pipe, never at an exit.

use std::borrow::Cow;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use memchr::{memchr, memrchr};

use super::shape::Shape;
use super::sink::{SharedSink, Sinks};
use super::{LogChunk, Origin};
use crate::poll::Token;

/// A longer line is passed on in pieces.
const LONGEST_HELD: usize = 64 * 1024;

/// A stream to be, as it travels to the log thread.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) origin: Arc<Origin>,
    pub(crate) error: bool,
    pub(crate) pipe: OwnedFd,
    pub(crate) shape: Shape,
    /// The own file and the combined one, opened just now.
    pub(crate) files: Vec<(PathBuf, File)>,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) origin: Arc<Origin>,
    pub(crate) pipe: OwnedFd,
    error: bool,
    shape: Shape,
    /// Without repetition.
    sinks: Vec<SharedSink>,
    /// The beginning of a line that has not ended, for files.
    held: Vec<u8>,
    /// Likewise for followers, when the files get the bytes as they come.
    tail: Vec<u8>,
    /// A piece of the held line was passed on already.
    inside: bool,
}

/// What the sources of a thread share while they work.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Formatted lines.
    pub(crate) scratch: Vec<u8>,
    /// What went wrong, for the daemon's log.
    pub(crate) complaints: Vec<String>,
    /// What followers shall see.
    pub(crate) chunks: Vec<LogChunk>,
    /// Whether anybody follows.
    pub(crate) followed: bool,
    /// The time of the present round.
    pub(crate) wall_ms: u64,
}

impl Source {
    /// Begins a stream.
    pub(crate) fn new(stream: Stream, sinks: &mut Sinks) -> Self {
        let mut own: Vec<SharedSink> = Vec::new();
        for (path, file) in stream.files {
            let sink = sinks.share(path, file);
            if !own.iter().any(|known| Rc::ptr_eq(known, &sink)) {
                own.push(sink);
            }
        }
        Self {
            origin: stream.origin,
            pipe: stream.pipe,
            error: stream.error,
            shape: stream.shape,
            sinks: own,
            held: Vec::new(),
            tail: Vec::new(),
            inside: false,
        }
    }

    /// Whether followers wait for the end of a line.
    pub(crate) fn has_tail(&self) -> bool {
        !self.tail.is_empty()
    }

    /// Takes what was read.
    pub(crate) fn take(&mut self, token: Token, bytes: &[u8], work: &mut Work) {
        if !self.shape.is_plain() || self.is_shared() {
            let joined = join(core::mem::take(&mut self.held), bytes);
            let (whole, rest) = joined.split_at(whole_end(&joined));
            self.pass(token, whole, false, work);
            self.held = rest.to_vec();
            return;
        }
        if !self.held.is_empty() {
            // The file was shared when this was held, and is no more.
            let held = core::mem::take(&mut self.held);
            self.write(token, &held, work);
        }
        self.write(token, bytes, work);
        if work.followed {
            let joined = join(core::mem::take(&mut self.tail), bytes);
            let (whole, rest) = joined.split_at(whole_end(&joined));
            self.publish(whole, work);
            self.tail = rest.to_vec();
        } else {
            self.tail.clear();
        }
    }

    /// Passes on what is held: nothing more will come.
    pub(crate) fn finish(&mut self, token: Token, work: &mut Work) {
        let held = core::mem::take(&mut self.held);
        self.pass(token, &held, true, work);
        self.show_tail(work);
    }

    /// Shows followers an unfinished line, such as a prompt, as far as it is whole characters.
    pub(crate) fn show_tail(&mut self, work: &mut Work) {
        let tail = core::mem::take(&mut self.tail);
        self.publish(&tail, work);
    }

    /// Formats and writes whole lines, or what is left at the end.
    fn pass(&mut self, token: Token, lines: &[u8], last: bool, work: &mut Work) {
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

    fn write(&self, token: Token, bytes: &[u8], work: &mut Work) {
        let apart = self.is_shared();
        for sink in &self.sinks {
            let complaint = sink.borrow_mut().write(bytes, token, apart);
            work.complaints.extend(complaint);
        }
    }

    fn publish(&self, bytes: &[u8], work: &mut Work) {
        if !work.followed || bytes.is_empty() {
            return;
        }
        work.chunks.push(LogChunk {
            origin: Arc::clone(&self.origin),
            error: self.error,
            at_ms: work.wall_ms,
            data: String::from_utf8_lossy(bytes).into_owned(),
        });
    }

    /// Whether somebody else writes to one of the files, so that lines have to be kept whole.
    fn is_shared(&self) -> bool {
        // One count is the table's, one is ours.
        self.sinks.iter().any(|sink| Rc::strong_count(sink) > 2)
    }
}

/// What was held and what follows it, copied only when something was held. Nothing keeps the memory
/// of a burst: there may be hundreds of streams.
fn join(held: Vec<u8>, bytes: &[u8]) -> Cow<'_, [u8]> {
    if held.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut held = held;
    held.extend_from_slice(bytes);
    Cow::Owned(held)
}

/// Where the last whole line ends; for an overlong line, where its last whole character does.
fn whole_end(bytes: &[u8]) -> usize {
    match memrchr(b'\n', bytes) {
        Some(at) => at + 1,
        None if bytes.len() < LONGEST_HELD => 0,
        None => bytes.len() - unfinished_character(bytes),
    }
}

/// How many bytes at the end are the beginning of a UTF-8 character.
fn unfinished_character(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    for (back, byte) in tail.iter().rev().enumerate() {
        let needs = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if back + 1 < needs { back + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_never_cut() {
        for text in ["é", "€", "🦀"] {
            let bytes = text.as_bytes();
            assert_eq!(unfinished_character(bytes), 0, "{text} is whole");
            for cut in 1..bytes.len() {
                assert_eq!(
                    unfinished_character(&bytes[..cut]),
                    cut,
                    "{text} cut at {cut}"
                );
            }
        }
        assert_eq!(unfinished_character(b"plain"), 0);
        assert_eq!(unfinished_character(&[0x80; 8]), 0, "no character at all");
    }

    #[test]
    fn lines_are_whole_unless_they_are_overlong() {
        assert_eq!(whole_end(b"one\ntwo\nthr"), 8);
        assert_eq!(whole_end(b"thr"), 0);
        let mut long = vec![b'x'; LONGEST_HELD];
        long.push(0xE2);
        assert_eq!(whole_end(&long), LONGEST_HELD);
    }
}
