//! Log pipes: large, so that a stalled or crashed daemon does not stop its apps at once.

use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::PipeFlags;

/// The bytes that a pipe can hold while the disk hangs or the daemon is replaced. A user without
/// privileges has 64 MiB for the pipes of all programs, and each further pipe gets two pages: with
/// a larger size, 32 apps would affect the user's other programs.
const PIPE_BYTES: usize = 256 << 10;

/// One pipe of an app.
#[derive(Debug)]
pub struct LogPipe {
    /// The daemon's end, non-blocking.
    pub reader: OwnedFd,
    /// The app's end, blocking, as programs expect of their output.
    pub writer: OwnedFd,
}

impl LogPipe {
    /// A new pipe, larger than usual where the kernel lets us.
    ///
    /// # Errors
    ///
    /// The process has no descriptor left, or the kernel no memory.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        // If the user's quota is used up, a smaller pipe works as well; it only fills up sooner.
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
