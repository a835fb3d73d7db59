//! Log pipes: large, so that a stalled or crashed daemon does not stop its apps at once.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::pipe::PipeFlags;

/// What a pipe holds while the disk hangs or the daemon is replaced. A user without privileges has 64 MiB for all pipes of
/// all programs, and each further pipe gets two pages: a larger size would harm the user's other programs after 32 apps.
const PIPE_BYTES: usize = 256 << 10;

/// One pipe of an app.
#[derive(Debug)]
pub struct LogPipe {
    /// Ours; non-blocking.
    pub reader: OwnedFd,
    /// The app's; blocking, as programs expect of their output.
    pub writer: OwnedFd,
}

impl LogPipe {
    /// A new pipe, larger than usual where the kernel lets us.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        // The quota may be used up; a smaller pipe works as well, only less patiently.
        rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BYTES).ok();
        Ok(Self { reader, writer })
    }
}

/// Bytes that wait to be read.
pub fn unread(fd: impl AsFd) -> io::Result<u64> {
    Ok(rustix::io::ioctl_fionread(fd)?)
}

/// How much the pipe can hold.
pub fn capacity(fd: impl AsFd) -> io::Result<usize> {
    Ok(rustix::pipe::fcntl_getpipe_size(fd)?)
}

#[cfg(test)]
mod tests {
    use rustix::fs::OFlags;

    use super::*;

    #[test]
    fn only_our_end_is_non_blocking() {
        let pipe = LogPipe::new().unwrap();
        let blocks = |fd: &OwnedFd| {
            !rustix::fs::fcntl_getfl(fd)
                .unwrap()
                .contains(OFlags::NONBLOCK)
        };
        assert!(!blocks(&pipe.reader));
        assert!(blocks(&pipe.writer));
        assert!(capacity(&pipe.reader).unwrap() >= 64 << 10);
        rustix::io::write(&pipe.writer, b"hello").unwrap();
        assert_eq!(unread(&pipe.reader).unwrap(), 5);
    }
}
