//! The thread itself: commands and inotify's events in, changes out.

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use rustix::fs::inotify::{ReadFlags, Reader};
use rustix::time::Timespec;
use tokio::sync::mpsc::UnboundedSender;

use super::debounce::Debounce;
use super::folders::{Folders, Place};
use super::roots::Root;
use super::rules::Rules;
use super::walk::{Since, Walk};
use super::{AppId, Plan, WatchEvent};
use crate::clock;
use crate::poll::{Interest, Poll, Slots};

/// Room for some hundred events.
const BUFFER: usize = 16 * 1024;

/// So many events are taken at once.
const ROUND: usize = 4096;

/// What the control thread wants.
#[derive(Debug)]
pub(super) enum Command {
    /// Watch so from now on; files that changed after this moment count.
    Watch(AppId, Box<Plan>, Timespec),
    Unwatch(AppId),
}

/// One event of inotify.
#[derive(Debug)]
struct Happened {
    number: i32,
    what: ReadFlags,
    name: Option<PathBuf>,
}

/// A watched app.
#[derive(Debug)]
pub(super) struct App {
    pub(super) plan: Plan,
    pub(super) roots: Vec<Root>,
    pub(super) rules: Rules,
    changes: Debounce,
    /// People know that not everything is watched.
    pub(super) told_of_limit: bool,
}

/// Everything the thread has.
#[derive(Debug)]
pub(super) struct Watcher {
    poll: Poll,
    inbox: Receiver<Command>,
    events: UnboundedSender<WatchEvent>,
    pub(super) folders: Folders,
    pub(super) apps: BTreeMap<AppId, App>,
}

impl Watcher {
    pub(super) fn new(
        poll: Poll,
        inbox: Receiver<Command>,
        events: UnboundedSender<WatchEvent>,
    ) -> io::Result<Self> {
        let folders = Folders::new()?;
        let token = Slots::default().insert(());
        poll.add(folders.inotify(), token, Interest::IN)?;
        Ok(Self {
            poll,
            inbox,
            events,
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
            self.read();
            self.tell();
            loop {
                match self.inbox.try_recv() {
                    Ok(command) => {
                        // A new plan must not hide what changed before it was sent, which may have
                        // been a moment ago.
                        self.read();
                        self.obey(command);
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        }
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
        }
    }

    fn watch(&mut self, id: AppId, plan: Plan, since: Timespec) {
        self.folders.forget(|place| place.app == id);
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
        for root in 0..count {
            let since = Since::Moment(since);
            self.begin(Walk {
                app: id,
                root,
                since,
            });
        }
    }

    pub(super) fn changed(&mut self, app: AppId, path: PathBuf) {
        if let Some(app) = self.apps.get_mut(&app) {
            app.changes.note(path, Instant::now(), clock::wall().0);
        }
    }

    /// Takes everything inotify has.
    fn read(&mut self) {
        let mut space = [MaybeUninit::uninit(); BUFFER];
        let mut happened = Vec::new();
        let mut reader = Reader::new(self.folders.inotify(), &mut space);
        // A flood must not keep from telling what is due: the rest is read in the next round.
        while happened.len() < ROUND || !reader.is_buffer_empty() {
            let Ok(event) = reader.next() else { break };
            happened.push(Happened {
                number: event.wd(),
                what: event.events(),
                name: event
                    .file_name()
                    .map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()))),
            });
        }
        for event in happened {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Happened) {
        if event.what.contains(ReadFlags::QUEUE_OVERFLOW) {
            return self.lost();
        }
        if event.what.contains(ReadFlags::IGNORED) {
            for place in self.folders.gone(event.number) {
                self.ended(&place);
            }
            return;
        }
        for place in self.folders.places(event.number) {
            if event.what.contains(ReadFlags::MOVE_SELF) {
                // Folders below a root are known from the folder they are in.
                if place.depth.is_none_or(|depth| depth == 0) {
                    self.folders
                        .forget_below(place.app, place.root, &place.path);
                    self.ended(&place);
                }
            } else if let Some(name) = &event.name {
                self.happened(&place, &place.path.join(name), event.what);
            }
        }
    }

    /// The kernel had more to tell than it could keep: every app is looked at anew.
    fn lost(&mut self) {
        let all: Vec<(AppId, usize)> = self
            .apps
            .iter()
            .flat_map(|(id, app)| (0..app.roots.len()).map(|root| (*id, root)))
            .collect();
        self.folders.forget(|_| true);
        for (app, root) in all {
            let walk = Walk {
                app,
                root,
                since: Since::Moment(super::file_clock()),
            };
            self.begin(walk);
            if let Some(base) = self.base(walk) {
                self.changed(app, base);
            }
        }
    }

    /// A folder is not watched any more. When it is a root, it may come again.
    fn ended(&mut self, place: &Place) {
        if place.depth.is_none_or(|depth| depth == 0) {
            let walk = Walk {
                app: place.app,
                root: place.root,
                since: Since::Ever,
            };
            self.begin(walk);
        }
    }

    /// Something happened to `path`.
    fn happened(&mut self, place: &Place, path: &Path, what: ReadFlags) {
        let Some(app) = self.apps.get(&place.app) else {
            return;
        };
        let root = &app.roots[place.root];
        let came = what.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
        let walk = Walk {
            app: place.app,
            root: place.root,
            since: Since::Ever,
        };
        let Some(depth) = place.depth else {
            if path == root.base && !(came && path.is_dir()) {
                self.changed(place.app, path.to_owned());
            } else if came && root.base.starts_with(path) {
                self.begin(walk);
            }
            return;
        };
        let deepest = app.plan.depth.is_some_and(|limit| depth >= limit);
        let is_folder = what.contains(ReadFlags::ISDIR)
            || came && app.look(path).is_some_and(|found| found.is_dir());
        let counts = !app.rules.ignores(&root.base, path)
            && root.wants(path)
            && !(is_folder && app.rules.holds_own(path));
        let enter = came && is_folder && !deepest && !app.rules.prunes(&root.base, path);
        // Of a deleted folder the kernel tells by itself.
        if is_folder && what.contains(ReadFlags::MOVED_FROM) {
            self.folders.forget_below(place.app, place.root, path);
        }
        if counts {
            self.changed(place.app, path.to_owned());
        }
        if enter && let Err(error) = self.walk(walk, path.to_owned(), depth + 1) {
            self.cannot(place.app, path, error);
        }
    }
}
