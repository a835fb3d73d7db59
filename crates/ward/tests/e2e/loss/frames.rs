//! An HTTP/2 client that sees every frame: it knows what it has put on the wire, and demands an
//! answer to all of it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::client::PATIENCE;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// Set on a SETTINGS or PING that answers one.
const ACK: u8 = 1;
/// Set on the last HEADERS or DATA of a stream.
const END_STREAM: u8 = 1;
/// Set on HEADERS that are whole.
const END_HEADERS: u8 = 4;
/// A good-bye with this number tells no stream from another: all of them will be served.
pub(super) const ALL: u32 = (1 << 31) - 1;

/// What the other side did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A stream was answered with this body.
    Answer(String),
    /// No more streams are wanted; those above the number are not served.
    Leaving(u32),
    /// It wants to hear these bytes again.
    Ping(Vec<u8>),
    /// A stream was refused or broken off, with this code.
    Reset(u32),
    /// Anything else.
    Other,
    /// The connection ended.
    End,
}

/// A connection.
pub(super) struct Session {
    wire: TcpStream,
    next: u32,
    /// The bodies so far of the streams without a whole answer.
    pub(super) open: BTreeMap<u32, Vec<u8>>,
    /// The number of the latest good-bye.
    pub(super) leaving: Option<u32>,
}

impl Session {
    /// Connects and says hello.
    pub(super) fn start(port: u16) -> io::Result<Self> {
        let wire = TcpStream::connect(("127.0.0.1", port))?;
        wire.set_nodelay(true)?;
        wire.set_read_timeout(Some(PATIENCE))?;
        let mut session = Self {
            wire,
            next: 1,
            open: BTreeMap::new(),
            leaving: None,
        };
        session
            .wire
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        session.send(SETTINGS, 0, 0, &[])?;
        Ok(session)
    }

    /// Opens a stream.
    pub(super) fn ask(&mut self, token: &str) -> io::Result<()> {
        let length = u8::try_from(token.len() + 1).expect("a short token");
        // GET, http, and without an index the authority and the path.
        let mut block = vec![0x82, 0x86, 0x01, 1, b'x', 0x04, length, b'/'];
        block.extend(token.as_bytes());
        let id = self.next;
        self.next += 2;
        self.open.insert(id, Vec::new());
        self.send(HEADERS, END_STREAM | END_HEADERS, id, &block)
    }

    /// Answers a [`Event::Ping`].
    pub(super) fn pong(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send(PING, ACK, 0, bytes)
    }

    fn send(&mut self, kind: u8, flags: u8, id: u32, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).expect("a short frame");
        let mut frame = length.to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(id.to_be_bytes());
        frame.extend(body);
        self.wire.write_all(&frame)
    }

    /// The next thing that happens.
    pub(super) fn next(&mut self) -> io::Result<Event> {
        let mut head = [0; 9];
        // A machine that was put to sleep interrupts this, and nothing is lost by it.
        let ahead = loop {
            match self.wire.peek(&mut head) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                ahead => break ahead?,
            }
        };
        if ahead == 0 {
            return Ok(Event::End);
        }
        self.wire.read_exact(&mut head)?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut body = vec![0; number([0, a, b, c]) as usize];
        self.wire.read_exact(&mut body)?;
        self.take(kind, flags, number(id), body)
    }

    fn take(&mut self, kind: u8, flags: u8, id: u32, body: Vec<u8>) -> io::Result<Event> {
        let word = |at: usize| number(body[at..at + 4].try_into().expect("four bytes"));
        let strange = |what: &str| Err(io::Error::other(format!("{what} {id}: {body:?}")));
        match kind {
            SETTINGS if flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => return Ok(Event::Ping(body)),
            GOAWAY if word(4) == 0 => {
                self.leaving = Some(word(0));
                return Ok(Event::Leaving(word(0)));
            }
            GOAWAY => return strange("an angry good-bye"),
            RST_STREAM => {
                self.open.remove(&id);
                return Ok(Event::Reset(word(0)));
            }
            // The status comes first; 200 has a number of its own.
            HEADERS if body.first() != Some(&0x88) => return strange("a wrong status"),
            DATA => {
                if !body.is_empty() {
                    let size = u32::try_from(body.len()).expect("a frame");
                    self.send(WINDOW_UPDATE, 0, 0, &size.to_be_bytes())?;
                }
                let Some(whole) = self.open.get_mut(&id) else {
                    return strange("data without a stream");
                };
                whole.extend(body);
                if flags & END_STREAM != 0 {
                    let whole = self.open.remove(&id).expect("it was there");
                    let text = String::from_utf8(whole).map_err(io::Error::other)?;
                    return Ok(Event::Answer(text));
                }
            }
            _ => {}
        }
        Ok(Event::Other)
    }
}

fn number(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}
