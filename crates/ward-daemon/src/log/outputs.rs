//! The output of a beginning life: its pipes and files are made on the thread that starts it, since
//! opening a file may take as long as its mount pleases.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ward_core::launch::Output;
use ward_sys::pipe::LogPipe;

use super::sink::{self, LogPlace};
use super::source::{Origin, Stream};
use crate::rights::Rights;

/// The daemon's side of a new life's output, for [`super::LogHandle::attach`]. Nothing of it is read
/// before.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(super) streams: Vec<Stream>,
    /// The files were opened after this; what was opened anew since then makes them stale.
    pub(super) opened: Instant,
}

/// The output of a life that is about to begin.
#[derive(Debug)]
pub(crate) struct Outputs {
    /// For the log thread.
    pub(crate) streams: Streams,
    /// The write end of standard output.
    pub(crate) stdout: OwnedFd,
    /// The write end of standard error.
    pub(crate) stderr: OwnedFd,
}

/// Makes the pipes of a new life and opens its files, so that an unwritable path fails the start and
/// is not found out later: with the rights of the app, as [`Rights::at`] says. To open a file may take
/// long; `opening` is told which one.
///
/// # Errors
///
/// A file cannot be opened, or there are no descriptors left.
pub(crate) fn open(
    output: &Output,
    rights: &Rights,
    opening: impl Fn(&Path),
) -> io::Result<Outputs> {
    let mut streams = Streams {
        streams: Vec::new(),
        opened: Instant::now(),
    };
    if output.disabled {
        return Ok(Outputs {
            streams,
            stdout: null()?,
            stderr: null()?,
        });
    }
    let origin = Arc::new(Origin::from(output));
    let (out, stdout) = stream(&origin, (output, false), rights, &opening)?;
    let (err, stderr) = stream(&origin, (output, true), rights, &opening)?;
    streams.streams.extend([out, err]);
    Ok(Outputs {
        streams,
        stdout,
        stderr,
    })
}

/// One stream of a life and the end for the child.
fn stream(
    origin: &Arc<Origin>,
    (output, error): (&Output, bool),
    rights: &Rights,
    opening: impl Fn(&Path),
) -> io::Result<(Stream, OwnedFd)> {
    let own = if error {
        &output.err_path
    } else {
        &output.out_path
    };
    let mut files = Vec::new();
    for path in [own, &output.combined_path].into_iter().flatten() {
        opening(Path::new(path));
        files.extend(file(path, rights)?);
    }
    let pipe = LogPipe::new()?;
    let stream = Stream {
        origin: Arc::clone(origin),
        error,
        pipe: pipe.reader,
        files,
    };
    Ok((stream, pipe.writer))
}

/// Opens a log file; nothing for the ways to say "no file".
fn file(path: &str, rights: &Rights) -> io::Result<Option<(LogPlace, File)>> {
    if matches!(path, "" | "/dev/null" | "NULL" | "null") {
        return Ok(None);
    }
    let place = LogPlace {
        path: PathBuf::from(path),
        rights: rights.clone(),
    };
    match sink::open(&place) {
        Ok(file) => Ok(Some((place, file))),
        Err(error) => Err(cannot_open(place.path, error)),
    }
}

/// Which file cannot be opened, with the error of the kernel behind it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
struct CannotOpen {
    path: PathBuf,
    #[source]
    error: io::Error,
}

fn cannot_open(path: PathBuf, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), CannotOpen { path, error })
}

fn null() -> io::Result<OwnedFd> {
    Ok(File::options().write(true).open("/dev/null")?.into())
}
