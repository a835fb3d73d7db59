//! Pure codecs for everything ward speaks with others: bytes in, values out.
//!
//! # Model
//!
//! Two families of peers exist. *Clients* speak PM2's protocol over two unix sockets: [`amp`] cuts
//! the byte stream into frames, [`rpc`] gives request and reply frames a meaning, [`methods`] is
//! the table of names a client may call, and [`bus`] is the one-way stream of events. *Apps* that
//! run on Node or Bun speak newline-delimited JSON over an inherited socket: [`node_ipc`] cuts and
//! sorts the lines, [`node_cluster`] holds the messages between a cluster worker and its primary.
//!
//! # Contract
//!
//! - No I/O, no clock, no environment, no `unsafe`. The caller reads bytes, hands them in, and
//!   writes the bytes it gets back.
//! - Any input whatsoever ends in a value, an error or "need more bytes"; never in a panic, and
//!   never in work or memory out of proportion to the bytes received.
//! - What stock clients compare byte for byte is written byte for byte: JSON is printed the way
//!   JavaScript prints it, and an id is echoed exactly as it came.
//!
//! # Example
//!
//! A request and its reply:
//!
//! ```
//! use serde_json::json;
//! use ward_wire::{amp::Decoder, rpc};
//!
//! let mut decoder = Decoder::new();
//! decoder.push(&rpc::encode_call("ping", &[json!({})], "4242:0"));
//! let frame = decoder.next().unwrap().expect("the frame is complete");
//!
//! let request = rpc::Request::from_frame(&frame).expect("it has a message and an id");
//! let rpc::Body::Call { method, args } = &request.body else { panic!("not a call") };
//! assert_eq!((method.as_str(), args.len()), ("ping", 1));
//!
//! let reply = rpc::reply_ok(&request.id, &[json!({"msg": "pong"})]);
//! decoder.push(&reply);
//! let frame = decoder.next().unwrap().expect("the reply is complete");
//! let (id, result) = rpc::decode_reply(&frame).unwrap();
//! assert_eq!(id, request.id);
//! assert_eq!(result.unwrap(), [json!({"msg": "pong"})]);
//! ```
//!
//! A worker asks for a port and gets it:
//!
//! ```
//! use ward_wire::node_cluster::{Dialect, NodeMessage, Outbox, SocketName, WorkerAct, handle_key};
//! use ward_wire::node_ipc::{Line, LineDecoder};
//!
//! let mut lines = LineDecoder::new();
//! lines.push(br#"{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"#);
//! lines.push(b"\"address\":null,\"port\":80,\"addressType\":4,\"backlog\":0,\"seq\":1}\n");
//! let Some(Line::Internal(NodeMessage::Cluster(message))) = lines.next() else { panic!() };
//! let WorkerAct::QueryServer { seq, query } = message.act else { panic!() };
//!
//! let mut outbox = Outbox::new(Dialect::Node);
//! let mut bytes = Vec::new();
//! let name = SocketName { address: "::".parse().unwrap(), port: 80 };
//! outbox.listening(&mut bytes, seq, &handle_key(&query), &query.data, Some(name));
//! assert!(bytes.starts_with(br#"{"cmd":"NODE_CLUSTER","errno":null,"key":"null:80:4:undefined","ack":1"#));
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod amp;
pub mod bus;
pub mod json;
pub mod methods;
pub mod node_cluster;
pub mod node_ipc;
pub mod rpc;
pub mod text;
