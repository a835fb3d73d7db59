//! A log file: opened for appending, shared by all who write to the same path, reopened after a
//! rotation, and honest about bytes it could not write.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::poll::Token;

/// An open log file.
#[derive(Debug)]
pub(crate) struct Sink {
    path: PathBuf,
    file: File,
    /// Who left an unfinished line at the end.
    torn: Option<Token>,
    /// Bytes lost since writing began to fail.
    lost: u64,
}

/// Shared by the sources that write to it and by the table; only the log thread has any.
pub(crate) type SharedSink = Rc<RefCell<Sink>>;

/// Opens for appending; missing directories are made. A named pipe nobody reads is refused at once
/// instead of waited for.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    options
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.cast_signed());
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)?;
            }
            options.open(path)
        }
        opened => opened,
    }
}

impl Sink {
    fn new(path: PathBuf, file: File) -> Self {
        Self {
            path,
            file,
            torn: None,
            lost: 0,
        }
    }

    /// Appends. `apart` asks for a line end first when somebody else left a line unfinished.
    /// A failure is told once, with the loss when writing works again: the file is tried each time.
    pub(crate) fn write(&mut self, bytes: &[u8], writer: Token, apart: bool) -> Option<String> {
        let (Some(last), foreign) = (bytes.last(), self.torn.is_some_and(|by| by != writer)) else {
            return None;
        };
        let separator: &[u8] = if self.lost > 0 && self.torn.is_some() || apart && foreign {
            b"\n"
        } else {
            b""
        };
        let mut written = 0;
        let result = self
            .append(separator, &mut 0)
            .and_then(|()| self.append(bytes, &mut written));
        match result {
            Ok(()) => {
                self.torn = (*last != b'\n').then_some(writer);
                let lost = core::mem::take(&mut self.lost);
                (lost > 0).then(|| {
                    format!(
                        "{} can be written again, {lost} bytes of output were lost",
                        self.path.display()
                    )
                })
            }
            Err(error) => {
                let first = self.lost == 0;
                self.lost += (bytes.len() - written) as u64;
                if let Some(last) = bytes[..written].last() {
                    self.torn = (*last != b'\n').then_some(writer);
                }
                first.then(|| {
                    format!(
                        "cannot write {}: {error}; output is lost until it can be written again",
                        self.path.display()
                    )
                })
            }
        }
    }

    fn append(&self, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        while *written < bytes.len() {
            match rustix::io::write(&self.file, &bytes[*written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => *written += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes another open file in the place of the present one.
    fn replace(&mut self, file: File) {
        self.file = file;
        self.torn = None;
    }
}

/// All open log files by path.
#[derive(Debug, Default)]
pub(crate) struct Sinks {
    by_path: HashMap<PathBuf, SharedSink>,
}

impl Sinks {
    /// The sink of a path. `file` was opened just now: it replaces an older descriptor, which may
    /// be that of a file renamed or deleted meanwhile.
    pub(crate) fn share(&mut self, path: PathBuf, file: File) -> SharedSink {
        if let Some(sink) = self.by_path.get(&path) {
            sink.borrow_mut().replace(file);
            return Rc::clone(sink);
        }
        let sink = Rc::new(RefCell::new(Sink::new(path.clone(), file)));
        self.by_path.insert(path, Rc::clone(&sink));
        sink
    }

    /// Closes the files nobody writes to any more.
    pub(crate) fn sweep(&mut self) {
        self.by_path.retain(|_, sink| Rc::strong_count(sink) > 1);
    }

    /// Opens all files anew by their paths; the complaints are those of files that cannot be.
    pub(crate) fn reopen(&mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (path, sink) in &self.by_path {
            match open(path) {
                Ok(file) => sink.borrow_mut().replace(file),
                Err(error) => complaints.push(format!(
                    "cannot reopen {}: {error}; the old file is still written",
                    path.display()
                )),
            }
        }
        complaints
    }

    /// Empties the file at a path, open or not; a missing one stays missing.
    pub(crate) fn truncate(&mut self, path: &Path) -> Option<String> {
        let result = match self.by_path.get(path) {
            Some(sink) => {
                let mut sink = sink.borrow_mut();
                sink.torn = None;
                sink.file.set_len(0)
            }
            // Opening a pipe that nobody reads must not stop the thread.
            None => OpenOptions::new()
                .write(true)
                .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
                .open(path)
                .and_then(|file| file.set_len(0)),
        };
        match result {
            // EINVAL: a pipe or a terminal, which has nothing to empty; ENXIO: a pipe that nobody reads.
            Err(error)
                if error.kind() != io::ErrorKind::NotFound
                    && error.kind() != io::ErrorKind::InvalidInput
                    && Errno::from_io_error(&error) != Some(Errno::NXIO) =>
            {
                Some(format!("cannot empty {}: {error}", path.display()))
            }
            _ => None,
        }
    }
}
