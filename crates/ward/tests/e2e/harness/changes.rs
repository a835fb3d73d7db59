//! Waits for changes of files and folders, by inotify(7).

use std::fmt::Debug;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::DEADLINE;
use super::wait::readable;

/// What is watched. A watch set twice is one watch, so places can be named anew after each change.
pub(crate) struct Changes {
    inotify: OwnedFd,
}

impl Changes {
    pub(crate) fn new() -> Self {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let inotify = inotify::init(flags).expect("an inotify instance");
        Self { inotify }
    }

    /// Watches a file or a folder, or while it does not exist the place where it will appear.
    pub(crate) fn watch(&self, place: &Path) {
        let mut existing = place;
        while !self.add(existing) {
            existing = existing.parent().expect("the root exists");
        }
        // What was made between the two looks, before its parent was watched, told nobody.
        let missing = place.strip_prefix(existing).expect("an ancestor");
        let mut next = existing.to_owned();
        for name in missing {
            next.push(name);
            if !self.add(&next) {
                return;
            }
        }
    }

    /// Likewise all folders below one.
    pub(crate) fn watch_below(&self, folder: &Path) {
        self.watch(folder);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                self.watch_below(&entry.path());
            }
        }
    }

    /// Whether it is there and watched now.
    fn add(&self, place: &Path) -> bool {
        let changes = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        match inotify::add_watch(&self.inotify, place, changes) {
            Ok(_) => true,
            Err(Errno::NOENT | Errno::NOTDIR) => false,
            Err(error) => panic!("cannot watch {}: {error}", place.display()),
        }
    }

    /// Waits until something changes; false at `until`. All changes so far are one.
    pub(crate) fn wait(&self, until: Instant) -> bool {
        if !readable(&self.inotify, until) {
            return false;
        }
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&self.inotify, &mut buffer);
        while events.next().is_ok() {}
        true
    }
}

/// Looks again whenever a file or a folder among `places` changes, until what is seen is as wanted, and returns it.
pub(crate) fn when_changed<T: Debug>(
    what: &str,
    places: &[&Path],
    look: impl Fn() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let changes = Changes::new();
    let until = Instant::now() + DEADLINE;
    loop {
        // Before the look, so that no change falls between it and the wait.
        for place in places {
            changes.watch(place);
        }
        let seen = look();
        if wanted(&seen) {
            return seen;
        }
        assert!(changes.wait(until), "no {what}, but {seen:?}");
    }
}

/// What is in a file, when it is as wanted.
pub(crate) fn text_when(file: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let what = format!("text as wanted in {}", file.display());
    // The folder too: what replaces the file is another one.
    let folder = file.parent().expect("a file in a folder");
    let read = || String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned();
    when_changed(&what, &[folder, file], read, |text| wanted(text))
}
