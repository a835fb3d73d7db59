//! Why a life cannot be started.

use std::io;

use ward_sys::spawn::SpawnError;

use crate::fault::Fault;
use crate::rights::AccountError;

/// A start that failed. The text completes "cannot …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// No folder of its `PATH` has the program.
    #[error("find {0} in PATH")]
    NoProgram(String),
    /// Its user.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The daemon may not act as that user.
    #[error("act as its user: {}", plain(.0))]
    Rights(#[source] io::Error),
    /// Standard input.
    #[error("make a pipe: {0}")]
    Pipe(#[source] io::Error),
    /// The file of an output.
    #[error("open a log file: {}", plain(.0))]
    LogFile(#[source] io::Error),
    /// The IPC channel.
    #[error("open an IPC channel: {0}")]
    Channel(#[source] io::Error),
    /// A step between clone and exec, or one of these.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// A panic on the way.
    #[error("start it, which is a fault of ward: {0}")]
    Fault(#[source] Fault),
}

impl StartError {
    /// Something is short that may be there again later: the start is to be tried again.
    pub(crate) fn is_shortage(&self) -> bool {
        match self {
            // It stands for the error in it, whose source is not that error itself.
            Self::Spawn(error) => super::shortage::is_shortage(error),
            other => super::shortage::is_shortage(other),
        }
    }
}

/// The text of an error without Rust's number of it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
