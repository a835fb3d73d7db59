//! What the watch plane gives to a successor: its inotify instance, in which the kernel keeps the
//! events of the time in between, and what each of its watches is for.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::debounce::{Debounce, PendingChange};
use super::folders::{Folders, Place};
use super::thread::{Command, Watcher};
use super::{AppId, Plan, WatchEvent, WatchHandle, WatchThread};
use crate::handover::Handover;

/// What a descriptor of this plane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WatchRole {
    /// The inotify instance.
    Inotify,
}

/// Everything but the descriptor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WatchState {
    apps: Vec<WatchedApp>,
    /// What is watched, by the kernel's numbers.
    places: HashMap<i32, Vec<Place>>,
}

/// One app, with changes that were not told yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct WatchedApp {
    id: AppId,
    plan: Plan,
    pending: Option<PendingChange>,
    told_of_limit: bool,
}

impl Watcher {
    pub(super) fn export(self) -> Handover<WatchState, WatchRole> {
        let now = Instant::now();
        let apps = self.apps.into_iter().map(|(id, app)| WatchedApp {
            id,
            pending: app.changes.pending(now),
            plan: app.plan,
            told_of_limit: app.told_of_limit,
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
            told_of_limit,
        } in apps
        {
            self.parse(id, plan);
            if let Some(app) = self.apps.get_mut(&id) {
                app.changes = Debounce::resume(pending, now);
                app.told_of_limit = told_of_limit;
            }
        }
    }
}

impl WatchHandle {
    /// Ends the thread and returns all it had, without losing a change.
    ///
    /// # Errors
    ///
    /// The thread is gone.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "the live upgrade is its caller, the tests show that it holds"
        )
    )]
    pub(crate) fn export(self) -> io::Result<Handover<WatchState, WatchRole>> {
        let (to, exported) = std::sync::mpsc::sync_channel(1);
        self.ask(Command::Export(to));
        let gone = |_| io::Error::other("the watch thread has ended");
        exported.recv().map_err(gone)
    }
}

impl WatchThread {
    /// Goes on with what [`WatchHandle::export`] returned, in this or another process.
    ///
    /// # Errors
    ///
    /// The inotify instance is missing, or there is no thread.
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
