//! Files that are either the old ones or the new ones, whatever happens in between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A complete file that has not got its name yet; it vanishes when it never gets it.
#[derive(Debug)]
pub(super) struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What cannot be removed lies around; the caller has a greater worry already.
            fs::remove_file(path).ok();
        }
    }
}

/// Writes bytes to a new file next to `target`, for its owner only, down to the disk.
pub(super) fn write_beside(target: &Path, bytes: &[u8]) -> io::Result<Temporary> {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let path = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&path)?;
    let temporary = Temporary(Some(path));
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

/// Gives a complete file its name, and makes that survive a crash of the machine.
pub(super) fn put(mut temporary: Temporary, target: &Path) -> io::Result<()> {
    let path = temporary
        .0
        .as_ref()
        .expect("it is taken only here and when dropped");
    fs::rename(path, target)?;
    temporary.0 = None;
    match target.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
