//! Turns events of inotify(7) into changes of apps.

use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{ReadFlags, Reader};

use super::WatchId;
use super::folders::Place;
use super::metrics::WatchMetrics;
use super::thread::Watcher;
use super::walk::{Since, Walk};

/// Bytes per read: room for some hundred events.
const BUFFER: usize = 16 * 1024;

/// The most events that one round takes.
const ROUND: usize = 4096;

/// One event of inotify.
#[derive(Debug)]
struct FolderEvent {
    number: i32,
    flags: ReadFlags,
    name: Option<PathBuf>,
}

impl Watcher {
    /// Reads the queue of inotify.
    pub(super) fn read(&mut self) {
        let mut space = [MaybeUninit::uninit(); BUFFER];
        let mut batch = Vec::new();
        let mut reader = Reader::new(self.folders.inotify(), &mut space);
        // A flood of events must not delay the reports that are due: the next round reads the rest.
        while batch.len() < ROUND || !reader.is_buffer_empty() {
            let Ok(event) = reader.next() else { break };
            batch.push(FolderEvent {
                number: event.wd(),
                flags: event.events(),
                name: event
                    .file_name()
                    .map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()))),
            });
        }
        WatchMetrics::add(&self.metrics.events, batch.len() as u64);
        for event in batch {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &FolderEvent) {
        if event.flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            WatchMetrics::add(&self.metrics.overflows, 1);
            return self.rescan_all();
        }
        if event.flags.contains(ReadFlags::IGNORED) {
            for place in self.folders.gone(event.number) {
                self.with_rights(place.app, |it| it.handle_watch_ended(&place));
            }
            return;
        }
        for place in self.folders.places(event.number) {
            self.with_rights(place.app, |it| it.take_at(&place, event));
        }
    }

    fn take_at(&mut self, place: &Place, event: &FolderEvent) {
        if event.flags.contains(ReadFlags::MOVE_SELF) {
            // The event of the parent folder covers a folder below a root.
            if place.depth.is_none_or(|depth| depth == 0) {
                self.folders
                    .forget_below(place.app, place.root, &place.path);
                self.handle_watch_ended(place);
            }
        } else if let Some(name) = &event.name {
            self.handle_change(place, &place.path.join(name), event.flags);
        }
    }

    /// Reads all trees again, because the kernel's queue overflowed and events are lost.
    pub(super) fn rescan_all(&mut self) {
        let all: Vec<(WatchId, usize)> = self
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
            self.with_rights(app, |it| it.start_walk(walk));
            if let Some(base) = self.base(walk) {
                self.changed(app, base);
            }
        }
    }

    /// The kernel stopped watching a folder. If it is a root, waits for it to reappear.
    fn handle_watch_ended(&mut self, place: &Place) {
        if place.depth.is_none_or(|depth| depth == 0) {
            let walk = Walk {
                app: place.app,
                root: place.root,
                since: Since::Ever,
            };
            self.start_walk(walk);
        }
    }

    /// Handles an event of `path`.
    fn handle_change(&mut self, place: &Place, path: &Path, flags: ReadFlags) {
        let Some(app) = self.apps.get(&place.app) else {
            return;
        };
        let root = &app.roots[place.root];
        let came = flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
        let walk = Walk {
            app: place.app,
            root: place.root,
            since: Since::Ever,
        };
        let Some(depth) = place.depth else {
            if path == root.base && !(came && path.is_dir()) {
                self.changed(place.app, path.to_owned());
            } else if came && root.base.starts_with(path) {
                self.start_walk(walk);
            }
            return;
        };
        let deepest = app.plan.depth.is_some_and(|limit| depth >= limit);
        let is_folder = flags.contains(ReadFlags::ISDIR)
            || came && app.metadata(path).is_some_and(|found| found.is_dir());
        let counts = !app.rules.ignores(&root.base, path)
            && root.wants(path)
            && !(is_folder && app.rules.holds_own(path));
        let enter = came && is_folder && !deepest && !app.rules.prunes(&root.base, path);
        // For a deleted folder the kernel sends an event of its own.
        if is_folder && flags.contains(ReadFlags::MOVED_FROM) {
            self.folders.forget_below(place.app, place.root, path);
        }
        if counts {
            self.changed(place.app, path.to_owned());
        }
        if enter && let Err(error) = self.walk(walk, path.to_owned(), depth + 1) {
            self.report_refusal(place.app, path, error);
        }
    }
}
