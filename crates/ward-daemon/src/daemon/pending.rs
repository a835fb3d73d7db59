//! Requests the core has not answered yet, and what to do with each answer.

use std::collections::HashMap;

use ward_core::id::{InstanceId, RequestId};

use super::batch::Part;
use super::rpc::Responder;
use crate::watch::AppId;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<RequestId, Waiting>);

/// Who waits.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A method of PM2's.
    Method {
        responder: Responder,
        /// Which form the answer has.
        form: Form,
        /// The id as the client wrote it, for error texts.
        id: String,
        /// The method, for error texts.
        method: &'static str,
    },
    /// One instance of a batch.
    Part(Part),
    /// The files of this app, which changed.
    Watched(AppId),
    /// The end of the daemon.
    End,
    /// Nobody.
    Nobody,
}

/// The forms of answers (axon-rpc: P, PL, C and others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The child of each instance.
    Children,
    /// The child of one instance.
    Child,
    /// One process.
    Process,
    /// All processes.
    List,
    /// `{"success":true,"pm_id":id}`
    Monitored(InstanceId),
    /// `{"pm_id":id,"paused":true}`
    Paused(InstanceId, bool),
}

impl Pending {
    pub(super) fn wait(&mut self, id: RequestId, waiting: Waiting) {
        self.0.insert(id, waiting);
    }

    pub(super) fn take(&mut self, id: RequestId) -> Waiting {
        self.0.remove(&id).unwrap_or(Waiting::Nobody)
    }
}
