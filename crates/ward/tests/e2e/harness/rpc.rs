//! A raw client of `rpc.sock` with an encoder of its own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::{DEADLINE, readable};

/// A connection to `rpc.sock`.
pub(crate) struct Rpc {
    stream: UnixStream,
    bytes: Vec<u8>,
    counter: u32,
}

impl Rpc {
    pub(super) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("rpc.sock accepts");
        Self {
            stream,
            bytes: Vec::new(),
            counter: 0,
        }
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the daemon reads");
    }

    /// Sends as many of the bytes as the daemon takes now.
    pub(crate) fn send_what_fits(&mut self, bytes: &[u8]) {
        self.stream.set_nonblocking(true).expect("a socket");
        let mut rest = bytes;
        while let Ok(count) = self.stream.write(rest) {
            rest = &rest[count..];
        }
        self.stream.set_nonblocking(false).expect("a socket");
    }

    /// Waits until the daemon closes the connection, whatever it sends before.
    pub(crate) fn ends(&mut self) {
        let until = Instant::now() + DEADLINE;
        let mut buffer = [0; 8192];
        loop {
            assert!(readable(&self.stream, until), "the connection stays open");
            if matches!(self.stream.read(&mut buffer), Ok(0) | Err(_)) {
                return;
            }
        }
    }

    /// Sends a call without waiting; returns its id.
    pub(crate) fn send(&mut self, method: &str, args: &Value) -> String {
        let id = format!("{}:{}", std::process::id(), self.counter);
        self.counter += 1;
        let call = json!({"type": "call", "method": method, "args": args}).to_string();
        self.send_raw(&frame(&[
            format!("j:{call}").as_bytes(),
            format!("s:{id}").as_bytes(),
        ]));
        id
    }

    /// The next reply: its id and its message.
    pub(crate) fn reply(&mut self) -> (String, Value) {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some((frame, rest)) = take_frame(&self.bytes) {
                self.bytes = rest;
                let message = frame[0].strip_prefix(b"j:").expect("a JSON reply");
                let id = String::from_utf8_lossy(frame[1].strip_prefix(b"s:").unwrap_or(&frame[1]));
                return (
                    id.into_owned(),
                    serde_json::from_slice(message).expect("valid JSON"),
                );
            }
            assert!(readable(&self.stream, until), "no reply came");
            let mut buffer = [0; 8192];
            let count = self
                .stream
                .read(&mut buffer)
                .expect("the reply can be read");
            assert!(count > 0, "the daemon closed the connection");
            self.bytes.extend_from_slice(&buffer[..count]);
        }
    }

    /// Calls a method and waits for its whole reply message.
    pub(crate) fn call(&mut self, method: &str, args: &Value) -> Value {
        let id = self.send(method, args);
        let (answered, message) = self.reply();
        assert_eq!(answered, id, "the reply to {method}");
        message
    }
}

/// Encodes a frame.
pub(crate) fn frame(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x10 | u8::try_from(args.len()).expect("few arguments")];
    for arg in args {
        bytes.extend_from_slice(
            &u32::try_from(arg.len())
                .expect("a short argument")
                .to_be_bytes(),
        );
        bytes.extend_from_slice(arg);
    }
    bytes
}

/// Takes the first whole frame off the bytes: its arguments and what follows.
pub(super) fn take_frame(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, Vec<u8>)> {
    let count = usize::from(bytes.first()? & 0x0f);
    let mut rest = &bytes[1..];
    let mut args = Vec::new();
    for _ in 0..count {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        args.push(tail.get(..length)?.to_vec());
        rest = &tail[length..];
    }
    Some((args, rest.to_vec()))
}
