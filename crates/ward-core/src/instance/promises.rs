//! Requests that wait for this instance to get somewhere.

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::id::RequestId;
use crate::instance::Instance;
use crate::instance::view;
use crate::request::{Outcome, Reply, RequestError, SupersededBy};

/// A promise to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiter {
    request: RequestId,
    goal: Goal,
}

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Goal {
    /// It runs.
    Up,
    /// It does not run.
    Down,
    /// It is forgotten.
    Gone,
    /// Its worker was replaced.
    Replaced,
}

impl Instance {
    /// Answers at once. What the supervisor does by itself has no request and needs no answer.
    pub(super) fn answer(request: Option<RequestId>, reply: Reply, cx: &mut Context<'_>) {
        if let Some(request) = request {
            cx.pending.settle(request, reply, cx.actions);
        }
    }

    pub(super) fn promise(&mut self, request: Option<RequestId>, goal: Goal) {
        if let Some(request) = request {
            self.waiters.push(Waiter { request, goal });
        }
    }

    /// Waits for a request nobody made: to answer it panics.
    #[cfg(test)]
    pub(crate) fn promise_nobody(&mut self, request: RequestId) {
        self.promise(Some(request), Goal::Up);
    }

    /// Answers everybody who waits for `goal`.
    pub(super) fn settle(
        &mut self,
        goal: Goal,
        cx: &mut Context<'_>,
        reply: impl Fn(&Self) -> Reply,
    ) {
        let mut due = core::mem::take(&mut self.waiters);
        self.waiters = due.extract_if(.., |waiter| waiter.goal != goal).collect();
        for waiter in due {
            cx.pending.settle(waiter.request, reply(self), cx.actions);
        }
    }

    pub(super) fn answer_started(&mut self, cx: &mut Context<'_>) {
        self.settle(Goal::Up, cx, |instance| {
            Ok(Outcome::Instances(vec![instance.id]))
        });
    }

    pub(super) fn answer_stopped(&mut self, cx: &mut Context<'_>) {
        self.answer_gone(Goal::Down, cx);
    }

    /// Answers with the record as it was at the end.
    pub(super) fn answer_gone(&mut self, goal: Goal, cx: &mut Context<'_>) {
        self.settle(goal, cx, |instance| {
            Ok(Outcome::Gone(Box::new(view::process(instance))))
        });
    }

    /// A later request changed the course: those who waited for `goal` will not get it.
    pub(super) fn supersede(&mut self, goal: Goal, by: SupersededBy, cx: &mut Context<'_>) {
        self.settle(goal, cx, |it| {
            let instance = it.id;
            Err(RequestError::Superseded { instance, by })
        });
    }

    /// Whoever waited for the replacement of a worker now waits for the instance to run.
    pub(super) fn expect_up_instead_of_replaced(&mut self) {
        for waiter in &mut self.waiters {
            if waiter.goal == Goal::Replaced {
                waiter.goal = Goal::Up;
            }
        }
    }
}
