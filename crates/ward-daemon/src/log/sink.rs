//! A log file: opened for appending, shared by all who write to the same path, reopened after a
//! rotation, and honest about bytes it could not write.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::metrics::Counters;
use crate::poll::Token;
use crate::rights::{AT_ONCE, Rights, is_own_output};

/// Where a log file is, and with whose rights it is opened. Apps of different users have each their
/// own grip on a file that both name: none writes where only the other may.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct LogPlace {
    pub(super) path: PathBuf,
    pub(super) rights: Rights,
}

impl LogPlace {
    /// A file of the daemon's own.
    pub(super) fn own(path: PathBuf) -> Self {
        let rights = Rights::default();
        Self { path, rights }
    }
}

/// An open log file.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(super) place: LogPlace,
    pub(super) file: File,
    /// Who left an unfinished line at the end.
    pub(super) torn: Option<Token>,
    /// Bytes lost since writing began to fail.
    pub(super) lost: u64,
}

/// Shared by the sources that write to it and by the table; only the log thread has any.
pub(crate) type SharedSink = Rc<RefCell<Sink>>;

/// Opens for appending; missing directories are made. A named pipe nobody reads is refused at once
/// instead of waited for.
///
/// Pipes with a reader and terminals are logs as well; writing to them does not wait. The names of the
/// daemon's own outputs are opened as such, whoever the app runs as.
pub(crate) fn open(place: &LogPlace) -> io::Result<File> {
    let own = Rights::default();
    let rights = if is_own_output(&place.path) {
        &own
    } else {
        &place.rights
    };
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | AT_ONCE;
    rights.at(&place.path, true, |it| {
        it.open(flags, 0o600).map(File::from)
    })
}

impl Sink {
    fn new(place: LogPlace, file: File) -> Self {
        Self {
            place,
            file,
            torn: None,
            lost: 0,
        }
    }

    /// Appends. `apart` asks for a line end first when somebody else left a line unfinished.
    /// A failure is told once, with the loss when writing works again: the file is tried each time.
    pub(crate) fn write(
        &mut self,
        bytes: &[u8],
        writer: Token,
        apart: bool,
        counters: &Counters,
    ) -> Option<String> {
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
        counters.bytes_written.add(written as u64);
        match result {
            Ok(()) => {
                self.torn = (*last != b'\n').then_some(writer);
                let lost = core::mem::take(&mut self.lost);
                (lost > 0).then(|| {
                    format!(
                        "{} can be written again, {lost} bytes of output were lost",
                        self.place.path.display()
                    )
                })
            }
            Err(error) => {
                let first = self.lost == 0;
                let lost = (bytes.len() - written) as u64;
                self.lost += lost;
                counters.bytes_lost.add(lost);
                counters.write_errors.add(1);
                if let Some(last) = bytes[..written].last() {
                    self.torn = (*last != b'\n').then_some(writer);
                }
                first.then(|| {
                    format!(
                        "cannot write {}: {error}; output is lost until it can be written again",
                        self.place.path.display()
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

    /// Takes another open file in the place of the present one. If it is the same, an unfinished line
    /// is at its end still.
    fn replace(&mut self, file: File) {
        let identity = |file: &File| {
            rustix::fs::fstat(file)
                .map(|it| (it.st_dev, it.st_ino))
                .ok()
        };
        if identity(&file) != identity(&self.file) {
            self.torn = None;
        }
        self.file = file;
    }
}

/// All open log files.
#[derive(Debug, Default)]
pub(crate) struct Sinks {
    pub(super) by_place: HashMap<LogPlace, SharedSink>,
}

impl Sinks {
    /// The sink of a place. `file` was opened just now: it replaces an older descriptor, which may
    /// be that of a file renamed or deleted meanwhile.
    pub(crate) fn share(&mut self, place: LogPlace, file: File) -> SharedSink {
        if let Some(sink) = self.by_place.get(&place) {
            sink.borrow_mut().replace(file);
            return Rc::clone(sink);
        }
        let sink = Rc::new(RefCell::new(Sink::new(place.clone(), file)));
        self.by_place.insert(place, Rc::clone(&sink));
        sink
    }

    /// The sinks of files that were opened just now, each once. `stale` ones may have been renamed
    /// since, and take the place of nothing that is open.
    pub(super) fn share_all(
        &mut self,
        files: Vec<(LogPlace, File)>,
        stale: bool,
    ) -> Vec<SharedSink> {
        let mut all: Vec<SharedSink> = Vec::new();
        for (place, file) in files {
            let sink = match self.by_place.get(&place) {
                Some(open) if stale => Rc::clone(open),
                _ => self.share(place, file),
            };
            if !all.iter().any(|known| Rc::ptr_eq(known, &sink)) {
                all.push(sink);
            }
        }
        all
    }

    /// Closes the files nobody writes to any more.
    pub(crate) fn sweep(&mut self) {
        self.by_place.retain(|_, sink| Rc::strong_count(sink) > 1);
    }

    /// Where all open files are.
    pub(super) fn places(&self) -> impl Iterator<Item = &LogPlace> {
        self.by_place.keys()
    }

    /// Takes a file that was opened anew by its path; it is closed if nobody writes there any more.
    pub(super) fn replace(&mut self, place: &LogPlace, file: File) {
        if let Some(sink) = self.by_place.get(place) {
            sink.borrow_mut().replace(file);
        }
    }

    /// Empties what is open of a path; nothing if it is not.
    pub(super) fn truncate(&mut self, path: &Path) -> Option<io::Result<()>> {
        let open = self.by_place.values();
        let open = open.filter(|sink| sink.borrow().place.path == path);
        let emptied = open.map(|sink| {
            let mut sink = sink.borrow_mut();
            sink.torn = None;
            sink.file.set_len(0)
        });
        emptied.reduce(io::Result::and)
    }
}

/// Empties a file that is not open; a missing one stays missing. Opening a pipe that nobody reads
/// fails instead of waiting.
pub(super) fn empty(path: &Path, rights: &Rights) -> io::Result<()> {
    let flags = OFlags::WRONLY | AT_ONCE;
    let file = rights.at(path, false, |it| it.open(flags, 0).map(File::from))?;
    file.set_len(0)
}

/// Why a file could not be emptied, if it is a reason to complain.
pub(super) fn not_emptied(path: &Path, result: io::Result<()>) -> Option<String> {
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
