//! The way to a place, one part after the other.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{LOOK, Place, Trust};

/// So many symbolic links may be in one path, as in the kernel.
const MOST_LINKS: usize = 40;

/// A path of which some parts are left to go.
pub(super) struct Walk<'a> {
    folder: OwnedFd,
    left: VecDeque<OsString>,
    trust: Trust<'a>,
    make: Option<u32>,
    links: usize,
    /// `..` is allowed: the way began at the root.
    ascends: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn begin(
        base: Option<OwnedFd>,
        path: &Path,
        trust: Trust<'a>,
        make: Option<u32>,
    ) -> Result<Self, Errno> {
        let ascends = base.is_none();
        if base.is_some() != path.is_relative() {
            return Err(Errno::INVAL);
        }
        let mut walk = Self {
            folder: base.map_or_else(root, Ok)?,
            left: VecDeque::new(),
            trust,
            make,
            links: 0,
            ascends,
        };
        walk.add(path.as_os_str());
        Ok(walk)
    }

    /// Puts the parts of a path before those that are left.
    fn add(&mut self, path: &OsStr) {
        let parts = path.as_bytes().split(|byte| *byte == b'/').rev();
        for part in parts.filter(|part| !part.is_empty() && *part != b".") {
            self.left.push_front(OsStr::from_bytes(part).to_owned());
        }
    }

    pub(super) fn finish(mut self, follows: bool) -> Result<Place, Errno> {
        loop {
            let name = self.left.pop_front().ok_or(Errno::ISDIR)?;
            self.check()?;
            if self.left.is_empty() {
                if name == ".." {
                    return Err(Errno::ISDIR);
                }
                if !follows || !self.follow_last(&name)? {
                    return Ok(Place {
                        folder: Some(self.folder),
                        name,
                        owners: self.trust.owners(),
                    });
                }
                continue;
            }
            if name == ".." && !self.ascends {
                return Err(Errno::ACCESS);
            }
            if let Some(folder) = self.enter(&name)? {
                self.folder = folder;
            }
        }
    }

    /// The folder of this name; nothing for a link, which is followed.
    fn enter(&mut self, name: &OsStr) -> Result<Option<OwnedFd>, Errno> {
        let flags = LOOK | OFlags::NOFOLLOW | OFlags::DIRECTORY;
        let open = || rustix::fs::openat(&self.folder, name, flags, Mode::empty());
        match (open(), self.make) {
            (Err(Errno::NOENT), Some(mode)) => {
                let mode = Mode::from_raw_mode(mode);
                match rustix::fs::mkdirat(&self.folder, name, mode) {
                    // Somebody else was quicker.
                    Ok(()) | Err(Errno::EXIST) => open().map(Some),
                    Err(error) => Err(error),
                }
            }
            (Err(Errno::NOTDIR | Errno::LOOP), _) => {
                let link = self.link(name)?.ok_or(Errno::NOTDIR)?;
                self.follow(&link)?;
                Ok(None)
            }
            (opened, _) => opened.map(Some),
        }
    }

    /// Whether the last part is a link, which is followed then.
    fn follow_last(&mut self, name: &OsStr) -> Result<bool, Errno> {
        let Some(link) = self.link(name)? else {
            return Ok(false);
        };
        if let Trust::OwnLinks(user) = self.trust
            && ![0, user].contains(&link.1.st_uid)
        {
            return Err(Errno::LOOP);
        }
        self.follow(&link)?;
        Ok(true)
    }

    /// What has this name, if it is a symbolic link.
    fn link(&self, name: &OsStr) -> Result<Option<(OwnedFd, Stat)>, Errno> {
        let flags = LOOK | OFlags::NOFOLLOW;
        let found = match rustix::fs::openat(&self.folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            found => found?,
        };
        let about = rustix::fs::fstat(&found)?;
        let is_link = FileType::from_raw_mode(about.st_mode) == FileType::Symlink;
        Ok(is_link.then_some((found, about)))
    }

    fn follow(&mut self, (link, about): &(OwnedFd, Stat)) -> Result<(), Errno> {
        if let Trust::Guarded { user, .. } = self.trust
            && ![0, user].contains(&about.st_uid)
        {
            return Err(Errno::ACCESS);
        }
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        let target = rustix::fs::readlinkat(link, "", Vec::new())?;
        let target = OsString::from_vec(target.into_bytes());
        if target.as_bytes().first() == Some(&b'/') {
            self.folder = root()?;
            self.ascends = true;
        }
        self.add(&target);
        Ok(())
    }

    /// Refuses a folder in which somebody else could exchange what is looked for.
    fn check(&self) -> Result<(), Errno> {
        let Trust::Guarded { user, stranger } = self.trust else {
            return Ok(());
        };
        let about = rustix::fs::fstat(&self.folder)?;
        let mode = Mode::from_raw_mode(about.st_mode);
        let group = about.st_gid;
        let is_strangers = stranger.gid == group || stranger.groups.contains(&group);
        let is_safe_group = self.left.is_empty() && !is_strangers;
        let of_group = mode.contains(Mode::WGRP) && !is_safe_group;
        if ![0, user].contains(&about.st_uid) || mode.contains(Mode::WOTH) || of_group {
            return Err(Errno::ACCESS);
        }
        Ok(())
    }
}

fn root() -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, "/", LOOK | OFlags::DIRECTORY, Mode::empty())
}
