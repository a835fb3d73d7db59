//! The channel between ward and a child: JSON values, one per line, in both directions.
//!
//! Any program may have inherited the channel, so a line that is not JSON is reported and skipped.
//! File descriptors which travel beside the lines are not this module's business; the caller keeps
//! them in order and gives one to each [`NodeMessage::Handle`].

use bytes::{Buf, Bytes, BytesMut};
use serde_json::Value;

use crate::json::{self, RawJson};
use crate::node_cluster::{Dialect, NodeMessage};

/// The longest line that a [`LineDecoder`] accepts, in bytes; a longer one is skipped.
pub const MAX_LINE: usize = 8 << 20;

/// A buffer that held more than this is not kept for the next line, in bytes.
const KEPT_BYTES: usize = 64 << 10;

/// The byte that Bun puts before its internal lines.
pub(crate) const BUN_PREFIX: u8 = 2;

/// The longest command of an internal message that is looked at, in bytes of its JSON.
const LONGEST_COMMAND: usize = 256;

/// A line that a child sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A message of Node, Bun or our agent, which user code never sees.
    Internal(NodeMessage),
    /// A message of the app; any JSON value, null included.
    User(RawJson),
    /// A line that is not a message.
    Junk(Junk),
}

/// Why a line is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Junk {
    /// The line is not JSON; an empty line is none either.
    #[error("line of {size} bytes is not JSON")]
    NotJson {
        /// The length of the line in bytes.
        size: usize,
    },
    /// The line exceeds the limit; it was thrown away.
    #[error("line exceeds the limit of {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The line was thrown away before its end came, as the unfinished lines of all channels took
    /// more than they may together.
    #[error("line of more than {size} bytes was given up for others")]
    GivenUp {
        /// What had come of it, in bytes.
        size: usize,
    },
}

/// Cuts the stream of a child into lines.
///
/// Work is proportional to the bytes pushed, and at most one line is kept.
#[derive(Debug)]
pub struct LineDecoder {
    buffer: BytesMut,
    /// No line end stands before this place.
    searched: usize,
    limit: usize,
    /// Inside a line that is too long and already reported.
    skipping: bool,
}

impl Default for LineDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl LineDecoder {
    /// A decoder with the usual limit, [`MAX_LINE`].
    pub fn new() -> Self {
        Self::with_limit(MAX_LINE)
    }

    /// A decoder which refuses lines longer than `limit`.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            limit,
            skipping: false,
        }
    }

    /// A decoder that goes on where another one stopped, see [`Self::remainder`].
    pub fn resume(remainder: &[u8], skipping: bool) -> Self {
        let mut decoder = Self::new();
        decoder.buffer.extend_from_slice(remainder);
        decoder.skipping = skipping;
        decoder
    }

    /// The bytes of the unfinished line, and whether it is one that is being skipped. This is what
    /// a live upgrade hands over.
    pub fn remainder(&self) -> (&[u8], bool) {
        (&self.buffer, self.skipping)
    }

    /// Adds received bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if self.skipping {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                return;
            };
            bytes = &bytes[end + 1..];
            self.skipping = false;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line, or `None` until more bytes come.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: None means not yet, and more may follow"
    )]
    pub fn next(&mut self) -> Option<Line> {
        let limit = self.limit;
        if let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let line = self.buffer.split_to(self.searched + found).freeze();
            self.buffer.advance(1);
            self.searched = 0;
            if line.len() > KEPT_BYTES {
                // What is left of the buffer must not keep the memory of a large line.
                self.buffer = BytesMut::from(&self.buffer[..]);
            }
            if line.len() > limit {
                return Some(Line::Junk(Junk::TooLong { limit }));
            }
            return Some(classify(&line));
        }
        self.searched = self.buffer.len();
        if self.searched > limit {
            self.buffer = BytesMut::new();
            self.searched = 0;
            self.skipping = true;
            return Some(Line::Junk(Junk::TooLong { limit }));
        }
        None
    }

    /// Throws the unfinished line away, what has come of it and what will.
    pub fn give_up(&mut self) -> Junk {
        let size = self.buffer.len();
        self.buffer = BytesMut::new();
        self.searched = 0;
        self.skipping = true;
        Junk::GivenUp { size }
    }
}

/// Sorts one line, its end removed.
pub fn classify(line: &Bytes) -> Line {
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    if let Some(message) = NodeMessage::from_common_line(text) {
        return Line::Internal(message);
    }
    let (dialect, text) = match text.strip_prefix(&[BUN_PREFIX]) {
        Some(text) => (Dialect::Bun, text),
        None => (Dialect::Node, text),
    };
    match (dialect, RawJson::new(line.slice_ref(text))) {
        (Dialect::Bun, Ok(message)) if message.is_object() => {
            let cmd = command(&message).unwrap_or_default();
            Line::Internal(NodeMessage::from_json(dialect, &cmd, &message))
        }
        (Dialect::Node, Ok(message)) => match command(&message).filter(|cmd| is_own(cmd)) {
            Some(cmd) => Line::Internal(NodeMessage::from_json(dialect, &cmd, &message)),
            None => Line::User(message),
        },
        (Dialect::Bun, Ok(_)) | (_, Err(_)) => Line::Junk(Junk::NotJson { size: line.len() }),
    }
}

fn command(message: &RawJson) -> Option<String> {
    message.field("cmd")?.string_within(LONGEST_COMMAND)
}

/// Node's rule: an object whose `cmd` is a string longer than five characters beginning `NODE_`.
/// User code never sees such a message, whichever side sends it.
pub fn is_internal(message: &RawJson) -> bool {
    command(message).is_some_and(|command| is_own(&command))
}

/// Whether a message says that its app is ready: the text `ready`.
pub fn is_ready(message: &RawJson) -> bool {
    const READY: &str = "ready";
    // Each character may be written as an escape.
    let longest = 2 + READY.len() * r"\u0000".len();
    message.string_within(longest).as_deref() == Some(READY)
}

fn is_own(command: &str) -> bool {
    command.len() > 5 && command.starts_with("NODE_")
}

/// A message for user code as a line.
///
/// The line is always valid JSON, because Node dies of a line that is not. A caller that passes on
/// foreign values checks [`is_internal`] first, because the child would take such a value for one
/// of ours.
pub fn encode_message(message: &Value) -> Vec<u8> {
    let mut line = Vec::new();
    json::write_value(&mut line, message);
    line.push(b'\n');
    line
}
