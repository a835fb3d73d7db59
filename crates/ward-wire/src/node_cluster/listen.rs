//! What a worker's wish to listen means in terms of sockets.

use std::net::IpAddr;

use serde_json::{Map, Value};

/// The longest path a unix socket address can hold; longer ones need a detour over `/proc`.
pub const UNIX_PATH_MAX: usize = 107;

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
}

impl AddressType {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match value {
            None | Some(Value::Null) => Some(Self::Descriptor),
            Some(Value::String(text)) if text == "udp4" => Some(Self::Udp4),
            Some(Value::String(text)) if text == "udp6" => Some(Self::Udp6),
            Some(value) => match value.as_i64()? {
                4 => Some(Self::Tcp4),
                6 => Some(Self::Tcp6),
                -1 => Some(Self::Unix),
                _ => None,
            },
        }
    }

    /// As it stands in a key.
    fn key_text(self) -> &'static str {
        match self {
            Self::Tcp4 => "4",
            Self::Tcp6 => "6",
            Self::Unix => "-1",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
            Self::Descriptor => "null",
        }
    }
}

/// The fields of `queryServer` and `listening`, as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenQuery {
    /// How many servers of this worker listen on the same address already.
    pub index: u64,
    /// What all workers should share, such as TLS ticket keys; the first worker's is kept.
    pub data: Value,
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
    /// Reads the fields; `None` if the kind of address is unknown or a type is wrong.
    pub(super) fn from_object(mut message: Map<String, Value>) -> Option<Self> {
        let integer = |key: &str| match message.get(key) {
            None | Some(Value::Null) => Some(None),
            Some(value) => value.as_i64().map(Some),
        };
        let flag = |key: &str| message.get(key) == Some(&Value::Bool(true));
        Some(Self {
            index: message.get("index").and_then(Value::as_u64).unwrap_or(0),
            address_type: AddressType::from_value(message.get("addressType"))?,
            port: integer("port")?,
            fd: integer("fd")?,
            flags: message.get("flags").and_then(Value::as_u64).unwrap_or(0),
            backlog: integer("backlog")?,
            readable_all: flag("readableAll"),
            writable_all: flag("writableAll"),
            address: match message.get_mut("address").map(Value::take) {
                None | Some(Value::Null) => None,
                Some(Value::String(address)) => Some(address),
                Some(_) => return None,
            },
            data: message.remove("data").unwrap_or_default(),
        })
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
            AddressType::Descriptor => Err(EndpointError::Descriptor { fd: self.fd }),
            AddressType::Unix => self.path().ok_or(EndpointError::NoPath),
            AddressType::Tcp4 | AddressType::Tcp6 => Ok(Endpoint::Tcp {
                address: self.ip()?,
                port: self.port_number()?,
                ipv6_only: self.ipv6_only(),
            }),
            AddressType::Udp4 | AddressType::Udp6 => Ok(Endpoint::Udp {
                address: self.ip()?,
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

    fn ip(&self) -> Result<Option<IpAddr>, EndpointError> {
        let Some(text) = self.address.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let ip = text.parse();
        ip.map(Some).map_err(|source| EndpointError::Address {
            text: text.to_owned(),
            source,
        })
    }

    fn port_number(&self) -> Result<u16, EndpointError> {
        let port = self.port.unwrap_or(0);
        u16::try_from(port).map_err(|_| EndpointError::Port { port })
    }
}

/// A socket to make for a worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP listener. Without an address: `::` for both families, else `0.0.0.0`.
    Tcp {
        /// Where to listen.
        address: Option<IpAddr>,
        /// 0 lets the kernel choose.
        port: u16,
        /// Refuse IPv4.
        ipv6_only: bool,
    },
    /// A bound UDP socket; it is always shared.
    Udp {
        /// Where to receive.
        address: Option<IpAddr>,
        /// The family if there is no address.
        ipv6: bool,
        /// 0 lets the kernel choose.
        port: u16,
        /// Refuse IPv4.
        ipv6_only: bool,
        /// Allow others to bind the same address.
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
        /// What was asked for.
        text: String,
        /// What is wrong with it.
        source: std::net::AddrParseError,
    },
    /// Not a port.
    #[error("{port} is not a port")]
    Port {
        /// What was asked for.
        port: i64,
    },
    /// Not a descriptor.
    #[error("{fd:?} is not a descriptor")]
    Descriptor {
        /// What was asked for.
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
/// The index counts only for port 0, where each server of a worker wants a port of its own. If the
/// worker holds the key already, the answer is EADDRINUSE.
pub fn handle_key(query: &ListenQuery) -> String {
    let address = query.address.as_deref().unwrap_or("null");
    let port = match query.port {
        Some(port) => port.to_string(),
        None => "null".to_owned(),
    };
    let fd = match query.fd {
        Some(fd) => fd.to_string(),
        None => "undefined".to_owned(),
    };
    let kind = query.address_type.key_text();
    let key = format!("{address}:{port}:{kind}:{fd}");
    if matches!(query.port, Some(0)) {
        return format!("{key}:{}", query.index);
    }
    key
}
