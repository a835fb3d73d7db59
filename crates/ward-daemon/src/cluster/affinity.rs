//! What makes a connection belong to a slot: a number drawn from the peer's address, or from a
//! header or cookie of its first request. The request is only looked at, never taken.

use std::hash::{DefaultHasher, Hasher as _};

use super::Connection;

/// A connection that waits for a worker.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) connection: Connection,
    pub(super) affinity: Affinity,
}

/// Whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    /// Nobody has looked.
    Unknown,
    /// The slot that draws highest with this number.
    Drawn(u64),
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
    /// All that are alike in this belong together.
    pub(super) fn by(likeness: impl std::hash::Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        likeness.hash(&mut hasher);
        Self::Drawn(hasher.finish())
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
    PortHolder,
}

impl Head {
    /// Reads as much of a request as there is.
    pub(super) fn read(bytes: &[u8], mark: Mark<'_>) -> Self {
        if !bytes.first().is_none_or(u8::is_ascii_uppercase) {
            return Self::PortHolder;
        }
        let mut lines = Lines(bytes);
        match lines.next() {
            None => return Self::Partial,
            Some(line) if !line.ends_with(b" HTTP/1.1") && !line.ends_with(b" HTTP/1.0") => {
                return Self::PortHolder;
            }
            Some(_) => {}
        }
        for line in lines {
            if line.is_empty() {
                return Self::Unmarked;
            }
            if let Some(value) = mark.value_in(line).filter(|value| !value.is_empty()) {
                return Self::Marked(value.to_vec());
            }
        }
        Self::Partial
    }
}

impl Mark<'_> {
    fn value_in<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        match self {
            Self::Header(header) => name
                .eq_ignore_ascii_case(header.as_bytes())
                .then_some(value),
            Self::Cookie(cookie) => {
                let mut pairs = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
                let wanted = |pair: &[u8]| {
                    let value = pair.strip_prefix(cookie.as_bytes())?.strip_prefix(b"=")?;
                    Some(pair.len() - value.len())
                };
                name.eq_ignore_ascii_case(b"cookie")
                    .then(|| pairs.find_map(|pair| wanted(pair).map(|begin| &pair[begin..])))
                    .flatten()
            }
        }
    }
}

/// The whole lines, without their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.0.iter().position(|&byte| byte == b'\n')?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
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
                Head::PortHolder,
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
