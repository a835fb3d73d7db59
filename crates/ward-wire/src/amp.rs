//! Frames of axon's AMP: one byte with the number of arguments, then each argument with its length.
//!
//! ```text
//! frame := meta arg{argc}      meta := version << 4 | argc
//! arg   := u32 big-endian length, bytes
//! ```
//! Readers ignore the version; writers put 1. An argument that begins with `s:` is text, with `j:`
//! JSON, anything else is raw bytes.

use bytes::Bytes;
use serde_json::Value;

use crate::json;

/// The longest argument a decoder takes.
pub const MAX_ARGUMENT_BYTES: usize = 64 << 20;

/// The most arguments a frame can hold.
pub const MAX_ARGUMENTS: usize = 15;

const VERSION: u8 = 1 << 4;
const COUNT_MASK: u8 = 0x0f;

/// One frame as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its arguments, not looked at.
    pub args: Vec<RawArg>,
}

/// The bytes of an argument, prefix included, so that an id can be echoed as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawArg(pub Bytes);

/// An argument that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `s:`; invalid UTF-8 became U+FFFD.
    Text(String),
    /// `j:`
    Json(Value),
    /// Anything else.
    Raw(Bytes),
}

/// The stream cannot be a stream of frames; close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an argument of {length} bytes is longer than {MAX_ARGUMENT_BYTES}")]
pub struct FrameError {
    /// The length that was announced.
    pub length: usize,
}

/// An argument says `j:` but is no JSON.
#[derive(Debug, thiserror::Error)]
#[error("invalid JSON in an argument: {0}")]
pub struct ArgError(#[from] serde_json::Error);

impl RawArg {
    /// A text argument.
    pub fn text(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 2);
        bytes.extend_from_slice(b"s:");
        bytes.extend_from_slice(text.as_bytes());
        Self(bytes.into())
    }

    /// A JSON argument, numbers written as JavaScript writes them.
    pub fn json(value: &Value) -> Self {
        let mut bytes = b"j:".to_vec();
        json::write(&mut bytes, value);
        Self(bytes.into())
    }

    /// What the argument says.
    ///
    /// # Errors
    ///
    /// It begins with `j:` but is no JSON.
    pub fn decode(&self) -> Result<Arg, ArgError> {
        match self.0.get(..2) {
            Some(b"s:") => Ok(Arg::Text(
                String::from_utf8_lossy(&self.0[2..]).into_owned(),
            )),
            Some(b"j:") => Ok(Arg::Json(json::parse(&self.0[2..])?)),
            _ => Ok(Arg::Raw(self.0.clone())),
        }
    }
}

impl Frame {
    /// A frame of these arguments.
    pub fn new(args: Vec<RawArg>) -> Self {
        Self { args }
    }

    /// The bytes of the frame. At most [`MAX_ARGUMENTS`] arguments can be written; none is never
    /// written by ward, since readers choke on it.
    pub fn encode(&self) -> Vec<u8> {
        debug_assert!(
            self.args.len() <= MAX_ARGUMENTS,
            "{} arguments",
            self.args.len()
        );
        let size = self.args.iter().map(|arg| arg.0.len() + 4).sum::<usize>() + 1;
        let mut bytes = Vec::with_capacity(size);
        bytes.push(VERSION | (u8::try_from(self.args.len()).unwrap_or(COUNT_MASK) & COUNT_MASK));
        for arg in &self.args {
            let length = u32::try_from(arg.0.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&arg.0);
        }
        bytes
    }
}

/// Takes bytes as they arrive, gives back frames as they become whole.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the next frame begins in `buffer`.
    start: usize,
    /// How much of the next frame must be there before looking again makes sense.
    wanted: usize,
}

impl Decoder {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > 64 << 10 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    ///
    /// An argument is announced that is too long: this is no axon peer.
    #[expect(
        clippy::should_implement_trait,
        reason = "a fallible pull, no iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let bytes = &self.buffer[self.start..];
        if bytes.is_empty() || bytes.len() < self.wanted {
            return Ok(None);
        }
        let mut ranges = Vec::new();
        let mut at = 1;
        for _ in 0..(bytes[0] & COUNT_MASK) {
            let Some(length) = bytes.get(at..at + 4) else {
                self.wanted = at + 4;
                return Ok(None);
            };
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            if length > MAX_ARGUMENT_BYTES {
                return Err(FrameError { length });
            }
            let end = at + 4 + length;
            ranges.push(at + 4..end);
            at = end;
        }
        if bytes.len() < at {
            self.wanted = at;
            return Ok(None);
        }
        let args = ranges
            .into_iter()
            .map(|range| RawArg(Bytes::copy_from_slice(&bytes[range])))
            .collect();
        self.start += at;
        self.wanted = 0;
        Ok(Some(Frame { args }))
    }
}
