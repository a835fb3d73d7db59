//! Walks trees: which folders to watch, and what changed before they were watched.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::io::Errno;
use rustix::time::Timespec;

use super::WatchId;
use super::app::App;
use super::folders::{FOLDERS, FOLDERS_OF_APP, Place};
use super::thread::Watcher;

/// One walk through the tree of a root, and which of its files count as changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) app: WatchId,
    pub(super) root: usize,
    pub(super) since: Since,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Since {
    /// Files that changed after this time.
    Moment(Timespec),
    /// All files, because the folder is new.
    Ever,
}

impl Watcher {
    /// Watches a root, or waits for it to appear.
    pub(super) fn start_walk(&mut self, walk: Walk) {
        let Some(base) = self.base(walk) else { return };
        if let Err(error) = self.try_start_walk(walk, &base) {
            self.report_refusal(walk.app, &base, error);
        }
    }

    pub(super) fn base(&self, walk: Walk) -> Option<PathBuf> {
        let root = self.apps.get(&walk.app)?.roots.get(walk.root)?;
        Some(root.base.clone())
    }

    fn try_start_walk(&mut self, walk: Walk, base: &Path) -> rustix::io::Result<()> {
        let Walk { app, root, .. } = walk;
        self.folders
            .forget(|place| place.app == app && place.root == root && place.depth.is_none());
        if base.is_dir() {
            return self.walk(walk, base.to_owned(), 0);
        }
        // A file is watched through its folder, so that it may be replaced or created later.
        for folder in base.ancestors().skip(1) {
            let place = Place {
                app,
                root,
                path: folder.to_owned(),
                depth: None,
            };
            match self.folders.add(place, true) {
                Ok(_) => break,
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(error),
            }
        }
        match fs::metadata(base) {
            // It appeared after the check above and before the watch.
            Ok(found) if found.is_dir() => self.try_start_walk(walk, base),
            Ok(found) if walk.since.is_before(&found) => {
                self.changed(app, base.to_owned());
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(_) => {
                if matches!(walk.since, Since::Moment(_)) {
                    self.trouble(app, format!("{} does not exist yet", base.display()));
                }
                Ok(())
            }
        }
    }

    /// Watches a folder and those below it, and finds the changes from before the watch.
    pub(super) fn walk(
        &mut self,
        walk: Walk,
        folder: PathBuf,
        depth: usize,
    ) -> rustix::io::Result<()> {
        // Breadth first: if the kernel's limit is reached, only the deepest folders are missing.
        let mut ahead = VecDeque::from([(folder, depth)]);
        while let Some((folder, depth)) = ahead.pop_front() {
            let Some(app) = self.apps.get(&walk.app) else {
                return Ok(());
            };
            let place = Place {
                app: walk.app,
                root: walk.root,
                path: folder.clone(),
                depth: Some(depth),
            };
            let follow = depth == 0 || !app.plan.no_links;
            match self.folders.add(place, follow) {
                Ok(true) => {}
                Err(Errno::ACCESS) if depth == 0 => return Err(Errno::ACCESS),
                Ok(false) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => {
                    continue;
                }
                Err(error) => return Err(error),
            }
            let deepest = app.plan.depth.is_some_and(|limit| depth >= limit);
            let mut changed: Option<((i64, i64), PathBuf)> = None;
            // A folder that cannot be listed can still be watched.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let Some(found) = app.metadata(&path) else {
                    continue;
                };
                let root = &app.roots[walk.root];
                // One more than may be watched, so that the limit is noticed.
                let has_room = ahead.len() <= self.folders.most_of_app;
                if found.is_dir() && has_room && !deepest && !app.rules.prunes(&root.base, &path) {
                    ahead.push_back((path.clone(), depth + 1));
                }
                if walk.since.is_before(&found)
                    && root.wants(&path)
                    && !app.rules.ignores(&root.base, &path)
                    && !(found.is_dir() && app.rules.holds_own(&path))
                {
                    // As everywhere, the report names the first change.
                    let change = (change_time(&found), path);
                    if changed.as_ref().is_none_or(|first| change < *first) {
                        changed = Some(change);
                    }
                }
            }
            if let Some((_, path)) = changed {
                self.changed(walk.app, path);
            }
        }
        Ok(())
    }

    /// Reports that the kernel refuses to watch a folder.
    pub(super) fn report_refusal(&mut self, id: WatchId, path: &Path, error: Errno) {
        // Each new folder would reach the same limit; one report is enough.
        if let Some(app) = self.apps.get_mut(&id)
            && matches!(error, Errno::NOSPC | Errno::DQUOT)
            && std::mem::replace(&mut app.limit_reported, true)
        {
            return;
        }
        let text = refusal(path, error, |name| {
            let limit = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"));
            limit.map_or_else(|_| "?".to_owned(), |limit| limit.trim().to_owned())
        });
        self.trouble(id, text);
    }
}

impl App {
    /// The metadata of a path; whether links are followed depends on the plan.
    pub(super) fn metadata(&self, path: &Path) -> Option<Metadata> {
        let found = if self.plan.no_links {
            fs::symlink_metadata(path)
        } else {
            fs::metadata(path)
        };
        found.ok()
    }
}

impl Since {
    /// Whether a file changed after this time, or a folder was made after it: the change time of a
    /// folder says no more than that of what is in it.
    fn is_before(self, found: &Metadata) -> bool {
        let Self::Moment(at) = self else {
            return !found.is_dir();
        };
        let time = if found.is_dir() {
            birth_time(found)
        } else {
            Some(change_time(found))
        };
        time.is_some_and(|time| time > (at.tv_sec, at.tv_nsec))
    }
}

/// When a file was made (`stx_btime`), in seconds and nanoseconds; not every file system keeps it.
fn birth_time(found: &Metadata) -> Option<(i64, i64)> {
    let since = found.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((
        since.as_secs().try_into().ok()?,
        since.subsec_nanos().into(),
    ))
}

/// The change time of a file (`st_ctime`), in seconds and nanoseconds.
fn change_time(found: &Metadata) -> (i64, i64) {
    (found.ctime(), found.ctime_nsec())
}

/// The text for the user: why a folder is not watched, and what to do about it.
pub(super) fn refusal(path: &Path, error: Errno, limit: impl Fn(&str) -> String) -> String {
    let path = path.display();
    match error {
        Errno::NOSPC => format!(
            "the system's limit of watched folders is reached (fs.inotify.max_user_watches = {}), changes \
             in {path} may go unnoticed; raise it (sysctl fs.inotify.max_user_watches=524288) or add large \
             folders to ignore_watch; the app runs on",
            limit("max_user_watches")
        ),
        Errno::DQUOT => format!(
            "ward watches {FOLDERS_OF_APP} folders for one app and {FOLDERS} in all, changes in {path} and other \
             folders may go unnoticed; add large folders to ignore_watch; the app runs on"
        ),
        error => format!("cannot watch {path}: {error}; the app runs on"),
    }
}
