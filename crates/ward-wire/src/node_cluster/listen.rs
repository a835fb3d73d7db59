//! Translates a worker's request to listen into the socket to make.

use std::net::IpAddr;

use serde_json::Value;

use super::inbound::LONGEST_TEXT;
use crate::json::{self, RawJson};

/// What Node uses when the app gives no backlog.
const DEFAULT_BACKLOG: i32 = 511;

const IPV6_ONLY: u64 = 1;
const UDP_REUSE_ADDR: u64 = 4;

/// What kind of address a server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressType {
    /// `4`; also what Node says when the app names no host at all.
    Tcp4,
    /// `6`.
    Tcp6,
    /// `-1`.
    Unix,
    /// `"udp4"`.
    Udp4,
    /// `"udp6"`.
    Udp6,
    /// `null`: a descriptor.
    Descriptor,
    /// None of these; there is no endpoint for it.
    Other,
}

impl AddressType {
    fn from_value(value: &Value) -> Self {
        match (value.as_i64(), value.as_str()) {
            (Some(4), _) => Self::Tcp4,
            (Some(6), _) => Self::Tcp6,
            (Some(-1), _) => Self::Unix,
            (_, Some("udp4")) => Self::Udp4,
            (_, Some("udp6")) => Self::Udp6,
            _ if value.is_null() => Self::Descriptor,
            _ => Self::Other,
        }
    }

    /// The text of the type in a key.
    fn key_text(self) -> &'static str {
        match self {
            Self::Tcp4 => "4",
            Self::Tcp6 => "6",
            Self::Unix => "-1",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
            Self::Descriptor => "null",
            Self::Other => "other",
        }
    }
}

/// The fields of `queryServer` and `listening`, as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenQuery {
    /// How many servers of this worker listen on the same address already.
    pub index: u64,
    /// What all workers should share, such as TLS ticket keys; the first worker's is kept.
    pub data: RawJson,
    /// A literal IP address or an absolute path; none means every address.
    pub address: Option<String>,
    /// None for descriptors, and for UDP without a port.
    pub port: Option<i64>,
    /// What kind of address it is.
    pub address_type: AddressType,
    /// A descriptor of the worker, or -1.
    pub fd: Option<i64>,
    /// See [`ListenQuery::ipv6_only`] and [`ListenQuery::reuse_addr`].
    pub flags: u64,
    /// See [`ListenQuery::backlog`].
    pub backlog: Option<i64>,
    /// The path shall be readable for all; the primary changes the mode.
    pub readable_all: bool,
    /// The path shall be writable for all.
    pub writable_all: bool,
}

impl ListenQuery {
    /// Reads the fields. It never fails, because a worker waits for the answer whatever it asked;
    /// apps pass odd values through to here: `listen(80, host, callback)` yields `"backlog":false`,
    /// `bind("53")` yields `"port":"53"`, and `readableAll` is whatever the app deemed true.
    pub(super) fn from_json(message: &RawJson) -> Self {
        let names = [
            "data",
            "address",
            "port",
            "addressType",
            "fd",
            "flags",
            "backlog",
            "index",
            "readableAll",
            "writableAll",
        ];
        let found = message.fields(names).unwrap_or_default();
        let [data, address, scalars @ ..] = found;
        let scalars = scalars.map(|field| short(field.as_ref()).unwrap_or_default());
        let [
            port,
            address_type,
            fd,
            flags,
            backlog,
            index,
            readable,
            writable,
        ] = scalars;
        Self {
            index: index.as_u64().unwrap_or(0),
            data: data.unwrap_or(RawJson::null()),
            address: address.and_then(|address| match short(Some(&address)) {
                Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text),
                Some(other) => Some(json::to_string(&other)),
                // What is longer than any address stays something that is none.
                None => Some("?".repeat(LONGEST_TEXT)),
            }),
            // What is no number is no port either, and shall not become port 0.
            port: Some(port)
                .filter(|port| !port.is_null())
                .map(|port| integer(&port).unwrap_or(-1)),
            address_type: AddressType::from_value(&address_type),
            fd: integer(&fd),
            flags: flags.as_u64().unwrap_or(0),
            backlog: integer(&backlog),
            readable_all: is_true(&readable),
            writable_all: is_true(&writable),
        }
    }

    /// Refuse IPv4 on an IPv6 socket.
    pub fn ipv6_only(&self) -> bool {
        self.flags & IPV6_ONLY != 0
    }

    /// For UDP: allow others to bind the same address. TCP servers always do.
    pub fn reuse_addr(&self) -> bool {
        self.flags & UDP_REUSE_ADDR != 0
    }

    /// The backlog for `listen(2)`: none and 0 mean 511; the kernel takes negative ones for "most".
    pub fn backlog(&self) -> i32 {
        match self.backlog {
            None | Some(0) => DEFAULT_BACKLOG,
            Some(backlog) => {
                let most = if backlog < 0 { -1 } else { i32::MAX };
                i32::try_from(backlog).unwrap_or(most)
            }
        }
    }

    /// The socket to make.
    ///
    /// # Errors
    ///
    /// The address is no literal IP address, or the port no port.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        if let Some(fd) = self.fd.filter(|&fd| fd >= 0) {
            let fd = i32::try_from(fd).map_err(|_| EndpointError::Descriptor { fd: Some(fd) })?;
            return Ok(Endpoint::Descriptor(fd));
        }
        match self.address_type {
            AddressType::Descriptor | AddressType::Other => {
                Err(EndpointError::Descriptor { fd: self.fd })
            }
            AddressType::Unix => self.path().ok_or(EndpointError::NoPath),
            AddressType::Tcp4 | AddressType::Tcp6 => Ok(Endpoint::Tcp {
                host: self.host()?,
                port: self.port_number()?,
                ipv6_only: self.ipv6_only(),
            }),
            AddressType::Udp4 | AddressType::Udp6 => Ok(Endpoint::Udp {
                host: self.host()?,
                ipv6: self.address_type == AddressType::Udp6,
                port: self.port_number()?,
                ipv6_only: self.ipv6_only(),
                reuse_addr: self.reuse_addr(),
            }),
        }
    }

    /// The path; everything after a NUL is an abstract name. The worker has put its working
    /// directory before the NUL, because to it the name looked like a relative path.
    fn path(&self) -> Option<Endpoint> {
        let path = self.address.as_ref()?;
        Some(match path.split_once('\0') {
            Some((_, name)) => Endpoint::Abstract(name.to_owned()),
            None => Endpoint::Path(path.clone()),
        })
    }

    fn host(&self) -> Result<Option<Host>, EndpointError> {
        let Some(text) = self.address.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let (literal, zone) = match text.split_once('%') {
            Some((literal, zone)) => (literal, Some(zone.to_owned())),
            None => (text, None),
        };
        match literal.parse() {
            Ok(address) => Ok(Some(Host { address, zone })),
            Err(source) => Err(EndpointError::Address {
                text: text.to_owned(),
                source,
            }),
        }
    }

    fn port_number(&self) -> Result<u16, EndpointError> {
        let port = self.port.unwrap_or(0);
        u16::try_from(port).map_err(|_| EndpointError::Port { port })
    }
}

/// A literal address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    /// The address.
    pub address: IpAddr,
    /// The interface a link-local IPv6 address belongs to, by name or number.
    pub zone: Option<String>,
}

/// A socket to make for a worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP listener. Without a host: `::` for both families, else `0.0.0.0`.
    Tcp {
        /// The address to listen on.
        host: Option<Host>,
        /// 0 lets the kernel choose.
        port: u16,
        /// Whether to refuse IPv4.
        ipv6_only: bool,
    },
    /// A bound UDP socket; it is always shared.
    Udp {
        /// The address to receive on.
        host: Option<Host>,
        /// The family if there is no host.
        ipv6: bool,
        /// 0 lets the kernel choose.
        port: u16,
        /// Whether to refuse IPv4.
        ipv6_only: bool,
        /// Whether other sockets may bind the same address.
        reuse_addr: bool,
    },
    /// A unix listener at a path.
    Path(String),
    /// A unix listener with an abstract name, given without its leading NUL.
    Abstract(String),
    /// A listener which the worker has already, by its number there.
    Descriptor(i32),
}

/// A worker wants to listen on something that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a literal IP address; workers resolve names before they ask.
    #[error("{text:?} is not an IP address")]
    Address {
        /// The value in the request.
        text: String,
        /// The error of the parser.
        source: std::net::AddrParseError,
    },
    /// Not a port.
    #[error("{port} is not a port")]
    Port {
        /// The value in the request.
        port: i64,
    },
    /// Not a descriptor.
    #[error("{fd:?} is not a descriptor")]
    Descriptor {
        /// The value in the request.
        fd: Option<i64>,
    },
    /// A unix socket without a path.
    #[error("a unix socket has no path")]
    NoPath,
}

impl EndpointError {
    /// The negative error number a worker expects: EINVAL.
    pub fn errno(&self) -> i32 {
        -22
    }
}

/// The name under which workers share a listener: Node's rule from version 22 on.
///
/// The index counts only where the kernel chooses the port, so that each server of a worker gets
/// one of its own. Unlike Node that includes UDP sockets bound without any port. If the worker
/// holds the key already, the answer is EADDRINUSE.
pub fn handle_key(query: &ListenQuery) -> String {
    let or = |number: Option<i64>, none: &str| match number {
        Some(number) => number.to_string(),
        None => none.to_owned(),
    };
    let address = query.address.as_deref().unwrap_or("null");
    let port = or(query.port, "null");
    let kind = query.address_type.key_text();
    let fd = or(query.fd, "undefined");
    let chosen_by_kernel = match query.address_type {
        AddressType::Udp4 | AddressType::Udp6 => query.port.unwrap_or(0) == 0,
        _ => query.port == Some(0),
    };
    let index = if chosen_by_kernel {
        format!(":{}", query.index)
    } else {
        String::new()
    };
    format!("{address}:{port}:{kind}:{fd}{index}")
}

/// A field that is no longer than any real one.
fn short(field: Option<&RawJson>) -> Option<Value> {
    let field = field.filter(|field| field.size() <= LONGEST_TEXT)?;
    field.value()
}

/// A number as JavaScript converts it: numeric text and booleans are numbers, fractions are cut.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let whole = number.as_f64()?.trunc();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the cast saturates, and no valid field is that large"
            )]
            let whole = whole as i64;
            Some(whole)
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether JavaScript takes the value for true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
