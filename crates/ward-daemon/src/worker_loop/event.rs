//! What the thread tells the control thread.

use serde::Serialize;
use ward_core::id::Life;
use ward_wire::json::RawJson;
use ward_wire::node_ipc::Junk;

use crate::channel::{ChannelMetrics, Credit};
use crate::cluster::{ClusterMetrics, WorkerReport};
use crate::fault::Fault;

/// What happened on a channel.
#[derive(Debug)]
pub(crate) enum ChannelEvent {
    /// The app sent a value. Any JSON value is one, `null` too.
    Message {
        /// The life it belongs to.
        life: Life,
        /// The value.
        value: RawJson,
        /// Drop it when the message was dealt with: it is the app's permission to send more.
        credit: Credit,
    },
    /// Our agent inside a worker reports.
    Report {
        /// The life it belongs to.
        life: Life,
        /// The whole message.
        body: RawJson,
        /// Drop it when the report was dealt with.
        credit: Credit,
    },
    /// The app sent a line that is no message. Told once for each channel.
    Junk {
        /// The life it belongs to.
        life: Life,
        /// What is wrong with it.
        junk: Junk,
    },
    /// The app does not read: messages for it were thrown away.
    Choked {
        /// The life it belongs to.
        life: Life,
    },
    /// A worker asks and does not read the answers. It is not served any more and has to be ended.
    /// Told once for each channel.
    Deaf {
        /// The life it belongs to.
        life: Life,
    },
    /// A cluster worker made progress, or its cluster has something to tell.
    Worker(WorkerReport),
    /// Something panicked, was dropped, and the rest goes on.
    Fault {
        /// Whose channel was closed for it, if it was one.
        life: Option<Life>,
        /// What it was dealing with.
        task: &'static str,
        /// What the panic said.
        fault: Fault,
    },
    /// The thread has done all it was told before it was asked for this.
    Acknowledged {
        /// The number it was asked with.
        number: u64,
    },
    /// Nothing more will come. Told exactly once for each opened channel.
    Closed {
        /// The life it belongs to.
        life: Life,
    },
}

/// The counts of both planes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WorkerMetrics {
    /// The channels.
    pub(crate) channels: ChannelMetrics,
    /// Listeners and connections.
    pub(crate) cluster: ClusterMetrics,
}
