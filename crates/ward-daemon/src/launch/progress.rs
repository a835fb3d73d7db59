//! What a start is at.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// One thing a start may have to wait for. `Display` completes "waits: …".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Step {
    /// No thread has begun with it.
    #[default]
    Queued,
    /// A program is looked up in `PATH`.
    FindingProgram(String),
    /// The name service is asked.
    LookingUpUser(String),
    /// The command of a cluster worker is found out.
    FindingCommand,
    /// A log file is opened.
    Opening(PathBuf),
    /// The kernel makes the process and loads the program.
    Loading(PathBuf),
    /// The pid file is written.
    WritingPidFile(PathBuf),
    /// The nearest package.json is read.
    ReadingPackage(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued => write!(f, "for its turn, after other starts that wait"),
            Self::FindingProgram(name) => write!(f, "looking for {name} in PATH"),
            Self::LookingUpUser(name) => write!(f, "looking up the user {name}"),
            Self::FindingCommand => write!(f, "looking for the command of the worker"),
            Self::Opening(path) => write!(f, "opening {}", path.display()),
            Self::Loading(path) => write!(f, "loading {}", path.display()),
            Self::WritingPidFile(path) => write!(f, "writing the pid file {}", path.display()),
            Self::ReadingPackage(script) => write!(f, "reading the package.json of {script}"),
        }
    }
}

/// The present step of one start: written by the thread that performs it, read by the control thread.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<Step>);

impl Progress {
    /// The step that begins now.
    pub(super) fn now(&self, step: Step) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    /// The step under way.
    pub(super) fn step(&self) -> Step {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
