//! Pid files, which are for others: ward never reads one to learn a pid.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use ward_sys::Pid;

/// Writes the pid; missing folders are made.
pub(super) fn write(path: &Path, pid: Pid) -> io::Result<()> {
    let open = || {
        // A named pipe that nobody reads is refused instead of waited for.
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
    };
    let mut file = match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            open()?
        }
        (opened, _) => opened?,
    };
    file.write_all(pid.as_raw_nonzero().to_string().as_bytes())
}

/// Removes the file if this pid is in it: another life of the instance may have written its own.
pub(super) fn remove(path: &Path, pid: Pid) {
    let own = pid.as_raw_nonzero().to_string();
    // Whatever else is there is not ours: a pipe is not read, a large file is not loaded.
    let is_own = |text: Vec<u8>| text.trim_ascii() == own.as_bytes();
    if super::package::read(path).is_some_and(is_own) {
        fs::remove_file(path).ok();
    }
}
