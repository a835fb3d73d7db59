//! Parses netlink(7) messages about TCP sockets (`linux/inet_diag.h`). Pure.

use rustix::net::AddressFamily;

/// `struct nlmsghdr`.
const HEADER: usize = 16;

/// `struct inet_diag_msg`, without the attributes behind it.
const SOCKET: usize = 72;

/// The header and `struct inet_diag_req_v2` behind it.
const REQUEST: u8 = 16 + 56;

const TYPE_ERROR: u16 = 2;
const TYPE_DONE: u16 = 3;
/// `SOCK_DIAG_BY_FAMILY`: a request, and each socket of the answer.
const TYPE_SOCKET: u16 = 20;
/// `NLM_F_REQUEST` and `NLM_F_DUMP`.
const FLAGS: u16 = 0x1 | 0x300;
const PROTOCOL_TCP: u8 = 6;

/// All states but `TIME_WAIT` (6), in which no process has the socket, and `LISTEN` (10).
const STATES: u32 = 0xfff & !(1 << 6) & !(1 << 10);

/// A TCP socket, as the kernel describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The local port.
    pub port: u16,
    /// The cookie, the socket's identifier as long as it exists.
    pub cookie: u64,
    /// The number of its file, as `/proc/<pid>/fd` shows it; 0 when no process has it.
    pub inode: u32,
}

/// A netlink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A message about a socket.
    Socket(Socket),
    /// The end of a list.
    Done,
    /// The request failed, with a positive error number.
    Failed(i32),
    /// A message of another type.
    Other,
}

impl Message {
    /// The socket in the message, if it is about one.
    pub(super) fn socket(self) -> Option<Socket> {
        match self {
            Self::Socket(socket) => Some(socket),
            Self::Done | Self::Failed(_) | Self::Other => None,
        }
    }
}

/// The messages in what one read brought. The last one may be cut; what is there of it counts if it
/// is enough.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message> {
    core::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(field(bytes, 0)?)).ok()?;
        let kind = u16::from_ne_bytes(field(bytes, 4)?);
        if length < HEADER || bytes.len() < HEADER {
            bytes = &[];
            return None;
        }
        let body = &bytes[HEADER..length.min(bytes.len())];
        // Messages are aligned to four bytes.
        let next = length.saturating_add(3) & !3;
        bytes = bytes.get(next..).unwrap_or_default();
        Some(match kind {
            TYPE_SOCKET => socket(body).map_or(Message::Other, Message::Socket),
            TYPE_DONE => Message::Done,
            TYPE_ERROR => failed(body),
            _ => Message::Other,
        })
    })
}

fn socket(body: &[u8]) -> Option<Socket> {
    if body.len() < SOCKET {
        return None;
    }
    Some(Socket {
        port: u16::from_be_bytes(field(body, 4)?),
        cookie: u64::from_ne_bytes(field(body, 44)?),
        inode: u32::from_ne_bytes(field(body, 68)?),
    })
}

/// An error number, negative as the kernel writes it; zero is success.
fn failed(body: &[u8]) -> Message {
    match field(body, 0).map(i32::from_ne_bytes) {
        Some(errno) if errno < 0 => Message::Failed(errno.saturating_neg()),
        _ => Message::Other,
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Asks for all TCP sockets of a family, on one local port or, with 0, on all.
pub(super) fn dump_request(family: AddressFamily, port: u16) -> [u8; REQUEST as usize] {
    let mut bytes = [0; REQUEST as usize];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &u32::from(REQUEST).to_ne_bytes());
    put(4, &TYPE_SOCKET.to_ne_bytes());
    put(6, &FLAGS.to_ne_bytes());
    // AF_INET and AF_INET6 are small numbers.
    put(HEADER, &[(family.as_raw() & 0xff) as u8, PROTOCOL_TCP]);
    put(HEADER + 4, &STATES.to_ne_bytes());
    put(HEADER + 8, &port.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = HEADER + body.len();
        let mut bytes = vec![0; length.next_multiple_of(4)];
        bytes[..4].copy_from_slice(&u32::try_from(length).unwrap().to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[HEADER..length].copy_from_slice(body);
        bytes
    }

    fn written(socket: Socket, attributes: &[u8]) -> Vec<u8> {
        let mut body = vec![0; SOCKET];
        body[4..6].copy_from_slice(&socket.port.to_be_bytes());
        body[44..52].copy_from_slice(&socket.cookie.to_ne_bytes());
        body[68..72].copy_from_slice(&socket.inode.to_ne_bytes());
        body.extend_from_slice(attributes);
        framed(TYPE_SOCKET, &body)
    }

    fn any_socket() -> impl Strategy<Value = (Socket, Vec<u8>)> {
        let numbers = (any::<u16>(), any::<u64>(), any::<u32>());
        let socket = numbers.prop_map(|(port, cookie, inode)| Socket {
            port,
            cookie,
            inode,
        });
        (socket, proptest::collection::vec(any::<u8>(), 0..50))
    }

    proptest! {
        #![proptest_config(ward_corpus::config(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/netlink.proptest-regressions"
        )))]

        #[test]
        fn what_is_written_is_read(sockets in proptest::collection::vec(any_socket(), 0..8)) {
            let mut bytes: Vec<u8> = sockets
                .iter()
                .flat_map(|(socket, attributes)| written(*socket, attributes))
                .collect();
            bytes.extend(framed(TYPE_DONE, &[0; 4]));
            let mut expected: Vec<Message> =
                sockets.iter().map(|(socket, _)| Message::Socket(*socket)).collect();
            expected.push(Message::Done);
            prop_assert_eq!(messages(&bytes).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn a_message_that_is_cut_behind_its_socket_counts(
            (socket, attributes) in any_socket(), cut in any::<proptest::sample::Index>(),
        ) {
            let bytes = written(socket, &attributes);
            let kept = cut.index(bytes.len() + 1);
            let found: Vec<Message> = messages(&bytes[..kept]).collect();
            if kept >= HEADER + SOCKET {
                prop_assert_eq!(found, [Message::Socket(socket)]);
            } else {
                prop_assert!(!found.iter().any(|it| matches!(it, Message::Socket(_))));
            }
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(messages(&bytes).count() <= bytes.len() / HEADER + 1);
        }

        #[test]
        fn what_is_cut_is_the_beginning_of_the_whole(
            bytes in corpus().mutated(), cut in any::<proptest::sample::Index>(),
        ) {
            let whole: Vec<Message> = messages(&bytes).collect();
            prop_assert!(whole.len() <= bytes.len() / HEADER + 1);
            let part: Vec<Message> = messages(&bytes[..cut.index(bytes.len() + 1)]).collect();
            // All but the last, which may have lost its body, are the same.
            if let Some((_, sure)) = part.split_last() {
                prop_assert_eq!(sure, &whole[..sure.len()]);
            }
            prop_assert!(part.len() <= whole.len());
        }
    }

    fn corpus() -> ward_corpus::Corpus {
        ward_corpus::Corpus::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/netlink"))
    }

    #[test]
    fn the_corpus_as_it_is() {
        let read: Vec<(String, Vec<Message>)> = corpus()
            .files()
            .map(|(name, bytes)| (name.to_owned(), messages(bytes).collect()))
            .collect();
        let socket = |port, cookie, inode| {
            Message::Socket(Socket {
                port,
                cookie,
                inode,
            })
        };
        let list = [
            socket(3000, 1, 111),
            socket(3000, 2, 0),
            socket(8080, u64::MAX, u32::MAX),
        ];
        let expected = [
            ("acknowledged", &[Message::Other, Message::Other][..]),
            ("done", &[socket(3000, 9, 5), Message::Done]),
            ("failed", &[Message::Failed(2)]),
            ("list", &list),
        ];
        assert_eq!(read.len(), expected.len());
        for ((name, messages), wanted) in read.iter().zip(expected) {
            assert_eq!((name.as_str(), messages.as_slice()), wanted);
        }
    }

    #[test]
    fn errors_are_told_by_their_number() {
        let refused = framed(TYPE_ERROR, &(-2_i32).to_ne_bytes());
        assert_eq!(messages(&refused).collect::<Vec<_>>(), [Message::Failed(2)]);
        let fine = framed(TYPE_ERROR, &0_i32.to_ne_bytes());
        assert_eq!(messages(&fine).collect::<Vec<_>>(), [Message::Other]);
    }
}
