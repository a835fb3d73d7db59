//! Cgroups v2, where the kernel and our rights allow: one directory per life below our own cgroup.
//!
//! A process cannot leave its cgroup without rights of its own, so a cgroup names the processes of
//! a life more surely than anything else, and `cgroup.kill` ends them in one step. All of it is
//! optional: each refusal is a `None`, and the rest of the crate gets by with sessions, parents and
//! markers.
//!
//! Layout: `<our cgroup>/ward-<pid>-<start time>/<life>`. The name of the upper directory tells
//! whether its daemon still lives, so that those of dead ones can be removed; a directory with
//! processes is never removed by the kernel.

mod leave;
mod place;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::{CWD, Mode, OFlags};

use self::place::{cgroup_of, own_cgroup};
use crate::{Pid, proc};

pub use self::leave::{has_lives, leave_life};

/// The directory that holds the cgroups of all lives of this daemon.
#[derive(Debug)]
pub struct Hierarchy {
    path: PathBuf,
}

impl Hierarchy {
    /// Makes the directory below our own cgroup, and removes those of dead daemons beside it.
    /// `None` if there is no cgroup v2 or we may not write there.
    pub fn create() -> Option<Self> {
        let own = own_cgroup()?;
        remove_stale(&own);
        let pid = rustix::process::getpid();
        let start_time = proc::start_time(pid).ok()?;
        let path = own.join(format!("ward-{}-{start_time}", pid.as_raw_nonzero()));
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => None,
            _ => Some(Self { path }),
        }
    }

    /// A new cgroup for a life. `name` should be unique among the lives of this daemon.
    pub fn cgroup(&self, name: &str) -> Option<Cgroup> {
        let path = self.path.join(name);
        fs::create_dir(&path).ok()?;
        Cgroup::open(path)
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes all cgroups without processes, when the daemon ends.
    pub fn remove(&self) {
        remove_below(&self.path);
    }
}

/// The cgroup of one life.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    directory: OwnedFd,
}

impl Cgroup {
    /// Opens an existing cgroup, for instance after a live upgrade.
    pub fn open(path: PathBuf) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, &path, flags, Mode::empty()).ok()?;
        Some(Self { path, directory })
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A duplicate of its directory, for [`crate::spawn::Command::cgroup`].
    ///
    /// # Errors
    ///
    /// The process has no descriptor left.
    pub fn directory(&self) -> io::Result<OwnedFd> {
        self.directory.try_clone()
    }

    /// Whether the cgroup or one below holds a living process; `None` if that cannot be read.
    pub fn populated(&self) -> Option<bool> {
        let events = self.read("cgroup.events")?;
        Some(field(&events, "populated")? == 1)
    }

    /// The processes in the cgroup and in those below, without zombies.
    pub fn procs(&self) -> Vec<Pid> {
        let mut pids = Vec::new();
        collect_procs(&self.path, &mut pids);
        pids
    }

    /// As [`Self::procs`], but reads only one small file unless there are cgroups below. `None` if
    /// that file cannot be read.
    pub fn members(&self) -> Option<Vec<Pid>> {
        // A directory has a link for itself, one for its name and one for each directory below.
        if rustix::fs::fstat(&self.directory).ok()?.st_nlink > 2 {
            return Some(self.procs());
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&self.directory, c"cgroup.procs", flags, Mode::empty()).ok()?;
        // One read is nearly always enough; a full buffer means that there may be more.
        let mut text = [0; 1024];
        let length = rustix::io::read(&file, &mut text[..]).ok()?;
        if length == text.len() {
            return Some(self.procs());
        }
        Some(pids_of(str::from_utf8(&text[..length]).ok()?).collect())
    }

    /// Whether a process is in the cgroup of another life of the same daemon.
    pub(crate) fn is_beside(&self, pid: Pid) -> bool {
        let path = format!("/proc/{}/cgroup", pid.as_raw_nonzero());
        let text = fs::read_to_string(path).unwrap_or_default();
        let theirs = text.lines().find_map(|line| line.strip_prefix("0::"));
        let upper = self.path.parent().and_then(Path::file_name);
        let name = self.path.file_name();
        theirs.zip(upper).is_some_and(|(theirs, upper)| {
            let mut parts = Path::new(theirs).iter().skip_while(|part| *part != upper);
            parts.next().is_some() && parts.next().is_some_and(|life| Some(life) != name)
        })
    }

    /// Kills all processes at once, including those that are being forked. Returns `false` if the
    /// kernel (before 5.14) cannot.
    pub fn kill(&self) -> bool {
        fs::write(self.path.join("cgroup.kill"), "1").is_ok()
    }

    /// Removes the cgroup; `false` if a process still lives in it. Dropping leaves the directory.
    pub fn remove(&self) -> bool {
        remove_below(&self.path)
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path.join(name)).ok()
    }
}

impl AsFd for Cgroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// The value of a `name value` line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(key, value)| (key == name).then(|| value.trim().parse().ok())?)
}

fn collect_procs(path: &Path, pids: &mut Vec<Pid>) {
    let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    pids.extend(pids_of(&text));
    for below in directories(path) {
        collect_procs(&below, pids);
    }
}

/// The pids in `cgroup.procs`; 0 stands for a process outside of our pid namespace.
fn pids_of(text: &str) -> impl Iterator<Item = Pid> {
    text.lines()
        .filter_map(|line| line.parse::<i32>().ok())
        .filter(|&pid| pid > 0)
        .filter_map(Pid::from_raw)
}

fn directories(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|e| e.path())
}

/// Removes a directory and those below, as far as they are empty of processes.
fn remove_below(path: &Path) -> bool {
    for below in directories(path) {
        remove_below(&below);
    }
    match fs::remove_dir(path) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(()) => true,
    }
}

fn remove_stale(own: &Path) {
    for path in directories(own) {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some((pid, start_time)) = name.and_then(daemon_of) else {
            continue;
        };
        if proc::start_time(pid).ok() != Some(start_time) {
            remove_below(&path);
        }
    }
}

/// The pid and start time of the daemon in the name of a directory.
fn daemon_of(name: &str) -> Option<(Pid, u64)> {
    let (pid, start_time) = name.strip_prefix("ward-")?.split_once('-')?;
    let pid = pid
        .parse()
        .ok()
        .filter(|&pid| pid > 0)
        .and_then(Pid::from_raw)?;
    Some((pid, start_time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_daemon() {
        assert_eq!(
            daemon_of("ward-12-345"),
            Some((Pid::from_raw(12).unwrap(), 345))
        );
        for name in [
            "ward-",
            "ward-12",
            "ward-x-1",
            "ward-0-1",
            "ward--5-1",
            "other-1-2",
        ] {
            assert_eq!(daemon_of(name), None, "{name}");
        }
    }

    #[test]
    fn fields_of_flat_files() {
        assert_eq!(field("populated 1\nfrozen 0\n", "frozen"), Some(0));
        assert_eq!(field("usage_usec 77\n", "usage"), None);
    }
}
