//! Replaces files in one step: a reader or a crash finds the old file or the new one, never a part.
//!
//! The new file is made under a name that nobody can foresee, and only if nothing is there, so that a
//! link planted in the folder is never written through. A process that is killed in between leaves
//! its temporary file; the next replacement of the same file removes it.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};

/// How old the file of a killed process is at least when it is removed. No living one takes so long
/// from the first byte to the rename.
const ABANDONED: Duration = Duration::from_mins(10);

/// A complete file under a temporary name; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Temporary {
    folder: OwnedFd,
    /// Empty once the file has its final name.
    name: OsString,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // If the file cannot be removed it stays; the caller already reports a more important
            // error.
            rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty()).ok();
        }
    }
}

/// Replaces a file, which its owner alone can read afterwards. A link is replaced, not followed.
///
/// # Errors
///
/// The folder cannot be written, or the disk is full; the old file is as it was.
pub fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    put(write_beside(target, bytes)?, target)
}

/// Writes and syncs bytes to a new file beside `target`, readable by its owner only.
pub(crate) fn write_beside(target: &Path, bytes: &[u8]) -> io::Result<Temporary> {
    let stem = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = open_folder(target)?;
    remove_abandoned(&folder, stem, SystemTime::now());
    let mut name = stem.to_owned();
    name.push(format!(
        ".{:016x}.tmp",
        getrandom::u64().map_err(io::Error::from)?
    ));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, &name, flags, Mode::RUSR | Mode::WUSR)?;
    let temporary = Temporary { folder, name };
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

/// Renames a complete file to its final name and syncs the folder, so that the name survives a
/// crash of the machine.
pub(crate) fn put(mut temporary: Temporary, target: &Path) -> io::Result<()> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = &temporary.folder;
    rustix::fs::renameat(folder, &temporary.name, folder, name)?;
    temporary.name.clear();
    Ok(rustix::fs::fsync(&temporary.folder)?)
}

fn open_folder(target: &Path) -> io::Result<OwnedFd> {
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, folder, flags, Mode::empty())?)
}

/// Removes what killed processes left of earlier replacements. Whatever fails is tried again the next
/// time.
fn remove_abandoned(folder: &OwnedFd, stem: &OsStr, now: SystemTime) {
    let Ok(entries) = Dir::read_from(folder) else {
        return;
    };
    let names: Vec<CString> = entries
        .flatten()
        .map(|entry| entry.file_name().to_owned())
        .filter(|name| is_temporary(name.to_bytes(), stem.as_bytes()))
        .collect();
    for name in names {
        if is_abandoned(folder, &name, now) {
            rustix::fs::unlinkat(folder, &name, AtFlags::empty()).ok();
        }
    }
}

/// Whether ward gives such names: `STEM.<16 hexadecimal digits>.tmp`, and `STEM.<pid>.tmp` before.
fn is_temporary(name: &[u8], stem: &[u8]) -> bool {
    let middle = name
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix(b"."))
        .and_then(|rest| rest.strip_suffix(b".tmp"));
    middle.is_some_and(|middle| {
        let pid = middle.len() <= 10 && middle.iter().all(u8::is_ascii_digit);
        let random = middle.len() == 16 && middle.iter().all(u8::is_ascii_hexdigit);
        !middle.is_empty() && (pid || random)
    })
}

/// Whether it is an old regular file of our own.
fn is_abandoned(folder: &OwnedFd, name: &CString, now: SystemTime) -> bool {
    let Ok(about) = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
        return false;
    };
    let Some(written) = u64::try_from(about.st_mtime)
        .ok()
        .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
    else {
        return false;
    };
    let age = now.duration_since(written).unwrap_or_default();
    FileType::from_raw_mode(about.st_mode) == FileType::RegularFile
        && about.st_uid == rustix::process::geteuid().as_raw()
        && age >= ABANDONED
}
