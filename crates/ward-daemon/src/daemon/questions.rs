//! Clients that wait for facts the launch plane finds out: the figures of the host, and the version
//! of PM2 they are themselves.

use std::collections::BTreeMap;

use serde_json::Value;
use ward_home::PM2_VERSION;

use super::rpc::Responder;
use crate::launch::{LaunchHandle, Question, System};

/// Who waits for which answer. Bounded by the open requests.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// The last figures of the host; away while they are measured anew.
    system: Option<Box<System>>,
    is_measuring: bool,
    /// All of them get the next figures.
    want_figures: Vec<Responder>,
    /// By the number of the question.
    want_version: BTreeMap<u64, Responder>,
    last: u64,
}

impl Questions {
    /// `getSystemData`: the figures of the host.
    pub(super) fn system(&mut self, responder: Responder, launch: &mut LaunchHandle) {
        self.want_figures.push(responder);
        if !self.is_measuring {
            self.is_measuring = true;
            let system = self.system.take().unwrap_or_default();
            launch.ask(Question::System(system));
        }
    }

    /// The figures are there.
    pub(super) fn measured(&mut self, system: Box<System>, figures: &Value) {
        self.system = Some(system);
        self.is_measuring = false;
        for responder in self.want_figures.drain(..) {
            responder.ok(figures.clone());
        }
    }

    /// `getVersion`: PM2's client complains about another version than its own, so it is told that.
    pub(super) fn version(
        &mut self,
        client: Option<i32>,
        responder: Responder,
        launch: &mut LaunchHandle,
    ) {
        let Some(pid) = client else {
            return responder.ok(PM2_VERSION.into());
        };
        self.last += 1;
        self.want_version.insert(self.last, responder);
        launch.ask(Question::ClientVersion(self.last, pid));
    }

    /// It is known which version a client has; nothing if it is no PM2.
    pub(super) fn version_found(&mut self, number: u64, version: Option<String>) {
        if let Some(responder) = self.want_version.remove(&number) {
            let version = version.unwrap_or_else(|| PM2_VERSION.to_owned());
            responder.ok(version.into());
        }
    }
}
