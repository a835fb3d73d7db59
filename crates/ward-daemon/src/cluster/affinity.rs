//! What makes a connection belong to a slot: a number drawn from the peer's address, or from a
//! header or cookie of its first request. The request is only looked at, never taken.

use httparse::{EMPTY_HEADER, Header, Request, Status};
use serde::{Deserialize, Serialize};
use ward_core::balance::session::Session;

use super::Connection;

/// A request with more headers than this belongs to nobody.
const HEADERS: usize = 256;

/// A connection that waits for a worker.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) connection: Connection,
    pub(super) affinity: Affinity,
}

/// Whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Affinity {
    /// Nobody has looked.
    Unknown,
    /// The slot that draws highest for this session.
    Drawn(Session),
    /// Anybody's.
    None,
}

impl Waiter {
    /// One nobody has looked at.
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            affinity: Affinity::Unknown,
        }
    }
}

impl Affinity {
    /// All that have the same mark belong together.
    pub(super) fn by(mark: &[u8]) -> Self {
        Self::Drawn(Session::of(mark))
    }
}

/// What is looked for in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// The value of this header, in any case.
    Header(&'a str),
    /// The value of this cookie.
    Cookie(&'a str),
}

/// What the beginning of a connection says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It may still come.
    Partial,
    /// This value.
    Marked(Vec<u8>),
    /// A request without it, or with nothing in it: a new session, perhaps.
    Unmarked,
    /// No request of HTTP/1 (RFC 9112): TLS, HTTP/2, or another protocol.
    NotHttp,
}

impl Head {
    /// Reads as much of a request as there is.
    pub(super) fn read(bytes: &[u8], mark: Mark<'_>) -> Self {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let mut request = Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(Status::Complete(_)) => Self::of(mark.value_in(request.headers)),
            // A server refuses a request with such a header; whose it is does not matter.
            Err(_) if request.version.is_some() => Self::Unmarked,
            Err(_) => Self::NotHttp,
            Ok(Status::Partial) => match Self::begun(bytes, mark) {
                Some(value) => Self::Marked(value),
                None => Self::Partial,
            },
        }
    }

    fn of(value: Option<&[u8]>) -> Self {
        value.map_or(Self::Unmarked, |value| Self::Marked(value.to_vec()))
    }

    /// The value, if it is in a whole line of what has come: a head may be longer than what is
    /// looked at.
    fn begun(bytes: &[u8], mark: Mark<'_>) -> Option<Vec<u8>> {
        let mut ends = memchr::memchr_iter(b'\n', bytes);
        let (first, last) = (ends.next()?, ends.next_back()?);
        let lines = [&bytes[first + 1..=last], b"\r\n"].concat();
        let mut headers = [EMPTY_HEADER; HEADERS];
        match httparse::parse_headers(&lines, &mut headers) {
            Ok(Status::Complete((_, headers))) => mark.value_in(headers).map(<[u8]>::to_vec),
            Ok(Status::Partial) | Err(_) => None,
        }
    }
}

impl Mark<'_> {
    /// The first value that is not empty.
    fn value_in<'l>(&self, headers: &[Header<'l>]) -> Option<&'l [u8]> {
        let (name, cookie) = match self {
            Self::Header(name) => (*name, None),
            Self::Cookie(cookie) => ("cookie", Some(*cookie)),
        };
        let named = headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        let values = named.filter_map(|header| match cookie {
            Some(cookie) => cookie_in(header.value, cookie),
            None => Some(header.value.trim_ascii()),
        });
        let mut values = values.filter(|value| !value.is_empty());
        values.next()
    }
}

/// The value of a cookie in a header (RFC 6265 section 4.2.1).
fn cookie_in<'l>(header: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let mut pairs = header.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

#[cfg(test)]
mod parsers;
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: &[u8] = b"GET /a?b HTTP/1.1\r\nHost: x\r\nX-Session:  abc \r\n\
        Cookie: first=1; sid=s%3A1; other=sid\r\n\r\nbody";

    fn marked(value: &str) -> Head {
        Head::Marked(value.as_bytes().to_vec())
    }

    #[test]
    fn headers_and_cookies_are_found() {
        assert_eq!(
            Head::read(REQUEST, Mark::Header("x-session")),
            marked("abc")
        );
        assert_eq!(Head::read(REQUEST, Mark::Cookie("sid")), marked("s%3A1"));
        assert_eq!(Head::read(REQUEST, Mark::Cookie("other")), marked("sid"));
        for absent in [
            Mark::Cookie("id"),
            Mark::Cookie("SID"),
            Mark::Header("session"),
        ] {
            assert_eq!(Head::read(REQUEST, absent), Head::Unmarked, "{absent:?}");
        }
    }

    #[test]
    fn what_is_no_request_is_told_as_soon_as_it_is_seen() {
        for bytes in [
            &b"\x16\x03\x01"[..],
            b"PRI * HTTP/2.0\r\n",
            b"\0",
            b"HELO there\r\n",
        ] {
            assert_eq!(
                Head::read(bytes, Mark::Header("x")),
                Head::NotHttp,
                "{bytes:?}"
            );
        }
    }

    proptest! {
        /// However little is there, it is never taken for something else than the whole says.
        #[test]
        fn a_beginning_is_partial_or_right(end in 0..REQUEST.len()) {
            for mark in [Mark::Header("x-session"), Mark::Cookie("sid"), Mark::Cookie("none")] {
                let read = Head::read(&REQUEST[..end], mark);
                prop_assert!(read == Head::Partial || read == Head::read(REQUEST, mark));
            }
        }

        #[test]
        fn no_bytes_are_a_panic(bytes: Vec<u8>, request in "[A-Z]{1,4} / HTTP/1.1\r\n[a-z:;= \r\n]{0,40}") {
            Head::read(&bytes, Mark::Cookie("a"));
            Head::read(request.as_bytes(), Mark::Cookie("a"));
        }
    }
}
