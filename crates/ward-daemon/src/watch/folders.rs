//! The folders that the kernel watches, and the apps that each of them is watched for. The kernel
//! watches a folder once, however many apps and paths lead to it.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::WatchId;

/// The events that count as changes. Writing to an open file counts when the file is closed, so
/// that the databases and logs of an app do not restart it at each line.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::ONLYDIR);

/// The most folders that are watched for one app, deeper ones are left out and that is said. Each
/// takes about 250 bytes here and 1 KB in the kernel, from a limit that all apps of the user share;
/// an app that makes folders or links without end must not use it up.
pub(super) const FOLDERS_OF_APP: usize = 16 * 1024;

/// The most folders that are watched for all apps together.
pub(super) const FOLDERS: usize = 64 * 1024;

/// One path that leads to a watched folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) app: WatchId,
    /// The index of the root among the app's roots.
    pub(super) root: usize,
    pub(super) path: PathBuf,
    /// The number of levels below the root; `None` if the folder is above the root and the root
    /// itself is not watched.
    pub(super) depth: Option<usize>,
}

/// All watched folders.
#[derive(Debug)]
pub(super) struct Folders {
    inotify: OwnedFd,
    places: HashMap<i32, Vec<Place>>,
    /// How many of the places are each app's.
    counts: HashMap<WatchId, usize>,
    /// [`FOLDERS_OF_APP`], fewer in tests.
    pub(super) most_of_app: usize,
}

impl Folders {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            places: HashMap::new(),
            counts: HashMap::new(),
            most_of_app: FOLDERS_OF_APP,
        })
    }

    /// Takes over an inotify instance and its places by watch descriptor (inotify(7)).
    pub(super) fn adopt(inotify: OwnedFd, places: HashMap<i32, Vec<Place>>) -> Self {
        let mut counts = HashMap::new();
        for place in places.values().flatten() {
            *counts.entry(place.app).or_default() += 1;
        }
        Self {
            inotify,
            places,
            counts,
            most_of_app: FOLDERS_OF_APP,
        }
    }

    /// Returns the inotify instance and its places by watch descriptor.
    pub(super) fn into_parts(self) -> (OwnedFd, HashMap<i32, Vec<Place>>) {
        (self.inotify, self.places)
    }

    pub(super) fn inotify(&self) -> &OwnedFd {
        &self.inotify
    }

    /// Watches a folder. Returns false if the same folder was reached from this root before, which
    /// means that a link makes a cycle.
    ///
    /// # Errors
    ///
    /// `EDQUOT` if [`FOLDERS_OF_APP`] or [`FOLDERS`] are watched already, or what the kernel says.
    pub(super) fn add(&mut self, place: Place, follow: bool) -> rustix::io::Result<bool> {
        let all: usize = self.counts.values().sum();
        let of_app = self.counts.get(&place.app).copied().unwrap_or(0);
        if of_app >= self.most_of_app || all >= FOLDERS {
            return Err(Errno::DQUOT);
        }
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
            *self.counts.entry(place.app).or_default() += 1;
            places.push(place);
        }
        Ok(true)
    }

    /// The places of a watch descriptor.
    pub(super) fn places(&self, number: i32) -> Vec<Place> {
        self.places.get(&number).cloned().unwrap_or_default()
    }

    /// Removes a watch descriptor that the kernel has dropped, and returns its places.
    pub(super) fn gone(&mut self, number: i32) -> Vec<Place> {
        let gone = self.places.remove(&number).unwrap_or_default();
        for place in &gone {
            count_less(&mut self.counts, place.app);
        }
        gone
    }

    /// Stops watching the places that satisfy a condition.
    pub(super) fn forget(&mut self, unwanted: impl Fn(&Place) -> bool) {
        let (inotify, counts) = (&self.inotify, &mut self.counts);
        self.places.retain(|number, places| {
            places.retain(|place| {
                let stays = !unwanted(place);
                if !stays {
                    count_less(counts, place.app);
                }
                stays
            });
            if places.is_empty() {
                // This fails only if the folder is gone, and then the kernel has dropped the watch.
                inotify::remove_watch(inotify, *number).ok();
            }
            !places.is_empty()
        });
    }

    /// Stops watching a folder and everything below it for one root.
    pub(super) fn forget_below(&mut self, app: WatchId, root: usize, folder: &Path) {
        self.forget(|place| {
            place.app == app
                && place.root == root
                && place.depth.is_some()
                && place.path.starts_with(folder)
        });
    }
}

fn count_less(counts: &mut HashMap<WatchId, usize>, app: WatchId) {
    if let Some(count) = counts.get_mut(&app) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&app);
        }
    }
}
