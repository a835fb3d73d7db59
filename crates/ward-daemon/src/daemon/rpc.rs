//! `rpc.sock`: a task per connection turns bytes into calls and writes the replies in the order in
//! which they are ready. Each request gets exactly one reply, even if a handler drops it.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use ward_wire::amp::{Decoder, Frame, RawArg};
use ward_wire::rpc::{self, Body, Request};

/// The most unanswered calls of one connection; further calls wait in the socket.
const IN_FLIGHT: usize = 64;

/// Up to so many bytes a request is parsed on the control thread, which takes some ten microseconds.
const PARSED_HERE: usize = 16 * 1024;

/// A call for the control loop.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) args: Vec<Value>,
    pub(super) peer: Peer,
    pub(super) responder: Responder,
}

/// The client of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The pid of the client when it connected, if the kernel knows it.
    pub(super) pid: Option<i32>,
}

/// The obligation to reply to a request, once.
#[derive(Debug)]
pub(super) struct Responder {
    id: RawArg,
    open: Option<Open>,
}

/// What an answer needs on its way.
#[derive(Debug)]
struct Open {
    /// Holds at most as many answers as requests may be under way: each has a permit.
    out: mpsc::UnboundedSender<Answer>,
    permit: OwnedSemaphorePermit,
    unwritten: mpsc::Sender<Infallible>,
}

/// Counts the replies that are owed or not written yet, so that the daemon can end when the last
/// one is out: each holds a clone of the sender.
#[derive(Debug)]
pub(super) struct Unwritten {
    sender: mpsc::Sender<Infallible>,
    receiver: mpsc::Receiver<Infallible>,
}

impl Unwritten {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        Self { sender, receiver }
    }

    /// What connections take their clones from.
    pub(super) fn watch(&self) -> mpsc::WeakSender<Infallible> {
        self.sender.downgrade()
    }

    /// Waits until all replies are written, at most so long. Later requests get none.
    pub(super) async fn flushed(self, at_most: Duration) {
        let Self {
            sender,
            mut receiver,
        } = self;
        drop(sender);
        // A client that has not read its reply by now does not get it.
        tokio::time::timeout(at_most, receiver.recv()).await.ok();
    }
}

/// A reply on its way to the socket; the permit lets the next request in once it is written.
#[derive(Debug)]
struct Answer {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
    _unwritten: mpsc::Sender<Infallible>,
}

impl Responder {
    /// A success with a result.
    pub(super) fn ok(self, result: Value) {
        self.results(&[result]);
    }

    /// A success with these results.
    pub(super) fn results(mut self, results: &[Value]) {
        let bytes = rpc::reply_ok(&self.id, results);
        self.send(bytes);
    }

    /// A success whose result is JSON already.
    pub(super) fn written(mut self, result: &[u8]) {
        let message = [&b"j:{\"args\":["[..], result, b"]}"].concat();
        let bytes = Frame::new(vec![RawArg(message.into()), self.id.clone()]).encode();
        self.send(bytes);
    }

    /// A failure.
    pub(super) fn error(mut self, text: &str) {
        let bytes = rpc::reply_error(&self.id, text);
        self.send(bytes);
    }

    /// A failure of the protocol, without a stack.
    pub(super) fn refuse(mut self, text: &str) {
        let bytes = rpc::reply_refused(&self.id, text);
        self.send(bytes);
    }

    /// The list of methods.
    fn methods(mut self) {
        let bytes = rpc::reply_methods(&self.id);
        self.send(bytes);
    }

    /// For the two methods that PM2 never answers.
    pub(super) fn never(mut self) {
        self.open = None;
    }

    fn send(&mut self, bytes: Vec<u8>) {
        if let Some(open) = self.open.take() {
            let answer = Answer {
                bytes,
                _permit: open.permit,
                _unwritten: open.unwritten,
            };
            // A connection that is gone needs no reply.
            open.out.send(answer).ok();
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.open.is_some() {
            let bytes = rpc::reply_error(&self.id, "the daemon dropped this request");
            self.send(bytes);
        }
    }
}

/// Accepts connections for ever.
pub(super) async fn accept(
    listener: UnixListener,
    calls: mpsc::UnboundedSender<Call>,
    unwritten: mpsc::WeakSender<Infallible>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::task::spawn_local(serve(stream, calls.clone(), unwritten.clone()));
            }
            // Out of descriptors: connections wait in the backlog until some are closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(
    stream: UnixStream,
    calls: mpsc::UnboundedSender<Call>,
    unwritten: mpsc::WeakSender<Infallible>,
) {
    let peer = Peer {
        pid: stream.peer_cred().ok().and_then(|cred| cred.pid()),
    };
    let (reader, writer) = stream.into_split();
    let (out, answers) = mpsc::unbounded_channel();
    let writing = tokio::task::spawn_local(write(writer, answers));
    read(reader, &peer, out, &calls, &unwritten).await;
    // A client may close its side and still wait for what it asked.
    writing.await.ok();
}

async fn read(
    mut reader: OwnedReadHalf,
    peer: &Peer,
    out: mpsc::UnboundedSender<Answer>,
    calls: &mpsc::UnboundedSender<Call>,
    unwritten: &mpsc::WeakSender<Infallible>,
) {
    let permits = std::sync::Arc::new(Semaphore::new(IN_FLIGHT));
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; 8192];
    loop {
        loop {
            let frame = match decoder.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(_) => return,
            };
            let request = match parse(frame).await {
                Ok(Some(request)) => request,
                Ok(None) => continue,
                Err(Unparsed) => return,
            };
            let Ok(permit) = std::sync::Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            // The daemon ends and answers nothing new.
            let Some(unwritten) = unwritten.upgrade() else {
                return;
            };
            let responder = Responder {
                id: request.id,
                open: Some(Open {
                    out: out.clone(),
                    permit,
                    unwritten,
                }),
            };
            match request.body {
                Body::Methods => responder.methods(),
                Body::Invalid(why) => responder.refuse(&why.to_string()),
                Body::Call { method, args } => {
                    let call = Call {
                        method,
                        args,
                        peer: peer.clone(),
                        responder,
                    };
                    if calls.send(call).is_err() {
                        return;
                    }
                }
            }
        }
        match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => decoder.push(&buffer[..count]),
        }
    }
}

/// Parsing ended with a panic, which the hook has written down: the connection ends.
#[derive(Debug)]
struct Unparsed;

/// Reads a frame; a large one on another thread, so that nobody else waits for it. The connection
/// reads on when this is done, so its requests keep their order.
async fn parse(frame: Frame) -> Result<Option<Request>, Unparsed> {
    let length: usize = frame.args.iter().map(|arg| arg.0.len()).sum();
    if length <= PARSED_HERE {
        return Ok(Request::from_frame(&frame));
    }
    let parsed = tokio::task::spawn_blocking(move || Request::from_frame(&frame));
    parsed.await.map_err(|_| Unparsed)
}

async fn write(mut writer: OwnedWriteHalf, mut answers: mpsc::UnboundedReceiver<Answer>) {
    while let Some(answer) = answers.recv().await {
        if writer.write_all(&answer.bytes).await.is_err() {
            return;
        }
    }
}
