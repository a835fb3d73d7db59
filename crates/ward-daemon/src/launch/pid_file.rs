//! Pid files, which are for others: ward never reads one to learn a pid. What has the name may have been
//! put there by the app: only a regular file is written or read, with the app's own rights, and nothing
//! here waits for anybody.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::{FileType, OFlags};
use ward_sys::Pid;

use crate::rights::{self, Rights};

/// A pid, its line end and some space; a longer file holds something else.
const MOST_BYTES: u64 = 32;

/// Writes the pid; missing folders are made.
///
/// # Errors
///
/// The file cannot be opened with these rights, or it is no regular one.
pub(super) fn write(path: &Path, pid: Pid, rights: &Rights) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE;
    let file = rights.at(path, true, |place| {
        rights::open_regular(place, flags, 0o666).map(File::from)
    });
    let mut file = file?;
    // Not before it is known what it is.
    file.set_len(0)?;
    file.write_all(pid.as_raw_nonzero().to_string().as_bytes())
}

/// Removes the file if this pid is in it: another life of the instance may have written its own.
pub(super) fn remove(path: &Path, pid: Pid, rights: &Rights) {
    let own = pid.as_raw_nonzero().to_string();
    let removed = rights.at(path, false, |place| {
        // A link stays where it is, as does whatever it leads to.
        let is_file = |about| FileType::from_raw_mode(about) == FileType::RegularFile;
        if !is_file(place.look()?.1.st_mode) {
            return Ok(());
        }
        let text = rights::read(place, MOST_BYTES)?;
        if text.is_some_and(|text| text.trim_ascii() == own.as_bytes()) {
            place.unlink()?;
        }
        Ok(())
    });
    // What cannot be removed stays: it is for others, and they look whether the process lives.
    removed.ok();
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_regular_file_with_its_own_pid_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pids/app.pid");
        let (pid, rights) = (rustix::process::getpid(), Rights::default());
        write(&path, pid, &rights).unwrap();
        let own = pid.as_raw_nonzero().to_string();
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
        let large = format!("{own}{}", " ".repeat(40));
        for other in ["1", "", &large] {
            fs::write(&path, other).unwrap();
            remove(&path, pid, &rights);
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        write(&path, pid, &rights).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            own,
            "nothing is left of the other"
        );
        remove(&path, pid, &rights);
        assert!(!path.exists());
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        // With a reader a pipe could be written to.
        let _reader = File::options().read(true).write(true).open(&path).unwrap();
        write(&path, pid, &rights).unwrap_err();
        remove(&path, pid, &rights);
        assert!(path.exists());
        for device in ["/dev/full", "/dev/null"] {
            write(Path::new(device), pid, &rights).unwrap_err();
            remove(Path::new(device), pid, &rights);
        }
    }
}
