//! A place in the file system, found step by step through descriptors: nobody can lead the last step
//! elsewhere by exchanging a part of the path meanwhile.
//!
//! Symbolic links are read and followed here, one at a time, and never by the kernel. So the links
//! of `/proc` that lead to a descriptor or to the root of a process have no magic: only their text
//! counts, as with `RESOLVE_NO_MAGICLINKS` of `openat2(2)`, which older kernels and the system-call
//! filters of older containers lack.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::spawn::Credentials;

/// So many symbolic links may be in one path, as in the kernel.
const MOST_LINKS: usize = 40;

/// To look at something without opening it.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Which ways are taken.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// All that this thread may go. A link in the last part of the path has to belong to this user or
    /// to root: in a folder of many, others put theirs.
    OwnLinks(u32),
    /// Those that nobody can change but root and `user`: all folders and links belong to one of the
    /// two, and are writable for nobody else. A sticky bit does not make a folder safe. The last
    /// folder may be writable for a group that is not the stranger's, as `/var/log` often is; a file
    /// found there has to have this name alone, and to belong to one of the three.
    Guarded {
        /// The one who may change them, besides root.
        user: u32,
        /// The one who must not.
        stranger: &'a Credentials,
    },
}

impl Trust<'_> {
    fn owners(self) -> Option<[u32; 3]> {
        match self {
            Self::OwnLinks(_) => None,
            Self::Guarded { user, stranger } => Some([0, user, stranger.uid]),
        }
    }
}

/// A name in an open folder.
#[derive(Debug)]
pub struct Place {
    /// `None` for a plain path: nothing was checked on the way, so that a link is followed as well.
    folder: Option<OwnedFd>,
    /// The name in the folder, or the plain path.
    name: OsString,
    /// Whose a file there may be, if that matters.
    owners: Option<[u32; 3]>,
}

impl Place {
    /// A path as the kernel takes it, every link followed.
    pub fn plain(path: &Path) -> Self {
        Self {
            folder: None,
            name: path.as_os_str().to_owned(),
            owners: None,
        }
    }

    /// Finds the place of an absolute path, or of a relative one in the folder `base`, above which
    /// it cannot lead. Links are followed as `trust` says; missing folders are made with the mode
    /// `make`, if there is one. What has the name need not exist.
    ///
    /// # Errors
    ///
    /// A folder is missing or may not be searched; `EACCES` for a way that `trust` excludes; `ELOOP`
    /// for too many links, or for a last one that belongs to somebody else.
    pub fn find(
        base: Option<OwnedFd>,
        path: &Path,
        trust: Trust<'_>,
        make: Option<u32>,
    ) -> io::Result<Self> {
        Ok(Walk::begin(base, path, trust, make)?.finish(true)?)
    }

    /// Likewise, but a link that has the name itself is left alone.
    ///
    /// # Errors
    ///
    /// As for [`Place::find`].
    pub fn find_name(path: &Path, trust: Trust<'_>) -> io::Result<Self> {
        Ok(Walk::begin(None, path, trust, None)?.finish(false)?)
    }

    /// Opens what is there. A link is not followed, unless the place is a plain path.
    ///
    /// # Errors
    ///
    /// As `openat(2)`; `ELOOP` for a link.
    pub fn open(&self, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
        let links = match self.folder {
            Some(_) => OFlags::NOFOLLOW,
            None => OFlags::empty(),
        };
        let flags = flags | links | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode);
        let opened = rustix::fs::openat(self.folder(), &self.name, flags, mode)?;
        if let Some(owners) = self.owners {
            let about = rustix::fs::fstat(&opened)?;
            let is_file = FileType::from_raw_mode(about.st_mode) == FileType::RegularFile;
            if is_file && (about.st_nlink > 1 || !owners.contains(&about.st_uid)) {
                return Err(Errno::ACCESS.into());
            }
        }
        Ok(opened)
    }

    /// What is there, a link itself included, with a descriptor that names it and opens nothing.
    ///
    /// # Errors
    ///
    /// Nothing has the name, or it cannot be looked at.
    pub fn look(&self) -> io::Result<(OwnedFd, Stat)> {
        let flags = LOOK | OFlags::NOFOLLOW;
        let found = rustix::fs::openat(self.folder(), &self.name, flags, Mode::empty())?;
        let about = rustix::fs::fstat(&found)?;
        Ok((found, about))
    }

    /// Removes the name.
    ///
    /// # Errors
    ///
    /// As `unlinkat(2)`.
    pub fn unlink(&self) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(rustix::fs::unlinkat(self.folder(), &self.name, flags)?)
    }

    fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_ref().map_or(CWD, AsFd::as_fd)
    }
}

/// A path that leads to what a descriptor names, also one that opens nothing, whatever became of the
/// path it was opened by.
pub fn path_of(descriptor: impl AsFd) -> PathBuf {
    let number = descriptor.as_fd().as_raw_fd().to_string();
    Path::new("/proc/self/fd").join(number)
}

/// A path of which some parts are left to go.
struct Walk<'a> {
    folder: OwnedFd,
    left: VecDeque<OsString>,
    trust: Trust<'a>,
    make: Option<u32>,
    links: usize,
    /// `..` is allowed: the way began at the root.
    ascends: bool,
}

impl<'a> Walk<'a> {
    fn begin(
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

    fn finish(mut self, follows: bool) -> Result<Place, Errno> {
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
