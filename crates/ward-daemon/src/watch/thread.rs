//! The watch thread itself: it receives commands and events of inotify, and reports changes.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Instant;

use rustix::time::Timespec;
use tokio::sync::mpsc::UnboundedSender;

use super::app::App;
use super::folders::Folders;
use super::handover::{WatchRole, WatchState};
use super::metrics::WatchMetrics;
use super::{Plan, WatchEvent, WatchId};
use crate::clock;
use crate::fault::{self, Fault};
use crate::handover::Handover;
use crate::poll::{Interest, Poll, Slots};

/// A command of the control loop.
#[derive(Debug)]
pub(super) enum Command {
    /// Watch an app by this plan; changes after the given time count.
    Watch(WatchId, Box<Plan>, Timespec),
    Unwatch(WatchId),
    /// Hand everything over to a successor and end.
    Export(SyncSender<Handover<WatchState, WatchRole>>),
}

impl Command {
    fn app(&self) -> Option<WatchId> {
        match self {
            Self::Watch(app, ..) | Self::Unwatch(app) => Some(*app),
            Self::Export(_) => None,
        }
    }
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Watcher {
    poll: Poll,
    inbox: Receiver<Command>,
    /// Unbounded, but holds at most one change per app and quiet time, and the problems of a plan.
    events: UnboundedSender<WatchEvent>,
    pub(super) metrics: Arc<WatchMetrics>,
    pub(super) folders: Folders,
    pub(super) apps: BTreeMap<WatchId, App>,
}

impl Watcher {
    pub(super) fn new(
        poll: Poll,
        inbox: Receiver<Command>,
        events: UnboundedSender<WatchEvent>,
        metrics: Arc<WatchMetrics>,
        folders: Folders,
    ) -> io::Result<Self> {
        let token = Slots::default().insert(());
        poll.add(folders.inotify(), token, Interest::IN)?;
        Ok(Self {
            poll,
            inbox,
            events,
            metrics,
            folders,
            apps: BTreeMap::new(),
        })
    }

    pub(super) fn run(mut self) {
        let mut ready = Vec::new();
        loop {
            let limit = self
                .due()
                .map(|at| at.saturating_duration_since(Instant::now()));
            if self.poll.wait(limit, &mut ready).is_err() {
                return;
            }
            self.read_contained();
            self.report_due_changes();
            loop {
                match self.inbox.try_recv() {
                    Ok(Command::Export(to)) => {
                        self.read_contained();
                        // The send fails only if the receiver has ended together with the daemon.
                        to.send(self.export()).ok();
                        return;
                    }
                    Ok(command) => {
                        // Changes from before the command must be read under the old plan.
                        self.read_contained();
                        self.execute_contained(command);
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        }
    }

    /// Reads one round of events. A panic drops that round; its changes are lost, so all trees are
    /// read again, as after an overflow of the kernel's queue.
    fn read_contained(&mut self) {
        let read = fault::contain(|| {
            fault::inject("watch.read");
            self.read();
        });
        if let Err(fault) = read {
            self.faulted(&fault);
            let again = fault::contain(|| self.rescan_all());
            if let Err(fault) = again {
                self.faulted(&fault);
            }
        }
    }

    /// Executes a command. A panic leaves the app of the command unwatched and does not affect
    /// others.
    fn execute_contained(&mut self, command: Command) {
        let app = command.app();
        let obeyed = fault::contain(|| {
            fault::inject("watch.command");
            self.execute(command);
        });
        if let Err(fault) = obeyed {
            self.faulted(&fault);
            if let Some(app) = app {
                self.apps.remove(&app);
                self.folders.forget(|place| place.app == app);
                self.trouble(
                    app,
                    "its files are not watched until it is restarted".to_owned(),
                );
            }
        }
    }

    fn faulted(&self, fault: &Fault) {
        WatchMetrics::add(&self.metrics.faults, 1);
        self.events.send(WatchEvent::Fault(fault.to_string())).ok();
    }

    /// When the next changes are to be reported.
    fn due(&self) -> Option<Instant> {
        let due = |app: &App| app.changes.due(app.plan.delay, app.plan.quiet);
        self.apps.values().filter_map(due).min()
    }

    fn report_due_changes(&mut self) {
        let now = Instant::now();
        for (id, app) in &mut self.apps {
            let due = app.changes.due(app.plan.delay, app.plan.quiet);
            if due.is_some_and(|at| at <= now)
                && let Some((path, at_ms)) = app.changes.take()
            {
                let app = *id;
                WatchMetrics::add(&self.metrics.changes, 1);
                self.events
                    .send(WatchEvent::Changed { app, path, at_ms })
                    .ok();
            }
        }
    }

    pub(super) fn trouble(&self, app: WatchId, text: String) {
        self.events.send(WatchEvent::Trouble { app, text }).ok();
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Watch(id, plan, since) => self.watch(id, *plan, since),
            Command::Unwatch(id) => {
                self.apps.remove(&id);
                self.folders.forget(|place| place.app == id);
            }
            // The loop handles this command, because it ends the thread.
            Command::Export(_) => {}
        }
    }

    pub(super) fn changed(&mut self, app: WatchId, path: PathBuf) {
        if let Some(app) = self.apps.get_mut(&app) {
            app.changes.record(path, Instant::now(), clock::wall().0);
        }
    }
}
