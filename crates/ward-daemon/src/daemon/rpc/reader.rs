//! The reading side of a connection: bytes become calls, which pass the gates one after the other.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use ward_wire::amp::{Decoder, Frame, RawArg};
use ward_wire::rpc::{Body, InvalidRequest, MOST_REQUEST, Request};

use super::Shared;
use super::connection::Connection;
use super::list_kind::ListKind;
use super::received::{RECEIVE_TIME, Refused, SMALL_REQUEST, Share, weigh};
use super::responder::{Answer, Call, Destination, Obligation, Open, Peer, Responder, Turn};

/// The most unanswered calls of one connection; further calls wait in the socket.
const IN_FLIGHT: usize = 64;

/// Up to so many bytes a request is parsed on the control thread, which takes some ten microseconds.
const PARSED_HERE: usize = 16 * 1024;

/// The connection ends: the client is gone, or what it sends cannot be understood.
#[derive(Debug)]
struct Ended;

/// The reading side of a connection.
pub(super) struct Reader {
    clients: Shared,
    to: Destination,
    peer: Peer,
    decoder: Decoder,
    /// What a large frame that is being received counts, and until when it has to be complete.
    receiving: Option<(Share, Instant)>,
    in_flight: Arc<Semaphore>,
    /// One call at a time waits to be dispatched.
    turns: Arc<Semaphore>,
    /// One list at a time is made and read.
    lists: Arc<Semaphore>,
}

impl Reader {
    pub(super) fn new(
        connection: Rc<Connection>,
        out: mpsc::UnboundedSender<Answer>,
        clients: Shared,
    ) -> Self {
        let peer = Peer {
            pid: connection
                .stream
                .peer_cred()
                .ok()
                .and_then(|cred| cred.pid()),
        };
        let all = Rc::clone(&clients.all);
        Self {
            clients,
            to: Destination {
                out,
                connection,
                all,
            },
            peer,
            decoder: Decoder::with_limit(MOST_REQUEST),
            receiving: None,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            turns: Arc::new(Semaphore::new(1)),
            lists: Arc::new(Semaphore::new(1)),
        }
    }

    /// Reads calls until the client has no more.
    pub(super) async fn run(mut self) {
        while self.calls().await.is_ok()
            && self.room().await.is_ok()
            && self.receive().await.is_ok()
        {}
    }

    /// Takes all calls that are there.
    async fn calls(&mut self) -> Result<(), Ended> {
        while let Some(frame) = self.decoder.next().map_err(|_| Ended)? {
            let receiving = self.receiving.take();
            self.to.connection.read_enough().await;
            let permit = Arc::clone(&self.in_flight).acquire_owned().await;
            let permit = permit.map_err(|_| Ended)?;
            // What a client has asked for that is gone, and reads no replies, keeps nobody else waiting.
            if self.to.out.is_closed() {
                return Err(Ended);
            }
            let Some((request, share)) = self.parse(frame).await? else {
                continue;
            };
            drop(receiving);
            // The daemon ends and answers nothing new.
            let unwritten = self.clients.unwritten.upgrade().ok_or(Ended)?;
            let open = Open {
                obligation: Obligation::new(&self.to, permit, unwritten),
                to: self.to.clone(),
                room: None,
            };
            let responder = Responder {
                // The frame it comes from is not kept for it.
                id: RawArg(Bytes::copy_from_slice(&request.id.0)),
                open: Some(open),
            };
            self.give(request.body, responder, share).await?;
        }
        Ok(())
    }

    /// Gives a request to the control loop.
    async fn give(
        &self,
        body: Body,
        mut responder: Responder,
        share: Option<Share>,
    ) -> Result<(), Ended> {
        let (method, mut args) = match body {
            Body::Methods => {
                responder.methods();
                return Ok(());
            }
            Body::Invalid(why) => {
                responder.refuse(&why.to_string());
                return Ok(());
            }
            Body::Call { method, args } => (method, args),
        };
        let mut share = share;
        if let Some(kind) = ListKind::of(&method, &args) {
            args = vec![kind.argument(&args)];
            share = None;
            let list = Arc::clone(&self.lists).acquire_owned().await;
            let room = self.to.all.room(kind).await;
            if let Some(open) = &mut responder.open {
                open.obligation.list = Some(list.map_err(|_| Ended)?);
                open.room = Some(room);
            }
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let call = Call {
            method,
            args,
            peer: self.peer.clone(),
            responder,
            turn: Turn {
                _share: share,
                _turn: turn.map_err(|_| Ended)?,
            },
        };
        self.clients.calls.send(call).map_err(|_| Ended)
    }

    /// Reads a frame; a large one on another thread, so that nobody else waits for it. The connection
    /// reads on when this is done, so its requests keep their order.
    async fn parse(&self, mut frame: Frame) -> Result<Option<(Request, Option<Share>)>, Ended> {
        let weight = match weigh(&frame) {
            Ok(weight) => weight,
            Err(Refused::Id) => return Err(Ended),
            Err(Refused::Weight) => {
                let id = frame.args.pop().ok_or(Ended)?;
                let body = Body::Invalid(InvalidRequest::Large);
                return Ok(Some((Request { id, body }, None)));
            }
        };
        let share = self.clients.received.value(weight).await;
        let length: usize = frame.args.iter().map(|arg| arg.0.len()).sum();
        let request = if length <= PARSED_HERE {
            Request::from_frame(&frame)
        } else {
            let parsed = tokio::task::spawn_blocking(move || Request::from_frame(&frame));
            // A panic, which the hook has written down.
            parsed.await.map_err(|_| Ended)?
        };
        Ok(request.map(|request| (request, share)))
    }

    /// Waits until there is room for the frame that has begun.
    async fn room(&mut self) -> Result<(), Ended> {
        let announced = self.decoder.announced();
        if announced <= SMALL_REQUEST {
            return Ok(());
        }
        match &self.receiving {
            None => {
                let share = self.clients.received.frame(announced).await.ok_or(Ended)?;
                self.receiving = Some((share, Instant::now() + RECEIVE_TIME));
            }
            // Requests have one large argument.
            Some((share, _)) if share.num_permits() < announced => return Err(Ended),
            Some(_) => {}
        }
        Ok(())
    }

    /// Adds what the client sends next to the frame that has begun.
    async fn receive(&mut self) -> Result<(), Ended> {
        let readable = self.to.connection.stream.readable();
        match &self.receiving {
            None => readable.await.map_err(|_| Ended)?,
            Some((_, until)) => {
                let readable = tokio::time::timeout_at((*until).into(), readable).await;
                readable.map_err(|_| Ended)?.map_err(|_| Ended)?;
            }
        }
        let mut buffer = [0; 8192];
        match self.to.connection.stream.try_read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return Err(Ended),
            Ok(count) => {
                self.to.connection.note_heard();
                self.decoder.push(&buffer[..count]);
            }
        }
        Ok(())
    }
}
