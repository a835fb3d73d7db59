//! One client: a connection, a request at a time.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// An answer must fit; those of the benches have about 100 bytes.
const BUFFER: usize = 4096;

const CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
const KEEP_ALIVE: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

/// What became of a request.
pub(super) enum Step {
    /// There is no whole answer yet.
    Waits,
    /// There is one, after so many microseconds.
    Answered(u64),
}

/// One client.
pub(super) struct Client {
    port: u16,
    keep: bool,
    socket: Option<OwnedFd>,
    /// The request is not sent, because the connection is not there yet.
    connects: bool,
    began: Instant,
    buffer: Box<[u8; BUFFER]>,
    filled: usize,
    body: (usize, usize),
}

impl Client {
    pub(super) fn new(port: u16, keep: bool) -> Self {
        Self {
            port,
            keep,
            socket: None,
            connects: false,
            began: Instant::now(),
            buffer: Box::new([0; BUFFER]),
            filled: 0,
            body: (0, 0),
        }
    }

    /// The body of the last answer.
    pub(super) fn body(&self) -> &[u8] {
        &self.buffer[self.body.0..self.body.1]
    }

    /// Begins the next request, on the open connection if there is one.
    pub(super) fn begin(&mut self, epoll: impl AsFd, number: usize) -> io::Result<()> {
        self.began = Instant::now();
        self.filled = 0;
        if !self.keep {
            self.hang_up();
        }
        if self.socket.is_some() {
            return self.send();
        }
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let kind = SocketType::STREAM;
        let socket = rustix::net::socket_with(AddressFamily::INET, kind, flags, None)?;
        let place = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port);
        self.connects = match rustix::net::connect(&socket, &place) {
            Ok(()) => false,
            Err(Errno::INPROGRESS) => true,
            Err(error) => return Err(error.into()),
        };
        let wanted = if self.connects {
            EventFlags::OUT
        } else {
            EventFlags::IN
        };
        epoll::add(epoll, &socket, EventData::new_u64(number as u64), wanted)?;
        self.socket = Some(socket);
        if self.connects { Ok(()) } else { self.send() }
    }

    /// Something happened on the connection.
    pub(super) fn proceed(&mut self, epoll: impl AsFd, number: usize) -> io::Result<Step> {
        let Some(socket) = &self.socket else {
            return Ok(Step::Waits);
        };
        if self.connects {
            let data = EventData::new_u64(number as u64);
            epoll::modify(epoll, socket, data, EventFlags::IN)?;
            self.connects = false;
            self.send()?;
            return Ok(Step::Waits);
        }
        let space = &mut self.buffer[self.filled..];
        let (_, count) = match rustix::net::recv(socket, space, RecvFlags::empty()) {
            Ok(received) => received,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Step::Waits),
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.filled += count;
        let Some(body) = whole_body(&self.buffer[..self.filled])? else {
            return Ok(Step::Waits);
        };
        self.body = body;
        let micros = self.began.elapsed().as_micros();
        Ok(Step::Answered(u64::try_from(micros).unwrap_or(u64::MAX)))
    }

    /// Closes the connection, if there is one.
    pub(super) fn hang_up(&mut self) {
        self.socket = None;
        self.connects = false;
    }

    fn send(&self) -> io::Result<()> {
        let Some(socket) = &self.socket else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let request = if self.keep { KEEP_ALIVE } else { CLOSE };
        let sent = rustix::net::send(socket, request, SendFlags::NOSIGNAL)?;
        if sent < request.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }
}

/// Where the body of an answer is, when all of it is there.
fn whole_body(answer: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let text = std::str::from_utf8(answer).map_err(io::Error::other)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let (_, rest) = head
        .split_once("Content-Length: ")
        .ok_or_else(|| io::Error::other("an answer without a length"))?;
    let length = rest.split("\r\n").next().unwrap_or_default();
    let length: usize = length.parse().map_err(io::Error::other)?;
    let begin = answer.len() - body.len();
    Ok((body.len() >= length).then_some((begin, begin + length)))
}
