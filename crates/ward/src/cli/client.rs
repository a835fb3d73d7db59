//! The client side of `rpc.sock`: one blocking connection, one call at a time, a deadline on each.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::{Value, json};

use crate::exit::Failure;
use crate::paths::Paths;

/// How long a call may take unless the command says otherwise. Generous: stopping a hundred
/// stubborn apps takes a while, and a daemon that hangs is rare.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to the daemon.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    patience: Duration,
    next: u64,
    buffer: Vec<u8>,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The daemon refused; its text.
    #[error("{0}")]
    Refused(String),
    /// No answer in time.
    #[error("the daemon did not answer within {}", seconds(.0))]
    Deadline(Duration),
    /// The connection broke.
    #[error("the daemon closed the connection before it answered")]
    Closed,
    /// The connection failed.
    #[error("cannot talk to the daemon: {0}")]
    Io(#[from] io::Error),
    /// What came back is no reply.
    #[error("the daemon sent something that is no reply")]
    Garbage,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            CallError::Deadline(_) => {
                failure.with_hint("give it more time with --timeout, or look into its log, pm2.log")
            }
            _ => failure,
        }
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{}s", duration.as_secs_f32())
}

impl Client {
    /// Connects to the daemon, and starts it when there is none.
    pub(crate) fn connect_or_start(paths: &Paths) -> Result<Self, Failure> {
        match Self::connect_existing(paths)? {
            Some(client) => Ok(client),
            None => Err(Failure::new("no daemon is running")),
        }
    }

    /// Connects to the daemon if there is one.
    pub(crate) fn connect_existing(paths: &Paths) -> Result<Option<Self>, Failure> {
        match UnixStream::connect(&paths.rpc_socket) {
            Ok(stream) => Ok(Some(Self::over(stream))),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(unreachable_socket(paths, &error)),
            },
        }
    }

    fn over(stream: UnixStream) -> Self {
        Self {
            stream,
            patience: PATIENCE,
            next: 0,
            buffer: Vec::new(),
        }
    }

    /// Changes how long each call may take.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// How long each call may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Calls a method and waits for its result, as long as this client's patience lasts.
    pub(crate) fn call(&mut self, method: &str, args: &[Value]) -> Result<Value, CallError> {
        self.call_within(method, args, self.patience)
    }

    /// Calls a method with a deadline of its own.
    pub(crate) fn call_within(
        &mut self,
        method: &str,
        args: &[Value],
        patience: Duration,
    ) -> Result<Value, CallError> {
        let deadline = Instant::now() + patience;
        let id = format!("{}:{}", std::process::id(), self.next);
        self.next += 1;
        let call = json!({"type": "call", "method": method, "args": args});
        let frame = frame(&[&format!("j:{call}"), &format!("s:{id}")]);
        self.stream.set_write_timeout(Some(patience))?;
        self.stream.write_all(&frame)?;
        loop {
            let arguments = self.read_frame(deadline, patience)?;
            let [message, reply_to] = arguments.as_slice() else {
                return Err(CallError::Garbage);
            };
            // A late reply to a call that was given up.
            if reply_to.strip_prefix(b"s:") != Some(id.as_bytes()) {
                continue;
            }
            let reply = message
                .strip_prefix(b"j:")
                .and_then(|text| serde_json::from_slice(text).ok())
                .ok_or(CallError::Garbage)?;
            return result_of(reply);
        }
    }

    /// The records of all processes, as `jlist` shows them.
    pub(crate) fn records(&mut self) -> Result<Vec<Value>, Failure> {
        match self.call("getMonitorData", &[json!({})])? {
            Value::Array(records) => Ok(records),
            _ => Err(CallError::Garbage.into()),
        }
    }

    fn read_frame(
        &mut self,
        deadline: Instant,
        patience: Duration,
    ) -> Result<Vec<Vec<u8>>, CallError> {
        loop {
            if let Some((arguments, length)) = parse(&self.buffer) {
                self.buffer.drain(..length);
                return Ok(arguments);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CallError::Deadline(patience));
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(CallError::Closed),
                Ok(length) => self.buffer.extend_from_slice(&chunk[..length]),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        return Err(CallError::Deadline(patience));
                    }
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error.into()),
                },
            }
        }
    }
}

fn result_of(reply: Value) -> Result<Value, CallError> {
    let Value::Object(mut reply) = reply else {
        return Err(CallError::Garbage);
    };
    if let Some(error) = reply.remove("error") {
        return Err(CallError::Refused(match error {
            Value::String(text) => text,
            other => other.to_string(),
        }));
    }
    match reply.remove("args") {
        Some(Value::Array(mut args)) if !args.is_empty() => Ok(args.swap_remove(0)),
        Some(Value::Array(_)) => Ok(Value::Null),
        _ => Err(CallError::Garbage),
    }
}

/// A socket that is there and cannot be used: another user's, mostly.
fn unreachable_socket(paths: &Paths, error: &io::Error) -> Failure {
    let socket = paths.rpc_socket.display();
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Failure::new(format!("Permission denied, check permissions on {socket}"));
    }
    Failure::new(format!("cannot connect to {socket}: {error}"))
}

fn frame(arguments: &[&str]) -> Vec<u8> {
    let mut frame = vec![0x10 | u8::try_from(arguments.len()).expect("two arguments")];
    for argument in arguments {
        let length = u32::try_from(argument.len()).expect("a request below 4 GiB");
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(argument.as_bytes());
    }
    frame
}

fn parse(buffer: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let count = buffer.first()? & 0x0f;
    let mut at = 1;
    let mut arguments = Vec::new();
    for _ in 0..count {
        let length = buffer.get(at..at + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        arguments.push(buffer.get(at + 4..at + 4 + length)?.to_vec());
        at += 4 + length;
    }
    Some((arguments, at))
}
