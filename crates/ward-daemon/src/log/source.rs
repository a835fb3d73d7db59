//! One stream of one life: the read end of its pipe, what is held of an unfinished line, and the
//! way its lines take. It ends when the last writer has closed the pipe, never at an exit.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use memchr::memrchr;
use serde::{Deserialize, Serialize};
use ward_core::id::Life;
use ward_core::launch::Output;

use super::outlet::{Files, Outlet, Work};
use super::sink::{LogPlace, SharedSink};
use crate::fault;
use crate::poll::Token;

/// A longer line is passed on in pieces.
const LONGEST_HELD: usize = 64 * 1024;

/// Whose output it is, and the form it was declared to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Name of the app when the life began.
    pub(crate) app_name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// The instance.
    pub(crate) pm_id: u32,
    /// One JSON object per line.
    pub(crate) json: bool,
    /// Day.js format of the date before each line.
    pub(crate) date_format: Option<String>,
}

impl From<&Output> for Origin {
    fn from(output: &Output) -> Self {
        Self {
            app_name: output.app_name.clone(),
            namespace: output.namespace.clone(),
            pm_id: output.pm_id,
            json: output.json,
            date_format: output.date_format.clone(),
        }
    }
}

/// A stream to be, as it travels to the log thread.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) origin: Arc<Origin>,
    pub(crate) error: bool,
    pub(crate) pipe: OwnedFd,
    /// The own file and the combined one, opened just now.
    pub(crate) files: Vec<(LogPlace, File)>,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Source {
    pub(super) life: Life,
    pub(super) pipe: OwnedFd,
    pub(super) outlet: Outlet,
    /// The beginning of a line that has not ended, for files and subscribers.
    pub(super) held: Vec<u8>,
    /// Likewise for subscribers alone, when the files get the bytes as they come.
    pub(super) tail: Vec<u8>,
    /// When something came last.
    pub(super) last_read: Instant,
    /// A deadline for its unfinished line is set.
    pub(super) is_awaited: bool,
}

impl Source {
    /// Begins a stream that goes to these files.
    pub(crate) fn new(life: Life, stream: Stream, sinks: Vec<SharedSink>) -> Self {
        Self {
            life,
            pipe: stream.pipe,
            outlet: Outlet::new(stream.origin, stream.error, sinks),
            held: Vec::new(),
            tail: Vec::new(),
            last_read: Instant::now(),
            is_awaited: false,
        }
    }

    /// Whether an unfinished line is to be passed on after a while. One that gets a date or becomes
    /// JSON waits for its end: half a record is worse than a late one.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.tail.is_empty() || !self.held.is_empty() && self.outlet.shape.is_plain()
    }

    /// Takes what was read. If it panics, [`Self::salvage`] is given the same bytes.
    pub(crate) fn take(&mut self, token: Token, bytes: &[u8], work: &mut Work) {
        self.outlet.files = Files::Untouched;
        let whole_lines = !self.outlet.shape.is_plain() || self.outlet.is_shared();
        let joined = !self.held.is_empty();
        if joined {
            self.held.extend_from_slice(bytes);
        }
        fault::inject("log.take");
        if whole_lines && joined {
            let end = whole_end(&self.held);
            self.outlet.pass(token, &self.held[..end], false, work);
            // Nothing keeps the memory of a burst: there may be hundreds of streams.
            self.held = self.held[end..].to_vec();
        } else if whole_lines {
            let (whole, rest) = bytes.split_at(whole_end(bytes));
            self.outlet.pass(token, whole, false, work);
            self.held = rest.to_vec();
        } else if joined {
            // The file was shared when this was held, and is no more.
            let held = core::mem::take(&mut self.held);
            self.pass_plain(token, &held, work);
        } else {
            self.pass_plain(token, bytes, work);
        }
    }

    /// To the files as it comes, to subscribers in whole lines.
    fn pass_plain(&mut self, token: Token, bytes: &[u8], work: &mut Work) {
        self.outlet.write(token, bytes, work);
        fault::inject("log.publish");
        if !self.outlet.is_followed(work) {
            self.tail = Vec::new();
        } else if self.tail.is_empty() {
            let (whole, rest) = bytes.split_at(whole_end(bytes));
            self.outlet.publish(whole, work);
            self.tail = rest.to_vec();
        } else {
            self.tail.extend_from_slice(bytes);
            let end = whole_end(&self.tail);
            self.outlet.publish(&self.tail[..end], work);
            self.tail = self.tail[end..].to_vec();
        }
    }

    /// After a panic in [`Self::take`] with these bytes: what no file has yet goes to the files as it
    /// came, without date or JSON; subscribers miss it. Returns how many bytes the files may lack.
    pub(crate) fn salvage(&mut self, token: Token, bytes: &[u8], work: &mut Work) -> usize {
        let held = core::mem::take(&mut self.held);
        self.tail = Vec::new();
        self.outlet.inside = false;
        let bytes = if held.is_empty() { bytes } else { &held };
        match self.outlet.files {
            Files::Untouched => self.outlet.write(token, bytes, work),
            Files::Begun => return bytes.len(),
            Files::Written if !self.outlet.shape.is_plain() || self.outlet.is_shared() => {
                self.held = bytes[whole_end(bytes)..].to_vec();
            }
            Files::Written => {}
        }
        0
    }

    /// Passes on what is held: nothing more will come.
    pub(crate) fn finish(&mut self, token: Token, work: &mut Work) {
        let held = core::mem::take(&mut self.held);
        self.outlet.pass(token, &held, true, work);
        let tail = core::mem::take(&mut self.tail);
        self.outlet.publish(&tail, work);
    }

    /// Passes on an unfinished line, such as a prompt, as far as it is whole characters.
    pub(crate) fn pass_unfinished(&mut self, token: Token, work: &mut Work) {
        if self.outlet.shape.is_plain() {
            let held = core::mem::take(&mut self.held);
            let end = held.len() - unfinished_character(&held);
            self.outlet.pass(token, &held[..end], false, work);
            self.held = held[end..].to_vec();
        }
        let tail = core::mem::take(&mut self.tail);
        let end = tail.len() - unfinished_character(&tail);
        self.outlet.publish(&tail[..end], work);
        self.tail = tail[end..].to_vec();
    }
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
