//! The file of a Unix socket: whose it is, and when it is removed. All is done with the rights of the
//! worker it was bound for.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Stat;
use rustix::io::Errno;
use ward_sys::listener;
use ward_sys::place::Place;

use crate::rights::Rights;

/// A socket file on its way to another process: path, identity and owner.
pub(super) type LeftFile = (PathBuf, (u64, u64), Rights);

/// The file of a Unix socket, removed with it; never one that others put in its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// With whose rights it was made.
    rights: Rights,
}

impl SocketFile {
    /// The file of a socket that was bound just now.
    pub(super) fn new(path: &Path, about: &Stat, rights: &Rights) -> Self {
        Self {
            path: path.to_path_buf(),
            identity: identity(about),
            rights: rights.clone(),
        }
    }

    /// Leaves the file to another process: its path, device and inode.
    pub(super) fn leave(mut self) -> LeftFile {
        // An empty path is nobody's, so there is nothing to remove.
        let path = std::mem::take(&mut self.path);
        (path, self.identity, std::mem::take(&mut self.rights))
    }

    /// The file of an earlier process, as [`Self::leave`] gave it.
    pub(super) fn take_over((path, identity, rights): LeftFile) -> Self {
        Self {
            path,
            identity,
            rights,
        }
    }

    /// Whether this is the file at a path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let look = || -> io::Result<bool> {
            let _borrowed = self.rights.borrow()?;
            self.is_in(&place_of(path, &self.rights)?)
        };
        self.path == path && look().unwrap_or(false)
    }

    fn is_in(&self, place: &Place) -> io::Result<bool> {
        Ok(identity(&place.look()?.1) == self.identity)
    }

    fn remove(&self) -> io::Result<()> {
        let _borrowed = self.rights.borrow()?;
        let place = place_of(&self.path, &self.rights)?;
        if self.is_in(&place)? {
            place.unlink()?;
        }
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // A file that its owner cannot remove stays; the next bind finds it deserted.
            self.remove().ok();
        }
    }
}

fn identity(about: &Stat) -> (u64, u64) {
    (about.st_dev, about.st_ino)
}

/// The place of a socket file, a link there being no other place. The rights are borrowed already.
pub(super) fn place_of(path: &Path, rights: &Rights) -> io::Result<Place> {
    if rights.uid().is_none() {
        return Ok(Place::plain(path));
    }
    Place::find_name(&std::path::absolute(path)?, rights.trust())
}

/// Removes a socket file that is all that is left of a listener. An app of another user has only those
/// removed that are its own.
///
/// # Errors
///
/// Somebody listens there, it is another file or another user's, or it may not be removed.
pub(super) fn remove_deserted(path: &Path, rights: &Rights) -> io::Result<()> {
    let _borrowed = rights.borrow()?;
    let place = place_of(path, rights)?;
    let (is_deserted, owner) = listener::is_deserted(&place)?;
    if !is_deserted || rights.uid().is_some_and(|uid| uid != owner) {
        return Err(Errno::ADDRINUSE.into());
    }
    place.unlink()
}
