//! Log pipes: large, so that a stalled or crashed daemon does not stop its apps at once.

use std::{io, os::fd::OwnedFd};

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
        assert!(rustix::pipe::fcntl_getpipe_size(&pipe.reader).unwrap() >= 64 << 10);
        rustix::io::write(&pipe.writer, b"hello").unwrap();
        assert_eq!(rustix::io::ioctl_fionread(&pipe.reader).unwrap(), 5);
    }
}
