//! The exclusive lock on a home folder: its holder is the daemon, or a command that starts the
//! daemon.
//!
//! The kernel drops the lock with the last descriptor of its holder, however it dies, so a stale
//! lock does not exist. The file itself stays; removing it would let two holders lock two files of
//! one name.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::FlockOperation;

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
        let file = open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the lock without a limit; a caller with a deadline calls this on a thread of its
    /// own.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or made, or its file system has no locks.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        loop {
            match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { file }),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
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
}
