//! The client side of `rpc.sock`: one blocking connection, one call at a time, a deadline on each.

mod subscription;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::{Value, json};
use ward_home::Paths;
use ward_wire::amp::{Decoder, Frame, RawArg};
use ward_wire::rpc::{self, MOST_REQUEST};

use crate::cli::daemon;
use crate::exit::Failure;

pub(crate) use self::subscription::Subscription;

/// The default deadline of a call. It is generous, because stopping a hundred stubborn apps takes a
/// while and a daemon that hangs is rare.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// The longest reply in bytes: the list of very many apps with large environments. What is no daemon mostly announces
/// more.
const LONGEST_REPLY: usize = 1 << 30;

/// A connection to the daemon.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    patience: Duration,
    started: bool,
    next: u64,
    decoder: Decoder,
    /// The ids of the calls without a reply.
    pending: Vec<RawArg>,
    /// Replies that arrived while the client waited for another one.
    early: Vec<(RawArg, Reply)>,
}

type Reply = Result<Vec<Value>, rpc::RemoteError>;

/// A call that was sent and whose reply is still to be read.
#[derive(Debug)]
pub(crate) struct PendingCall {
    id: RawArg,
    method: &'static str,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The daemon refused the call, with this text.
    #[error("{0}")]
    Refused(String),
    /// The daemon does not know ward's own methods.
    #[error("the daemon of this home is PM2's, not ward's")]
    Foreign,
    /// No reply arrived within this time.
    #[error("the daemon did not answer within {}", seconds(.0))]
    Deadline(Duration),
    /// The call is longer than any the daemon takes; nothing was sent.
    #[error("the request is too large: it has {0} bytes, and a daemon takes {MOST_REQUEST}")]
    TooLarge(usize),
    /// The daemon closed the connection.
    #[error("the daemon closed the connection before it answered")]
    Closed,
    /// The connection failed.
    #[error("cannot talk to the daemon: {0}")]
    Io(#[from] io::Error),
    /// The daemon sent something that is not a reply.
    #[error("the daemon sent something that is no reply")]
    Garbage,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            CallError::Foreign => failure.with_hint(
                "to take over: `pm2 save && pm2 kill` with PM2, then `resurrect` with ward",
            ),
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
    /// Connects to the daemon, and starts it if there is none.
    pub(crate) fn connect_or_start(paths: &Paths) -> Result<Self, Failure> {
        let (stream, started) = daemon::ensure(paths)?;
        Ok(Self {
            started,
            ..Self::over(stream)
        })
    }

    /// Whether the daemon was started for this connection.
    pub(crate) fn has_started_daemon(&self) -> bool {
        self.started
    }

    /// Connects to the daemon if there is one.
    pub(crate) fn connect_existing(paths: &Paths) -> Result<Option<Self>, Failure> {
        paths.check()?;
        match daemon::reach(&paths.rpc_socket) {
            Ok(stream) => Ok(Some(Self::over(stream))),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(daemon::unreachable_socket(&paths.rpc_socket, &error)),
            },
        }
    }

    fn over(stream: UnixStream) -> Self {
        Self {
            stream,
            patience: PATIENCE,
            started: false,
            next: 0,
            decoder: Decoder::with_limit(LONGEST_REPLY),
            pending: Vec::new(),
            early: Vec::new(),
        }
    }

    /// Changes the deadline of each call.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The longest time that each call may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Calls a method and waits for its result, with the client's own deadline.
    pub(crate) fn call(&mut self, method: &str, args: &[Value]) -> Result<Value, CallError> {
        self.call_within(method, args, self.patience)
    }

    /// Calls a method and waits for its result at most `patience`.
    pub(crate) fn call_within(
        &mut self,
        method: &str,
        args: &[Value],
        patience: Duration,
    ) -> Result<Value, CallError> {
        let deadline = Instant::now() + patience;
        let id = self.send(method, args, patience)?;
        self.receive(method, &id, deadline, patience)
    }

    /// Sends a call, so that the daemon works on it while the reply to another is waited for.
    pub(crate) fn begin(
        &mut self,
        method: &'static str,
        args: &[Value],
    ) -> Result<PendingCall, CallError> {
        let id = self.send(method, args, self.patience)?;
        Ok(PendingCall { id, method })
    }

    /// Waits for the result of a call that was sent before.
    pub(crate) fn finish(&mut self, call: &PendingCall) -> Result<Value, CallError> {
        let deadline = Instant::now() + self.patience;
        self.receive(call.method, &call.id, deadline, self.patience)
    }

    fn send(
        &mut self,
        method: &str,
        args: &[Value],
        patience: Duration,
    ) -> Result<RawArg, CallError> {
        let id = format!("{}:{}", std::process::id(), self.next);
        self.next += 1;
        let call = rpc::encode_call(method, args, &id);
        if call.len() > MOST_REQUEST {
            return Err(CallError::TooLarge(call.len()));
        }
        self.stream.set_write_timeout(Some(patience))?;
        self.stream.write_all(&call)?;
        let id = RawArg::text(&id);
        self.pending.push(id.clone());
        Ok(id)
    }

    fn receive(
        &mut self,
        method: &str,
        id: &RawArg,
        deadline: Instant,
        patience: Duration,
    ) -> Result<Value, CallError> {
        let reply = self.reply(id, deadline, patience);
        // A reply that arrives after its deadline is dropped.
        self.pending.retain(|pending| pending != id);
        match reply? {
            Ok(results) => Ok(results.into_iter().next().unwrap_or(Value::Null)),
            Err(error) => Err(refusal(method, error.message)),
        }
    }

    fn reply(
        &mut self,
        id: &RawArg,
        deadline: Instant,
        patience: Duration,
    ) -> Result<Reply, CallError> {
        if let Some(at) = self.early.iter().position(|(early, _)| early == id) {
            return Ok(self.early.swap_remove(at).1);
        }
        loop {
            let frame = self.read_frame(deadline, patience)?;
            let (reply_to, reply) = rpc::decode_reply(&frame).map_err(|_| CallError::Garbage)?;
            if reply_to == *id {
                return Ok(reply);
            }
            if self.pending.contains(&reply_to) {
                self.early.push((reply_to, reply));
            }
        }
    }

    /// Waits until the daemon closes the connection, which it does when it ends.
    pub(crate) fn wait_for_end(mut self) -> Result<(), CallError> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.read_frame(deadline, self.patience) {
                Ok(_) => {}
                Err(CallError::Closed) => return Ok(()),
                Err(CallError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The records of all processes with only the fields that selections need. PM2's daemon has no
    /// such list and returns whole records.
    pub(crate) fn summaries(&mut self) -> Result<Vec<Value>, Failure> {
        let answer = self.call("ward:list", &[json!({ "table": false })]);
        self.brief_records(answer)
    }

    /// The data of the table of `list`: records with `monit`, and the figures of the host. A daemon
    /// without figures of the host is no failure.
    pub(crate) fn table(&mut self) -> Result<(Vec<Value>, Option<Value>), Failure> {
        let records = self.begin("ward:list", &[json!({ "table": true })])?;
        let host = self.begin("getSystemData", &[json!({})])?;
        let records = self.finish(&records);
        let records = self.brief_records(records)?;
        Ok((records, self.finish(&host).ok()))
    }

    fn brief_records(&mut self, answer: Result<Value, CallError>) -> Result<Vec<Value>, Failure> {
        match answer {
            Ok(Value::Array(records)) => Ok(records),
            Ok(_) => Err(CallError::Garbage.into()),
            Err(CallError::Refused(_) | CallError::Foreign) => self.records(),
            Err(error) => Err(error.into()),
        }
    }

    /// The records of all processes, as `jlist` shows them.
    pub(crate) fn records(&mut self) -> Result<Vec<Value>, Failure> {
        match self.call("getMonitorData", &[json!({})])? {
            Value::Array(records) => Ok(records),
            _ => Err(CallError::Garbage.into()),
        }
    }

    fn read_frame(&mut self, deadline: Instant, patience: Duration) -> Result<Frame, CallError> {
        loop {
            if let Some(frame) = self.decoder.next().map_err(|_| CallError::Garbage)? {
                return Ok(frame);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CallError::Deadline(patience));
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 16_384];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(CallError::Closed),
                Ok(length) => self.decoder.push(&chunk[..length]),
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

fn refusal(method: &str, text: String) -> CallError {
    if method.starts_with("ward:") && text == rpc::unknown_method(method) {
        CallError::Foreign
    } else {
        CallError::Refused(text)
    }
}
