//! The output of a beginning life: its pipes and files are made on the thread that begins it, since
//! opening a file may take as long as its mount pleases.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ward_core::id::Life;
use ward_core::launch::Output;
use ward_sys::pipe::LogPipe;

use super::inbox::{Command, Inbox};
use super::source::{Origin, Stream};
use super::{LogHandle, file};

/// The output of a life that is about to begin.
#[derive(Debug)]
pub(crate) struct Attached {
    /// The write end of standard output.
    pub(crate) out: OwnedFd,
    /// The write end of standard error.
    pub(crate) err: OwnedFd,
    /// To be kept until the control loop has told of the start.
    pub(crate) reading: Reading,
}

/// The daemon's side of the pipes of a life. Nothing is read while this is held; when it is dropped,
/// reading begins with the next [`LogHandle::post`]. So subscribers learn of a start before they see
/// its output: the control loop drops this when it hears of the start, and posts when it has told.
#[derive(Debug)]
pub(crate) struct Reading {
    streams: Vec<Stream>,
    inbox: Arc<Inbox>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        let streams = std::mem::take(&mut self.streams);
        if !streams.is_empty() {
            self.inbox.defer(Command::Attach(streams));
        }
    }
}

impl LogHandle {
    /// Standard output and standard error for a new life. Opens its files, so that an unwritable
    /// path fails the spawn and is not found out later. Takes as long as that takes: not for the
    /// control thread.
    ///
    /// # Errors
    ///
    /// A file cannot be opened, or there are no descriptors left.
    pub(crate) fn attach(&self, life: Life, output: &Output) -> io::Result<Attached> {
        let mut streams = Vec::new();
        let (out, err) = if output.disabled {
            (null()?, null()?)
        } else {
            let origin = Arc::new(Origin::new(life, output));
            // Before the files are opened: what is renamed and opened anew meanwhile makes them stale.
            let epoch = self.inbox.epoch();
            let (out, out_end) = stream(&origin, output, false, epoch)?;
            let (err, err_end) = stream(&origin, output, true, epoch)?;
            streams.extend([out, err]);
            (out_end, err_end)
        };
        let inbox = Arc::clone(&self.inbox);
        let reading = Reading { streams, inbox };
        Ok(Attached { out, err, reading })
    }
}

/// One stream of a life and the end for the child.
fn stream(
    origin: &Arc<Origin>,
    output: &Output,
    error: bool,
    epoch: u64,
) -> io::Result<(Stream, OwnedFd)> {
    let own = if error {
        &output.err_path
    } else {
        &output.out_path
    };
    let mut files = Vec::new();
    for path in [own, &output.combined_path].into_iter().flatten() {
        files.extend(file(path)?);
    }
    let pipe = LogPipe::new()?;
    let stream = Stream {
        origin: Arc::clone(origin),
        error,
        pipe: pipe.reader,
        files,
        epoch,
    };
    Ok((stream, pipe.writer))
}

fn null() -> io::Result<OwnedFd> {
    Ok(File::options().write(true).open("/dev/null")?.into())
}
