//! Reading trees: which folders are watched, and what changed before they were.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::time::Timespec;

use super::AppId;
use super::folders::Place;
use super::thread::{App, Watcher};

/// Reading a tree: below which root, and which files in it count as changed already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) app: AppId,
    pub(super) root: usize,
    pub(super) since: Since,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Since {
    /// What changed after this moment.
    Moment(Timespec),
    /// The folder is new, and so is all that is in it.
    Ever,
}

impl Watcher {
    /// Watches a root, or for it to come.
    pub(super) fn begin(&mut self, walk: Walk) {
        let Some(base) = self.base(walk) else { return };
        if let Err(error) = self.try_begin(walk, &base) {
            self.cannot(walk.app, &base, error);
        }
    }

    pub(super) fn base(&self, walk: Walk) -> Option<PathBuf> {
        let root = self.apps.get(&walk.app)?.roots.get(walk.root)?;
        Some(root.base.clone())
    }

    fn try_begin(&mut self, walk: Walk, base: &Path) -> rustix::io::Result<()> {
        let Walk { app, root, .. } = walk;
        self.folders
            .forget(|place| place.app == app && place.root == root && place.depth.is_none());
        if base.is_dir() {
            return self.walk(walk, base.to_owned(), 0);
        }
        // A file is watched through its folder, so that it may be replaced or come later.
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
            // It came between the look and the watch.
            Ok(found) if found.is_dir() => self.try_begin(walk, base),
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

    /// Watches a folder and those below it, and finds what changed before it was watched.
    pub(super) fn walk(
        &mut self,
        walk: Walk,
        folder: PathBuf,
        depth: usize,
    ) -> rustix::io::Result<()> {
        // Level by level: when the kernel's limit is reached, what is missing is deep down.
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
                Ok(false) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => {
                    continue;
                }
                Err(error) => return Err(error),
            }
            let deepest = app.plan.depth.is_some_and(|limit| depth >= limit);
            let mut changed: Option<((i64, i64), PathBuf)> = None;
            // What cannot be listed can still change, and is watched.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let Some(found) = app.look(&path) else {
                    continue;
                };
                let root = &app.roots[walk.root];
                if found.is_dir() {
                    if !deepest && !app.rules.prunes(&root.base, &path) {
                        ahead.push_back((path, depth + 1));
                    }
                } else if walk.since.is_before(&found)
                    && root.wants(&path)
                    && !app.rules.ignores(&root.base, &path)
                {
                    // As everywhere, the first change is the one that is told.
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

    /// The kernel refuses; the app goes on.
    pub(super) fn cannot(&mut self, id: AppId, path: &Path, error: Errno) {
        // Each new folder would meet the same limit.
        if let Some(app) = self.apps.get_mut(&id)
            && error == Errno::NOSPC
            && std::mem::replace(&mut app.told_of_limit, true)
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
    /// What is there, seen as the plan says.
    pub(super) fn look(&self, path: &Path) -> Option<Metadata> {
        let found = if self.plan.no_links {
            fs::symlink_metadata(path)
        } else {
            fs::metadata(path)
        };
        found.ok()
    }
}

impl Since {
    /// Whether a file changed after that.
    fn is_before(self, found: &Metadata) -> bool {
        match self {
            Self::Ever => true,
            Self::Moment(at) => change_time(found) > (at.tv_sec, at.tv_nsec),
        }
    }
}

/// When a file changed, in seconds and nanoseconds.
fn change_time(found: &Metadata) -> (i64, i64) {
    (found.ctime(), found.ctime_nsec())
}

/// Why something is not watched, and what to do about it.
pub(super) fn refusal(path: &Path, error: Errno, limit: impl Fn(&str) -> String) -> String {
    let path = path.display();
    match error {
        Errno::NOSPC => format!(
            "the system's limit of watched folders is reached (fs.inotify.max_user_watches = {}), changes \
             in {path} may go unnoticed; raise it (sysctl fs.inotify.max_user_watches=524288) or add large \
             folders to ignore_watch; the app runs on",
            limit("max_user_watches")
        ),
        error => format!("cannot watch {path}: {error}; the app runs on"),
    }
}
