//! The codecs of ward: bytes in, values out. No sockets, no clock, no threads.
//!
//! - [`amp`]: frames of typed arguments, as axon puts them on PM2's sockets;
//! - [`rpc`]: requests and replies on `rpc.sock`;
//! - [`bus`]: events on `pub.sock`;
//! - [`methods`]: the methods PM2 exposes, in its order;
//! - [`node_ipc`]: the lines of a child on its IPC channel;
//! - [`node_cluster`]: what cluster workers and their primary say to each other.
//!
//! A decoder is fed with whatever arrived and gives back whole values:
//!
//! ```
//! use ward_wire::{amp::{Decoder, Frame, RawArg}, rpc};
//!
//! let call = rpc::encode_call("ping", &[serde_json::json!({})], "7:0");
//! let mut decoder = Decoder::new();
//! decoder.push(&call[..10]);
//! assert!(decoder.next().unwrap().is_none());
//! decoder.push(&call[10..]);
//! let frame = decoder.next().unwrap().expect("a whole frame");
//! assert_eq!(frame.args.len(), 2);
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod amp;
pub mod bus;
pub mod json;
pub mod methods;
pub mod node_cluster;
pub mod node_ipc;
pub mod rpc;
