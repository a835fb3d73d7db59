//! AMP frames, the outer layer of both client sockets: a count byte, then length-prefixed
//! arguments.
//!
//! This module does not know the meaning of arguments; it only tells text, JSON and raw bytes
//! apart. Arguments stay bytes until the caller decodes them, so that an id can be echoed exactly
//! as it came.

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use serde_json::Value;

use crate::json;

/// The longest argument that a [`Decoder`] accepts, in bytes.
pub const MAX_ARGUMENT: usize = 64 << 20;

/// The bytes by which all arguments of a frame may exceed [`MAX_ARGUMENT`] together; ids are short.
const FRAME_SLACK: usize = 1 << 20;

/// After a frame of more bytes the buffer begins anew, so that a connection does not keep the memory of its largest frame.
const KEPT: usize = 16 << 10;

/// The most arguments a frame can hold: the count is four bits wide.
pub const MAX_ARGUMENTS: usize = 15;

/// Writers put protocol version 1 in the high half of the first byte; readers ignore it.
const VERSION: u8 = 0x10;

const TEXT: &[u8] = b"s:";
const JSON: &[u8] = b"j:";

/// An argument as it stands on the wire, with its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RawArg(pub Bytes);

/// A decoded argument.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// `s:`, a string.
    Text(String),
    /// `j:`, a JSON value.
    Json(Value),
    /// Anything else: the whole argument.
    Raw(Bytes),
}

/// An argument cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum ArgError {
    /// What follows `j:` is not JSON.
    #[error("argument is not valid JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl RawArg {
    /// A string argument.
    pub fn text(text: &str) -> Self {
        Self([TEXT, text.as_bytes()].concat().into())
    }

    /// A JSON argument.
    pub fn json(value: &Value) -> Self {
        let mut out = JSON.to_vec();
        json::write_value(&mut out, value);
        Self(out.into())
    }

    /// A JSON argument made from any serialisable value, without a detour over [`Value`].
    ///
    /// # Errors
    ///
    /// The value has no JSON form.
    pub fn serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let mut out = JSON.to_vec();
        json::write(&mut out, value)?;
        Ok(Self(out.into()))
    }

    /// Decodes the argument. Invalid UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    ///
    /// What follows `j:` is not JSON.
    pub fn decode(&self) -> Result<Arg, ArgError> {
        if let Some(text) = self.0.strip_prefix(TEXT) {
            Ok(Arg::Text(String::from_utf8_lossy(text).into_owned()))
        } else if let Some(text) = self.0.strip_prefix(JSON) {
            Ok(Arg::Json(json::parse(text)?))
        } else {
            Ok(Arg::Raw(self.0.clone()))
        }
    }
}

/// One message: at most [`MAX_ARGUMENTS`] arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The arguments.
    pub args: Vec<RawArg>,
}

impl Frame {
    /// A frame of these arguments.
    pub fn new(args: Vec<RawArg>) -> Self {
        Self { args }
    }

    /// The two-argument frame that requests, replies and events are.
    pub fn pair(first: RawArg, second: RawArg) -> Self {
        Self {
            args: vec![first, second],
        }
    }

    /// The bytes of the frame. Official readers lose a frame without arguments: never send one.
    ///
    /// # Panics
    ///
    /// There are more than [`MAX_ARGUMENTS`] arguments; their number cannot be written.
    pub fn encode(&self) -> Vec<u8> {
        let count = self.args.len();
        assert!(count <= MAX_ARGUMENTS, "{count} arguments in a frame");
        let size = self.args.iter().map(|arg| 4 + arg.0.len()).sum::<usize>();
        let mut out = Vec::with_capacity(1 + size);
        out.push(VERSION | u8::try_from(count).expect("it was just compared"));
        for RawArg(bytes) in &self.args {
            let length = u32::try_from(bytes.len()).expect("an argument is far below 4 GiB");
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(bytes);
        }
        out
    }
}

/// A frame of two arguments, of each of which the parts are given: nothing is copied twice.
pub(crate) fn encode_pair(first: &[&[u8]], second: &[&[u8]]) -> Vec<u8> {
    let sizes = [first, second].map(|parts| parts.iter().map(|part| part.len()).sum::<usize>());
    let mut out = Vec::with_capacity(1 + 8 + sizes[0] + sizes[1]);
    out.push(VERSION | 2);
    for (size, parts) in sizes.into_iter().zip([first, second]) {
        let length = u32::try_from(size).expect("an argument is far below 4 GiB");
        out.extend_from_slice(&length.to_be_bytes());
        for part in parts {
            out.extend_from_slice(part);
        }
    }
    out
}

/// The stream is not AMP; the caller closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length prefix exceeds the limit. Foreign protocols end here too: `HTTP` is a long length.
    #[error("argument of {length} bytes exceeds the limit of {limit}")]
    ArgumentTooLong {
        /// The announced length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The arguments of one frame together exceed the limit.
    #[error("frame of {length} bytes exceeds the limit of {limit}")]
    FrameTooLong {
        /// The sum of the announced lengths in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

/// Cuts a byte stream into frames.
///
/// Work is proportional to the bytes pushed, however they are cut; memory is what was pushed and
/// not yet taken, not what a length prefix promises.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    limit: usize,
    /// The frame under construction, if its first byte has come.
    partial: Option<Partial>,
    failed: Option<FrameError>,
}

#[derive(Debug)]
struct Partial {
    missing: usize,
    total: usize,
    length: Option<usize>,
    args: Vec<RawArg>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the usual limit, [`MAX_ARGUMENT`].
    pub fn new() -> Self {
        Self::with_limit(MAX_ARGUMENT)
    }

    /// A decoder which refuses arguments longer than `limit`.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            partial: None,
            failed: None,
        }
    }

    /// How many bytes the arguments of the frame that comes next have together, as far as their lengths are known. A
    /// caller that counts memory looks here before it reads on.
    pub fn announced(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.total)
    }

    /// Adds received bytes. After an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next complete frame, or `None` until more bytes come.
    ///
    /// # Errors
    ///
    /// A length exceeds the limit; every later call fails the same way.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: None means not yet, and more may follow"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.advance().inspect_err(|&error| {
            self.failed = Some(error);
            self.buffer = BytesMut::new();
            self.partial = None;
        })
    }

    fn advance(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.partial.is_none() {
            let Some(&meta) = self.buffer.first() else {
                return Ok(None);
            };
            self.buffer.advance(1);
            let missing = usize::from(meta & 0x0f);
            self.partial = Some(Partial {
                missing,
                total: 0,
                length: None,
                args: Vec::with_capacity(missing),
            });
        }
        let Some(partial) = &mut self.partial else {
            return Ok(None);
        };
        while partial.missing > 0 {
            if !partial.take_argument(&mut self.buffer, self.limit)? {
                return Ok(None);
            }
        }
        let args = std::mem::take(&mut partial.args);
        let is_large = partial.total > KEPT;
        self.partial = None;
        if is_large {
            // Else what is left would keep the memory of the whole frame.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        Ok(Some(Frame::new(args)))
    }
}

impl Partial {
    /// Takes one argument from `buffer`; false if it is not all there.
    fn take_argument(&mut self, buffer: &mut BytesMut, limit: usize) -> Result<bool, FrameError> {
        let length = match self.length {
            Some(length) => length,
            None => match self.read_length(buffer, limit)? {
                Some(length) => *self.length.insert(length),
                None => return Ok(false),
            },
        };
        if buffer.len() < length {
            return Ok(false);
        }
        self.args.push(RawArg(buffer.split_to(length).freeze()));
        self.length = None;
        self.missing -= 1;
        Ok(true)
    }

    fn read_length(
        &mut self,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Result<Option<usize>, FrameError> {
        if buffer.len() < 4 {
            return Ok(None);
        }
        let length = usize::try_from(buffer.get_u32()).unwrap_or(usize::MAX);
        if length > limit {
            return Err(FrameError::ArgumentTooLong { length, limit });
        }
        self.total += length;
        let limit = limit.saturating_add(FRAME_SLACK);
        if self.total > limit {
            let length = self.total;
            return Err(FrameError::FrameTooLong { length, limit });
        }
        Ok(Some(length))
    }
}
