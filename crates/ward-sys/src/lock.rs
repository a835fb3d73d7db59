//! The exclusive lock on a home folder: its holder is the daemon, or a command that starts the
//! daemon.
//!
//! The kernel drops the lock with the last descriptor of its holder, however it dies, so a stale
//! lock does not exist. The file itself stays; removing it would let two holders lock two files of
//! one name. Should somebody remove it all the same, a lock on the removed file counts for nothing: a
//! lock is taken only on the file that has the name at that moment.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};

/// A held lock; dropping it releases the lock.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock if it is free; `None` if another process holds it.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or made, or its file system has no locks.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let lock = Self { file: open(path)? };
            match rustix::fs::flock(&lock.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if lock.is_at(path) => return Ok(Some(lock)),
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the lock without a limit; a caller with a deadline calls this on a thread of its
    /// own.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or made, or its file system has no locks.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        loop {
            let lock = Self { file: open(path)? };
            match rustix::fs::flock(&lock.file, FlockOperation::LockExclusive) {
                Ok(()) if lock.is_at(path) => return Ok(lock),
                Ok(()) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the locked file is the one of this name. If it was removed, somebody else can lock
    /// another one.
    pub fn is_at(&self, path: &Path) -> bool {
        let named = rustix::fs::lstat(path);
        let ours = rustix::fs::fstat(&self.file);
        named.is_ok_and(|named| {
            ours.is_ok_and(|ours| (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino))
        })
    }

    /// A second descriptor of the same lock, to be handed to a daemon being started: the lock then
    /// lives until both are closed.
    ///
    /// # Errors
    ///
    /// The process has no descriptor left.
    pub fn share(&self) -> io::Result<OwnedFd> {
        Ok(OwnedFd::from(self.file.try_clone()?))
    }

    /// Takes over a lock that was handed to this process with [`Lock::share`].
    pub fn adopt(shared: OwnedFd) -> Self {
        Self {
            file: File::from(shared),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::try_acquire(&path).unwrap().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        let shared = first.share().unwrap();
        drop(first);
        assert!(
            Lock::try_acquire(&path).unwrap().is_none(),
            "the shared descriptor still holds it"
        );
        drop(Lock::adopt(shared));
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }

    #[test]
    fn a_waiter_gets_it_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path).unwrap();
        let waiter = std::thread::spawn({
            let path = path.clone();
            move || Lock::acquire(&path).unwrap()
        });
        drop(first);
        let held = waiter.join().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(held);
    }
    #[test]
    fn a_removed_file_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path).unwrap();
        assert!(first.is_at(&path));
        let waiter = std::thread::spawn({
            let path = path.clone();
            move || Lock::acquire(&path).unwrap()
        });
        std::fs::remove_file(&path).unwrap();
        assert!(!first.is_at(&path));
        drop(first);
        // Whether it waited for the first file or not: what it has is the file of that name.
        let held = waiter.join().unwrap();
        assert!(held.is_at(&path));
        assert!(Lock::try_acquire(&path).unwrap().is_none());
    }
}
