//! The messages between a cluster worker and its primary, ward being the primary.
//!
//! [`NodeMessage`] is what workers send, [`Outbox`] writes what the primary sends, and [`Endpoint`]
//! and [`handle_key`] are the rules that turn a worker's wish to listen into a socket. Who gets
//! which connection is decided elsewhere.

mod inbound;
mod listen;
mod outbound;

pub use inbound::{ClusterMessage, Handle, NodeMessage, WorkerAct};
pub use listen::{AddressType, Endpoint, EndpointError, Host, ListenQuery, handle_key};
pub use outbound::{Outbox, SocketName};

/// The form in which a runtime writes the messages; the first internal line of a worker reveals it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Node 14 to 26 and Deno from 2.8: plain lines, handles in a `NODE_HANDLE` envelope.
    #[default]
    Node,
    /// Bun: internal lines begin with byte 2, handles are announced by `$hasHandle`.
    Bun,
}
