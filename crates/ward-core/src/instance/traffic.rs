//! What the primary of the cluster is told about the workers of an instance: when one may get
//! connections, when none is to, and when what they listened on is closed.

use crate::action::Action;
use crate::context::Context;
use crate::id::Life;
use crate::instance::{Instance, State};
use crate::request::{Outcome, Reply, RequestError};

impl Instance {
    /// A worker is online: connections may come.
    pub(super) fn admit(&self, life: Life, cx: &mut Context<'_>) {
        if self.is_worker() {
            cx.act(Action::Admit { life });
        }
    }

    /// It comes to rest, and no worker will come by itself. Called before anybody is told so: who
    /// is answered may want to listen himself where the worker did.
    pub(super) fn close_listeners(&mut self, cx: &mut Context<'_>) {
        self.paused = false;
        if core::mem::take(&mut self.may_listen) {
            cx.act(Action::CloseListeners { instance: self.id });
        }
    }

    /// No connections for its workers, or connections again. Whether the daemon is the one who gives
    /// them is for the shell to know.
    pub(crate) fn pause(&mut self, paused: bool, cx: &mut Context<'_>) -> Reply {
        match &self.state {
            State::Launching { .. } | State::Online { .. } | State::Stopping { .. } => {}
            State::Stopped | State::Waiting { .. } | State::Errored { .. } => {
                return Err(RequestError::Offline(self.id));
            }
        }
        self.paused = paused;
        let instance = self.id;
        cx.act(Action::Pause { instance, paused });
        Ok(Outcome::Instances(vec![instance]))
    }
}
