//! The daemon's hold on its home: the lock, the sockets and the pid file. Each is known by its inode,
//! so that a daemon whose home was deleted neither removes nor uses what another one made there.

mod restore;
mod watch;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;
use ward_home::{Paths, file};
use ward_sys::listener;
use ward_sys::lock::Lock;

use super::{DaemonError, failed};

pub(super) use self::restore::Home;
pub(super) use self::watch::HomeWatch;

/// The sockets that clients connect to.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) rpc: UnixListener,
    pub(super) events: UnixListener,
}

/// A home that this daemon holds.
#[derive(Debug)]
pub(super) struct HeldHome {
    paths: Paths,
    lock: Lock,
    folder: FileId,
    rpc: FileId,
    events: FileId,
}

/// What of the home is not this daemon's any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The folder itself was deleted, renamed or replaced.
    Folder,
    /// This file in it was.
    File(PathBuf),
}

impl HeldHome {
    /// Makes the home where it is missing, takes its lock, unless whoever started this daemon has
    /// handed it over, and listens.
    pub(super) fn take(paths: &Paths, lock: Option<Lock>) -> Result<(Self, Sockets), DaemonError> {
        paths.make()?;
        let lock = match lock {
            Some(lock) => lock,
            None => Lock::try_acquire(&paths.lock)
                .map_err(failed("lock the home"))?
                .ok_or(DaemonError::Running)?,
        };
        let sockets = Sockets {
            rpc: listen(&paths.rpc_socket)?,
            events: listen(&paths.pub_socket)?,
        };
        write_pid_file(&paths.pid_file).map_err(failed("write the pid file"))?;
        let id = |path: &Path| {
            FileId::of(path).map_err(failed(format!("find {} again", path.display())))
        };
        let held = Self {
            lock,
            folder: id(&paths.home)?,
            rpc: id(&paths.rpc_socket)?,
            events: id(&paths.pub_socket)?,
            paths: paths.clone(),
        };
        Ok((held, sockets))
    }

    /// What others removed or replaced; the most important one.
    pub(super) fn missing(&self) -> Option<Missing> {
        if !self.folder.is_at(&self.paths.home) {
            return Some(Missing::Folder);
        }
        let file = if !self.lock.is_at(&self.paths.lock) {
            &self.paths.lock
        } else if !self.rpc.is_at(&self.paths.rpc_socket) {
            &self.paths.rpc_socket
        } else if !self.events.is_at(&self.paths.pub_socket) {
            &self.paths.pub_socket
        } else {
            return None;
        };
        Some(Missing::File(file.clone()))
    }

    /// Takes the home again after something of it was lost, unless another daemon has it by now.
    /// What was held before is kept until then.
    pub(super) fn take_again(&mut self) -> Result<Sockets, DaemonError> {
        // A home comes back where it was; the folders above are not ours to make.
        let above = self.paths.home.parent().unwrap_or(Path::new("/"));
        fs::metadata(above).map_err(failed(format!("find {}", above.display())))?;
        self.paths.make()?;
        if !self.lock.is_at(&self.paths.lock) {
            let lock = Lock::try_acquire(&self.paths.lock).map_err(failed("lock the home"))?;
            self.lock = lock.ok_or(DaemonError::Running)?;
        }
        let lock = self.lock.share().map_err(failed("keep the lock"))?;
        let (held, sockets) = Self::take(&self.paths, Some(Lock::adopt(lock)))?;
        *self = held;
        Ok(sockets)
    }

    /// Removes the sockets and the pid file, as far as they are this daemon's own.
    pub(super) fn release(&self) {
        for (id, path) in [
            (self.rpc, &self.paths.rpc_socket),
            (self.events, &self.paths.pub_socket),
        ] {
            if id.is_at(path) {
                fs::remove_file(path).ok();
            }
        }
        let written = file::read_text(&self.paths.pid_file, file::LARGEST_NOTE);
        if written.is_ok_and(|pid| pid.trim() == std::process::id().to_string()) {
            fs::remove_file(&self.paths.pid_file).ok();
        }
    }
}

/// A file, whatever its name is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The folder that a path leads to, or the file with that name.
    fn of(path: &Path) -> io::Result<Self> {
        let about = match fs::metadata(path) {
            Ok(about) if about.is_dir() => about,
            _ => fs::symlink_metadata(path)?,
        };
        Ok(Self {
            device: about.dev(),
            inode: about.ino(),
        })
    }

    fn is_at(self, path: &Path) -> bool {
        Self::of(path).is_ok_and(|found| found == self)
    }
}

fn listen(path: &Path) -> Result<UnixListener, DaemonError> {
    let cannot = |error: io::Error| failed(format!("listen on {}", path.display()))(error);
    // We hold the lock, so a file that is there is stale.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
        _ => {}
    }
    let listener = listener::unix_listener(path, 0o600).map_err(cannot)?;
    let listener = std::os::unix::net::UnixListener::from(listener);
    listener.set_nonblocking(true).map_err(cannot)?;
    UnixListener::from_std(listener).map_err(cannot)
}

/// Writes our pid for other programs. A device in its place, such as `/dev/null`, is left alone.
fn write_pid_file(path: &Path) -> io::Result<()> {
    // Whoever links it elsewhere in a folder of his own wants it there. In a home of somebody else a
    // link is replaced, or root would write wherever it leads.
    let own = rustix::process::geteuid().as_raw();
    let folder = path.parent().and_then(|folder| folder.metadata().ok());
    let linked = folder
        .filter(|folder| folder.uid() == own)
        .and_then(|_| fs::canonicalize(path).ok());
    let target = linked.unwrap_or_else(|| path.to_path_buf());
    match fs::symlink_metadata(&target) {
        Ok(about) if !about.is_file() && !about.is_symlink() => Ok(()),
        _ => file::replace(&target, std::process::id().to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_same_name_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        let first = FileId::of(&path).unwrap();
        assert!(first.is_at(&path));
        // Kept under another name, so that the inode is not given out again.
        fs::rename(&path, folder.path().join("kept")).unwrap();
        assert!(!first.is_at(&path));
        fs::write(&path, "").unwrap();
        assert!(!first.is_at(&path));
    }

    #[test]
    fn a_device_in_the_place_of_the_pid_file_stays() {
        let before = FileId::of(Path::new("/dev/null")).unwrap();
        write_pid_file(Path::new("/dev/null")).unwrap();
        assert!(before.is_at(Path::new("/dev/null")));
    }
}
