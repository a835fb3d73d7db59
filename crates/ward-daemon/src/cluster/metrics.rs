//! What came in at the listeners, and what became of it.

use serde::{Deserialize, Serialize};

use super::Primary;

/// Connections since a listener or the plane began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConnectionCounts {
    /// Accepted by the daemon. Those that workers accept by themselves are not known.
    pub(crate) accepted: u64,
    /// Sent to a worker, each time anew.
    pub(crate) dispatched: u64,
    /// Sent once more, because the first worker did not take it.
    pub(crate) redispatched: u64,
    /// Not taken by the worker that was asked: it refused, or had no room.
    pub(crate) refused: u64,
}

/// Counts and state of the plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ClusterMetrics {
    /// Workers that have a channel.
    pub(crate) workers: u64,
    /// All connections, those of closed listeners included.
    pub(crate) connections: ConnectionCounts,
    /// Those that were sent and have not been taken.
    pub(crate) in_flight: u64,
    /// The open listeners.
    pub(crate) listeners: Vec<ListenerMetrics>,
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ListenerMetrics {
    /// The app that has it.
    pub(crate) app: String,
    /// Where it is, for people.
    pub(crate) place: String,
    /// Workers that hold it.
    pub(crate) workers: u64,
    /// Connections that were accepted and wait for a worker, those included whose first request has
    /// not come.
    pub(crate) waiting: u64,
    /// What came in.
    pub(crate) connections: ConnectionCounts,
}

impl Primary {
    /// The counts so far.
    pub(crate) fn metrics(&self) -> ClusterMetrics {
        let listeners = self.listeners.iter().map(|(token, it)| ListenerMetrics {
            app: it.app.clone(),
            place: it.place.clone(),
            workers: it.attached.len() as u64,
            waiting: (it.waiting.len() + self.heads.count_of(*token)) as u64,
            connections: it.counts,
        });
        let mut listeners: Vec<ListenerMetrics> = listeners.collect();
        listeners.sort_by(|one, other| (&one.app, &one.place).cmp(&(&other.app, &other.place)));
        let in_flight = self.workers.values().map(|it| it.inflight.len() as u64);
        ClusterMetrics {
            workers: self.workers.len() as u64,
            connections: self.counts,
            in_flight: in_flight.sum(),
            listeners,
        }
    }

    /// Counts for a listener and for all.
    pub(super) fn count(
        &mut self,
        listener: crate::poll::Token,
        count: impl Fn(&mut ConnectionCounts),
    ) {
        count(&mut self.counts);
        if let Some(listener) = self.listeners.get_mut(&listener) {
            count(&mut listener.counts);
        }
    }
}
