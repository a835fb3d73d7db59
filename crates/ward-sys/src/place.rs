//! A place in the file system, found step by step through descriptors: nobody can lead the last step
//! elsewhere by exchanging a part of the path meanwhile.
//!
//! Symbolic links are read and followed here, one at a time, and never by the kernel. So the links
//! of `/proc` that lead to a descriptor or to the root of a process have no magic: only their text
//! counts, as with `RESOLVE_NO_MAGICLINKS` of `openat2(2)`, which older kernels and the system-call
//! filters of older containers lack.

mod walk;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use self::walk::Walk;
use crate::spawn::Credentials;

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
