//! The thread itself: commands and inotify's events in, changes out.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Instant;

use rustix::time::Timespec;
use tokio::sync::mpsc::UnboundedSender;

use super::debounce::Debounce;
use super::folders::Folders;
use super::handover::{WatchRole, WatchState};
use super::metrics::WatchMetrics;
use super::roots::Root;
use super::rules::Rules;
use super::walk::{Since, Walk};
use super::{AppId, Plan, WatchEvent};
use crate::clock;
use crate::fault::{self, Fault};
use crate::handover::Handover;
use crate::poll::{Interest, Poll, Slots};

/// What the control thread wants.
#[derive(Debug)]
pub(super) enum Command {
    /// Watch so from now on; files that changed after this moment count.
    Watch(AppId, Box<Plan>, Timespec),
    Unwatch(AppId),
    /// Give everything to a successor and end.
    Export(SyncSender<Handover<WatchState, WatchRole>>),
}

impl Command {
    fn app(&self) -> Option<AppId> {
        match self {
            Self::Watch(app, ..) | Self::Unwatch(app) => Some(*app),
            Self::Export(_) => None,
        }
    }
}

/// A watched app.
#[derive(Debug)]
pub(super) struct App {
    pub(super) plan: Plan,
    pub(super) roots: Vec<Root>,
    pub(super) rules: Rules,
    pub(super) changes: Debounce,
    /// People know that not everything is watched.
    pub(super) told_of_limit: bool,
}

/// Everything the thread has.
#[derive(Debug)]
pub(super) struct Watcher {
    poll: Poll,
    inbox: Receiver<Command>,
    /// At most one change for each app and quiet time, and what is wrong with a plan.
    events: UnboundedSender<WatchEvent>,
    pub(super) metrics: Arc<WatchMetrics>,
    pub(super) folders: Folders,
    pub(super) apps: BTreeMap<AppId, App>,
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
            self.tell();
            loop {
                match self.inbox.try_recv() {
                    Ok(Command::Export(to)) => {
                        self.read_contained();
                        // Whoever asked has the descriptor now, or is gone with the whole daemon.
                        to.send(self.export()).ok();
                        return;
                    }
                    Ok(command) => {
                        // A new plan must not hide what changed before it was sent, which may have
                        // been a moment ago.
                        self.read_contained();
                        self.obey_contained(command);
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        }
    }

    /// A fault in reading one round of events drops that round. What it would have told is not known
    /// any more, so all trees are looked at anew, as when the kernel lost events.
    fn read_contained(&mut self) {
        let read = fault::contain(|| {
            fault::inject("watch.read");
            self.read();
        });
        if let Err(fault) = read {
            self.faulted(&fault);
            let again = fault::contain(|| self.lost());
            if let Err(fault) = again {
                self.faulted(&fault);
            }
        }
    }

    /// A fault in a command leaves its app unwatched and all others as they were.
    fn obey_contained(&mut self, command: Command) {
        let app = command.app();
        let obeyed = fault::contain(|| {
            fault::inject("watch.command");
            self.obey(command);
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

    /// When changes are to be told next.
    fn due(&self) -> Option<Instant> {
        let due = |app: &App| app.changes.due(app.plan.delay, app.plan.quiet);
        self.apps.values().filter_map(due).min()
    }

    fn tell(&mut self) {
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

    pub(super) fn trouble(&self, app: AppId, text: String) {
        self.events.send(WatchEvent::Trouble { app, text }).ok();
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Watch(id, plan, since) => self.watch(id, *plan, since),
            Command::Unwatch(id) => {
                self.apps.remove(&id);
                self.folders.forget(|place| place.app == id);
            }
            // The loop ends with it.
            Command::Export(_) => {}
        }
    }

    fn watch(&mut self, id: AppId, plan: Plan, since: Timespec) {
        self.folders.forget(|place| place.app == id);
        let count = self.parse(id, plan);
        for root in 0..count {
            let since = Since::Moment(since);
            self.begin(Walk {
                app: id,
                root,
                since,
            });
        }
    }

    /// Takes in what is to be watched for an app, and tells what is wrong with it. Returns the number of
    /// its roots.
    pub(super) fn parse(&mut self, id: AppId, plan: Plan) -> usize {
        let (rules, bad) = Rules::new(&plan);
        for pattern in bad {
            self.trouble(id, format!("the pattern {pattern:?} of ignore_watch cannot be read, nothing is ignored for it"));
        }
        for option in &plan.unknown {
            self.trouble(id, format!("watch_options.{option} has no effect"));
        }
        let mut roots = Vec::new();
        let whole = [".".to_owned()];
        let paths = if plan.paths.is_empty() {
            &whole[..]
        } else {
            &plan.paths
        };
        for path in paths {
            match Root::parse(path, &plan.cwd) {
                Some(root) => roots.push(root),
                None => self.trouble(id, format!("the pattern {path:?} of watch cannot be read")),
            }
        }
        let count = roots.len();
        // What changed before and was not told yet is told all the same.
        let changes = self
            .apps
            .remove(&id)
            .map(|app| app.changes)
            .unwrap_or_default();
        self.apps.insert(
            id,
            App {
                plan,
                roots,
                rules,
                changes,
                told_of_limit: false,
            },
        );
        count
    }

    pub(super) fn changed(&mut self, app: AppId, path: PathBuf) {
        if let Some(app) = self.apps.get_mut(&app) {
            app.changes.note(path, Instant::now(), clock::wall().0);
        }
    }
}
