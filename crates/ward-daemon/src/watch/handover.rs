//! What the watch plane hands over to a successor: its inotify instance, in which the kernel queues
//! the events of the meantime, and the purpose of each watch.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::debounce::{Debounce, PendingChange};
use super::folders::{Folders, Place};
use super::thread::{Command, Watcher};
use super::{Plan, WatchEvent, WatchHandle, WatchId, WatchThread};
use crate::handover::Handover;

/// The role of a descriptor of this plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WatchRole {
    /// The inotify instance.
    Inotify,
}

/// The state of the plane without its descriptor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WatchState {
    apps: Vec<WatchedApp>,
    /// The watched places by watch descriptor.
    places: HashMap<i32, Vec<Place>>,
}

/// One app with its unreported changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct WatchedApp {
    id: WatchId,
    plan: Plan,
    pending: Option<PendingChange>,
    limit_reported: bool,
}

impl Watcher {
    pub(super) fn export(self) -> Handover<WatchState, WatchRole> {
        let now = Instant::now();
        let apps = self.apps.into_iter().map(|(id, app)| WatchedApp {
            id,
            pending: app.changes.pending(now),
            plan: app.plan,
            limit_reported: app.limit_reported,
        });
        let apps = apps.collect();
        let (inotify, places) = self.folders.into_parts();
        Handover {
            state: WatchState { apps, places },
            descriptors: vec![(WatchRole::Inotify, inotify)],
        }
    }

    fn resume(&mut self, apps: Vec<WatchedApp>) {
        let now = Instant::now();
        for WatchedApp {
            id,
            plan,
            pending,
            limit_reported,
        } in apps
        {
            self.parse(id, plan);
            if let Some(app) = self.apps.get_mut(&id) {
                app.changes = Debounce::resume(pending, now);
                app.limit_reported = limit_reported;
            }
        }
    }
}

impl WatchHandle {
    /// Ends the thread and returns its state and its descriptor, without losing a change.
    ///
    /// # Errors
    ///
    /// The thread has ended before.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "the live upgrade is its caller, the tests show that it holds"
        )
    )]
    pub(crate) fn export(self) -> io::Result<Handover<WatchState, WatchRole>> {
        let (to, exported) = std::sync::mpsc::sync_channel(1);
        self.send(Command::Export(to));
        let gone = |_| io::Error::other("the watch thread has ended");
        exported.recv().map_err(gone)
    }
}

impl WatchThread {
    /// Starts a thread with what [`WatchHandle::export`] returned, in this or another process.
    ///
    /// # Errors
    ///
    /// The inotify instance is missing, or the kernel refuses a thread.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "the live upgrade is its caller, the tests show that it holds"
        )
    )]
    pub(crate) fn import(
        handover: Handover<WatchState, WatchRole>,
        events: UnboundedSender<WatchEvent>,
    ) -> io::Result<WatchHandle> {
        let WatchState { apps, places } = handover.state;
        let inotify = handover.descriptors.into_iter().next();
        let (WatchRole::Inotify, inotify) =
            inotify.ok_or_else(|| io::Error::other("the inotify instance is missing"))?;
        let folders = Folders::adopt(inotify, places);
        Self::start_with(events, folders, |watcher| watcher.resume(apps))
    }
}
