//! Requests that wait for their promise. Each is answered exactly once.
#![warn(clippy::wildcard_enum_match_arm)]

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::id::{InstanceId, PartKey, RequestId};
use crate::request::{Outcome, Reply, RequestError};

/// All requests without a reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    open: BTreeMap<RequestId, Open>,
    /// Requests of the supervisor's own, with what is done about the reply.
    #[serde(default)]
    own: BTreeMap<RequestId, Own>,
    /// Replies to parts of jobs. Bounded by construction: empty between two events.
    #[serde(skip)]
    parts: VecDeque<(PartKey, Reply)>,
}

/// Who gets the reply to a request of the supervisor's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Own {
    /// A part of a job.
    Part(PartKey),
    /// Nobody.
    Nobody,
}

/// What the reply waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Open {
    /// One instance; its result is the reply.
    One,
    /// Several instances that start; the reply names them, whatever became of each.
    Several { left: usize, ids: Vec<InstanceId> },
    /// The end of everything.
    All { left: usize },
}

impl Pending {
    pub(crate) fn expect_one(&mut self, request: RequestId) {
        self.open.insert(request, Open::One);
    }

    pub(crate) fn expect_several(&mut self, request: RequestId, ids: Vec<InstanceId>) {
        let left = ids.len();
        self.open.insert(request, Open::Several { left, ids });
    }

    pub(crate) fn expect_all(&mut self, request: RequestId, left: usize) {
        self.open.insert(request, Open::All { left });
    }

    /// The reply to this request is for a part of a job.
    pub(crate) fn expect_part(&mut self, request: RequestId, part: PartKey) {
        self.own.insert(request, Own::Part(part));
    }

    /// Nobody wants the reply to this request.
    pub(crate) fn expect_nobody(&mut self, request: RequestId) {
        self.own.insert(request, Own::Nobody);
    }

    /// The next reply to a part of a job.
    pub(crate) fn next_part(&mut self) -> Option<(PartKey, Reply)> {
        self.parts.pop_front()
    }

    /// Whether parts of jobs were answered that nobody has looked at.
    pub(crate) fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// A fault cut a request of the supervisor's own short. Should what it did so far be answered after
    /// all, nobody wants to know.
    pub(crate) fn give_up(
        &mut self,
        request: RequestId,
        error: RequestError,
        actions: &mut Vec<Action>,
    ) {
        if self.own.contains_key(&request) {
            self.deliver(request, Err(error), actions);
        }
        if self.open.contains_key(&request) {
            self.expect_nobody(request);
        }
    }

    /// Answers a request: to whoever asked.
    pub(crate) fn deliver(&mut self, request: RequestId, reply: Reply, actions: &mut Vec<Action>) {
        match self.own.remove(&request) {
            None => actions.push(Action::Reply { request, reply }),
            Some(Own::Part(part)) => self.parts.push_back((part, reply)),
            Some(Own::Nobody) => {}
        }
    }

    /// One instance has done its part of `request`.
    pub(crate) fn settle(&mut self, request: RequestId, reply: Reply, actions: &mut Vec<Action>) {
        let Some(open) = self.open.get_mut(&request) else {
            debug_assert!(false, "request {request:?} is settled twice");
            return;
        };
        let reply = match open {
            Open::One => reply,
            Open::Several { left, ids } => {
                *left -= 1;
                if *left > 0 {
                    return;
                }
                Ok(Outcome::Instances(ids.clone()))
            }
            Open::All { left } => {
                *left -= 1;
                if *left > 0 {
                    return;
                }
                Ok(Outcome::Done)
            }
        };
        self.open.remove(&request);
        self.deliver(request, reply, actions);
    }
}
