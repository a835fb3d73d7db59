//! The folders the kernel watches for us, and for whom. One folder is watched once however many
//! apps and paths lead to it.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use serde::{Deserialize, Serialize};

use super::AppId;

/// What counts as a change. A file that is held open and written to counts when it is closed:
/// databases and logs of the app itself must not restart it at each line.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::ONLYDIR);

/// One path by which a watched folder was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) app: AppId,
    /// Which of the app's roots.
    pub(super) root: usize,
    pub(super) path: PathBuf,
    /// How far below the root; `None` when the root is below this folder and not watched itself.
    pub(super) depth: Option<usize>,
}

/// All watched folders.
#[derive(Debug)]
pub(super) struct Folders {
    inotify: OwnedFd,
    places: HashMap<i32, Vec<Place>>,
}

impl Folders {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            places: HashMap::new(),
        })
    }

    /// What was watched through this descriptor before, by the kernel's numbers.
    pub(super) fn adopt(inotify: OwnedFd, places: HashMap<i32, Vec<Place>>) -> Self {
        Self { inotify, places }
    }

    /// The descriptor, and what is watched through it by the kernel's numbers.
    pub(super) fn into_parts(self) -> (OwnedFd, HashMap<i32, Vec<Place>>) {
        (self.inotify, self.places)
    }

    pub(super) fn inotify(&self) -> &OwnedFd {
        &self.inotify
    }

    /// Watches a folder. False when the same folder was reached from this root before: a link
    /// leads in a circle.
    pub(super) fn add(&mut self, place: Place, follow: bool) -> rustix::io::Result<bool> {
        let mut flags = CHANGES;
        flags.set(WatchFlags::DONT_FOLLOW, !follow);
        let number = inotify::add_watch(&self.inotify, &place.path, flags)?;
        let places = self.places.entry(number).or_default();
        let known = places.iter().any(|known| {
            known.app == place.app && known.root == place.root && known.depth.is_some()
        });
        if known {
            return Ok(false);
        }
        if !places.contains(&place) {
            places.push(place);
        }
        Ok(true)
    }

    /// For whom a folder is watched.
    pub(super) fn places(&self, number: i32) -> Vec<Place> {
        self.places.get(&number).cloned().unwrap_or_default()
    }

    /// The kernel does not watch this any more; who did is returned.
    pub(super) fn gone(&mut self, number: i32) -> Vec<Place> {
        self.places.remove(&number).unwrap_or_default()
    }

    /// Ends watching what satisfies a condition.
    pub(super) fn forget(&mut self, unwanted: impl Fn(&Place) -> bool) {
        let inotify = &self.inotify;
        self.places.retain(|number, places| {
            places.retain(|place| !unwanted(place));
            if places.is_empty() {
                // It fails only when the folder is gone, and then it is not watched any more.
                inotify::remove_watch(inotify, *number).ok();
            }
            !places.is_empty()
        });
    }

    /// Ends watching a folder and everything below it for one root.
    pub(super) fn forget_below(&mut self, app: AppId, root: usize, folder: &Path) {
        self.forget(|place| {
            place.app == app
                && place.root == root
                && place.depth.is_some()
                && place.path.starts_with(folder)
        });
    }
}
