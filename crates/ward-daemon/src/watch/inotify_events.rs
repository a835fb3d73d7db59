//! What the kernel tells: events of inotify become changes of apps.

use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{ReadFlags, Reader};

use super::AppId;
use super::folders::Place;
use super::metrics::WatchMetrics;
use super::thread::Watcher;
use super::walk::{Since, Walk};

/// Room for some hundred events.
const BUFFER: usize = 16 * 1024;

/// So many events are taken at once.
const ROUND: usize = 4096;

/// One event of inotify.
#[derive(Debug)]
struct Happened {
    number: i32,
    what: ReadFlags,
    name: Option<PathBuf>,
}

impl Watcher {
    /// Takes everything inotify has.
    pub(super) fn read(&mut self) {
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
        WatchMetrics::add(&self.metrics.events, happened.len() as u64);
        for event in happened {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Happened) {
        if event.what.contains(ReadFlags::QUEUE_OVERFLOW) {
            WatchMetrics::add(&self.metrics.overflows, 1);
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
    pub(super) fn lost(&mut self) {
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
