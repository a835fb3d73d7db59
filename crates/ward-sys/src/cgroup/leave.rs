//! A daemon that is started by an app of another daemon is no part of that app, and must not end with
//! it: it leaves the cgroup of the app's life.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{cgroup_of, daemon_of, directories, own_cgroup};
use crate::Pid;

/// Moves this process, with all of its threads, out of the cgroup of a life of another daemon, to
/// where that daemon is itself. Returns whether it was in one.
///
/// # Errors
///
/// The kernel does not let it move.
pub fn leave_life() -> io::Result<bool> {
    let Some(above) = own_cgroup().as_deref().and_then(above_lives) else {
        return Ok(false);
    };
    let own = rustix::process::getpid().as_raw_nonzero().to_string();
    fs::write(above.join("cgroup.procs"), own)?;
    Ok(true)
}

/// Whether the daemon with this pid has cgroups for the lives of its apps.
pub fn has_lives(daemon: Pid) -> bool {
    let of_daemon = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(daemon_of)
            .is_some_and(|(pid, _)| pid == daemon)
    };
    let cgroup = cgroup_of(&daemon.as_raw_nonzero().to_string());
    cgroup.is_some_and(|cgroup| directories(&cgroup).any(of_daemon))
}

/// The cgroup in which the outermost daemon has made those of its lives.
fn above_lives(own: &Path) -> Option<PathBuf> {
    let is_of_daemon = |path: &&Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(daemon_of).is_some()
    };
    let outermost = own.ancestors().filter(is_of_daemon).last()?;
    outermost.parent().map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_all_lives() {
        for (own, above) in [
            ("/sys/fs/cgroup/a/ward-12-345/7", Some("/sys/fs/cgroup/a")),
            ("/c/ward-12-345/7/ward-9-9/1", Some("/c")),
            ("/c/ward-12-345", Some("/c")),
            ("/c/ward-x/1", None),
            ("/", None),
        ] {
            assert_eq!(
                above_lives(Path::new(own)).as_deref(),
                above.map(Path::new),
                "{own}"
            );
        }
    }
}
