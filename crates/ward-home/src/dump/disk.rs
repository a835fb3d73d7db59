//! Replaces files in one step: a reader or a crash finds the old file or the new one, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A complete file under a temporary name; dropping it removes the file.
#[derive(Debug)]
pub(super) struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // If the file cannot be removed it stays; the caller already reports a more important
            // error.
            fs::remove_file(path).ok();
        }
    }
}

/// Writes and syncs bytes to a new file beside `target`, readable by its owner only.
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

/// Renames a complete file to its final name and syncs the folder, so that the name survives a
/// crash of the machine.
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
