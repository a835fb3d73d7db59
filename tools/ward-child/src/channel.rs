//! The IPC channel that a parent in the manner of Node hands down: JSON lines over the descriptor in `NODE_CHANNEL_FD`.
#![expect(
    unsafe_code,
    reason = "std takes an inherited descriptor only unsafely"
)]

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    os::fd::FromRawFd,
};

use crate::words::Problem;

/// Opened at the first use.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    open: Option<BufReader<File>>,
}

impl Channel {
    pub(crate) fn send(&mut self, line: &str) -> Result<(), Problem> {
        Ok(self
            .open()?
            .get_mut()
            .write_all(format!("{line}\n").as_bytes())?)
    }

    /// The next line without its end, `None` when the parent has closed.
    pub(crate) fn receive(&mut self) -> Result<Option<String>, Problem> {
        let mut line = String::new();
        let count = self.open()?.read_line(&mut line)?;
        Ok((count > 0).then(|| line.trim_end_matches('\n').to_owned()))
    }

    fn open(&mut self) -> Result<&mut BufReader<File>, Problem> {
        if self.open.is_none() {
            let number = std::env::var("NODE_CHANNEL_FD")?.parse()?;
            // SAFETY: the variable names a descriptor that was made for us to own, and it is taken only here and once.
            let file = unsafe { File::from_raw_fd(number) };
            rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::CLOEXEC)?;
            self.open = Some(BufReader::new(file));
        }
        self.open
            .as_mut()
            .ok_or_else(|| "the channel was opened just before".into())
    }
}
