//! Requests that the core has not answered yet, and the destination of each answer.

use std::collections::HashMap;

use ward_core::id::{InstanceId, RequestId};

use super::batch::Part;
use super::rpc::Responder;
use crate::watch::AppId;

/// The unanswered requests by their id.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<RequestId, Waiting>);

/// The destination of the answer to a request.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A client that called one of PM2's methods.
    Method {
        responder: Responder,
        /// The form of the reply.
        form: Form,
        /// The id of the instance as the client wrote it, for error texts.
        id: String,
        /// The name of the method, for error texts.
        method: &'static str,
    },
    /// The batch that this request for one instance is part of.
    Part(Part),
    /// The watched app that restarts because its files changed.
    Watched(AppId),
    /// The shutdown of the daemon.
    End,
    /// No destination: the answer is dropped.
    Nobody,
}

/// The forms of PM2's replies (in the notes on axon-rpc: P, PL, C and others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A list with the child object of each instance, as PM2 sends it.
    Children,
    /// The child object of one instance, as PM2 sends it.
    Child,
    /// The record of one instance.
    Process,
    /// The records of all instances.
    List,
    /// The object `{"success":true,"pm_id":id}`.
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
