//! The messages that the primary sends.

use std::io::Write;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::Dialect;
use crate::json::{self, RawJson};
use crate::node_ipc::BUN_PREFIX;

const ENVELOPE: &[u8] = br#"{"cmd":"NODE_HANDLE","type":"net.Native","msg":"#;

/// The address that a listener is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketName {
    /// The IP address.
    pub address: IpAddr,
    /// The port, never 0.
    pub port: u16,
}

/// Writes lines to one worker and numbers them.
///
/// Every method appends one line, its end included, to `out`. Those for which it says so need a
/// descriptor beside them, sent by the same system call as the whole line. The number returned is
/// what the worker will answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outbox {
    /// The dialect that the worker understands.
    pub dialect: Dialect,
    /// The number of the next message.
    pub seq: u64,
}

impl Outbox {
    /// The outbox of a new worker.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, seq: 0 }
    }

    /// A connection for the server with this key. Needs the connection beside it.
    pub fn new_connection(&mut self, out: &mut Vec<u8>, key: &str) -> u64 {
        self.with_handle(out, |out| {
            out.extend_from_slice(br#""act":"newconn","key":"#);
            string(out, key);
        })
    }

    /// The primary listens for the worker: connections will come one by one. Unix sockets have no
    /// name.
    pub fn listening(
        &mut self,
        out: &mut Vec<u8>,
        ack: u64,
        key: &str,
        data: &RawJson,
        name: Option<SocketName>,
    ) -> u64 {
        self.plain(out, |out| {
            answer(out, None, key, ack, data);
            if let Some(SocketName { address, port }) = name {
                let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
                print(
                    out,
                    format_args!(
                        r#","sockname":{{"address":"{address}","family":"{family}","port":{port}}}"#
                    ),
                );
            }
        })
    }

    /// The worker shall use the socket itself. Needs the bound socket beside it.
    pub fn shared(&mut self, out: &mut Vec<u8>, ack: u64, key: &str, data: &RawJson) -> u64 {
        self.with_handle(out, |out| answer(out, Some(0), key, ack, data))
    }

    /// The worker cannot listen. `errno` is a negative error number.
    pub fn refused(
        &mut self,
        out: &mut Vec<u8>,
        ack: u64,
        key: &str,
        data: &RawJson,
        errno: i32,
    ) -> u64 {
        debug_assert!(
            errno < 0,
            "the worker compares with negative numbers: {errno}"
        );
        self.plain(out, |out| answer(out, Some(errno), key, ack, data))
    }

    /// The worker shall close its servers, finish what is open, and leave.
    pub fn disconnect(&mut self, out: &mut Vec<u8>) -> u64 {
        self.plain(out, |out| out.extend_from_slice(br#""act":"disconnect""#))
    }

    /// The answer to a message that asks for nothing but one.
    pub fn ack(&mut self, out: &mut Vec<u8>, ack: u64) -> u64 {
        self.plain(out, |out| print(out, format_args!(r#""ack":{ack}"#)))
    }

    /// A line of the cluster layer.
    fn plain(&mut self, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) -> u64 {
        if self.dialect == Dialect::Bun {
            out.push(BUN_PREFIX);
        }
        out.extend_from_slice(br#"{"cmd":"NODE_CLUSTER","#);
        body(out);
        self.number(out, b"}\n")
    }

    /// A line of the cluster layer that announces a descriptor.
    fn with_handle(&mut self, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) -> u64 {
        match self.dialect {
            Dialect::Node => {
                out.extend_from_slice(ENVELOPE);
                out.extend_from_slice(br#"{"cmd":"NODE_CLUSTER","#);
                body(out);
                self.number(out, b"}}\n")
            }
            Dialect::Bun => {
                out.extend_from_slice(&[BUN_PREFIX, b'{']);
                body(out);
                out.extend_from_slice(br#","$hasHandle":true"#);
                self.number(out, b"}\n")
            }
        }
    }

    fn number(&mut self, out: &mut Vec<u8>, end: &[u8]) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        print(out, format_args!(r#","seq":{seq}"#));
        out.extend_from_slice(end);
        seq
    }

    /// A descriptor the child sent has arrived. Until it hears so, it sends nothing else.
    pub fn handle_ack(out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"cmd\":\"NODE_HANDLE_ACK\"}\n");
    }

    /// A handle message of the child came without its descriptor.
    pub fn handle_nack(out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"cmd\":\"NODE_HANDLE_NACK\"}\n");
    }

    /// How many of the sockets the child sent under `key` are open here.
    pub fn socket_count(out: &mut Vec<u8>, key: &str, count: u64) {
        out.extend_from_slice(br#"{"cmd":"NODE_SOCKET_COUNT","key":"#);
        string(out, key);
        print(out, format_args!(",\"count\":{count}}}\n"));
    }

    /// All sockets the child sent under `key` are closed here.
    pub fn socket_all_closed(out: &mut Vec<u8>, key: &str) {
        out.extend_from_slice(br#"{"cmd":"NODE_SOCKET_ALL_CLOSED","key":"#);
        string(out, key);
        out.extend_from_slice(b"}\n");
    }

    /// A message for our agent inside the worker, with further fields if there are any.
    pub fn ward(out: &mut Vec<u8>, act: &str, fields: &Map<String, Value>) {
        out.extend_from_slice(br#"{"cmd":"NODE_WARD","act":"#);
        string(out, act);
        for (key, value) in fields {
            if key != "cmd" && key != "act" {
                out.push(b',');
                string(out, key);
                out.push(b':');
                json::write_value(out, value);
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// The fields all answers to `queryServer` have, in Node's order.
fn answer(out: &mut Vec<u8>, errno: Option<i32>, key: &str, ack: u64, data: &RawJson) {
    match errno {
        Some(errno) => print(out, format_args!(r#""errno":{errno},"key":"#)),
        None => out.extend_from_slice(br#""errno":null,"key":"#),
    }
    string(out, key);
    print(out, format_args!(r#","ack":{ack},"data":"#));
    out.extend_from_slice(data.as_str().as_bytes());
}

fn string(out: &mut Vec<u8>, text: &str) {
    json::write(out, text).expect("text has a JSON form and a Vec takes every byte");
}

fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every byte");
}
