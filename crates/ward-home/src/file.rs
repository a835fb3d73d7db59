//! Files that others can put something else in the place of: read only where they are regular files,
//! without waiting and with a limit, and replaced in one step.

mod replace;

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

pub use self::replace::replace;
pub(crate) use self::replace::{put, write_beside};

/// The largest saved list, `dump.pm2`, in bytes. A larger one is an error; ward writes about 3 kB for
/// an app, and its environment.
pub const LARGEST_DUMP: u64 = 1 << 30;

/// The largest configuration file or file of variables that a command reads, in bytes. A larger one
/// is an error.
pub const LARGEST_CONFIG: u64 = 64 << 20;

/// The largest file of a few words (`reload.lock`, `pm2.pid`), in bytes. A larger one is an error.
pub const LARGEST_NOTE: u64 = 4096;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The kernel refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something else stands in the place of a file, and reading it could wait for ever.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// It has more bytes than anything that is meant here.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes that are read.
        limit: u64,
    },
}

impl FileError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidInput, other),
        }
    }
}

/// Opens a regular file for reading, and does not wait for whoever writes to a pipe.
///
/// # Errors
///
/// [`FileError::NotRegular`] for a pipe, device, socket or folder, [`FileError::Io`] if the kernel
/// refuses.
pub fn open(path: &Path) -> Result<File, FileError> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) => {
            regular(&file.metadata()?)?;
            Ok(file)
        }
        // A socket cannot be opened at all (open(2)).
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            Err(FileError::NotRegular("a socket"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens a log for appending, and makes it for the user alone where there is none. A device is fine
/// (`/dev/null`), and so is a pipe somebody reads. In a folder of another user no link is followed:
/// root would write wherever it leads.
///
/// # Errors
///
/// [`FileError::NotRegular`] for a pipe nobody reads and for a socket, [`FileError::Io`] if the
/// kernel refuses.
pub fn append(path: &Path) -> Result<File, FileError> {
    let own = rustix::process::geteuid().as_raw();
    let folder = path.parent().and_then(|folder| folder.metadata().ok());
    let foreign = folder.is_some_and(|about| about.uid() != own);
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.set(OFlags::NOFOLLOW, foreign);
    let opened = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) => {
            rustix::fs::fcntl_setfl(&file, OFlags::APPEND).map_err(io::Error::from)?;
            Ok(file)
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            Err(FileError::NotRegular("a pipe that nobody reads"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Refuses everything but a regular file.
///
/// # Errors
///
/// [`FileError::NotRegular`] says what it is instead.
pub fn regular(about: &Metadata) -> Result<(), FileError> {
    let kind = about.file_type();
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(FileError::NotRegular(what))
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
///
/// As for [`open`], or [`FileError::TooLarge`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let expected = file.metadata()?.len();
    if expected > limit {
        return Err(FileError::TooLarge { limit });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    // It may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge { limit });
    }
    Ok(bytes)
}

/// As [`read`], for text.
///
/// # Errors
///
/// As for [`read`]; bytes that are not UTF-8 are [`io::ErrorKind::InvalidData`].
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    let text = String::from_utf8(read(path, limit)?);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()).into())
}

#[cfg(test)]
mod tests;
