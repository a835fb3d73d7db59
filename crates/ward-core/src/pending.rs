//! Requests that wait for their promise. Each is answered exactly once.
#![warn(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::id::{InstanceId, RequestId};
use crate::request::{Outcome, Reply};

/// All requests without a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    open: BTreeMap<RequestId, Open>,
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
        actions.push(Action::Reply { request, reply });
    }
}
