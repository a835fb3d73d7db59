//! Log pipes: large, so that a stalled or crashed daemon does not stop its apps at once.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::pipe::PipeFlags;

/// Sizes to try. An unprivileged user may be over its quota, so the kernel can refuse all of them and leave 64 KiB.
const SIZES: [usize; 3] = [1 << 20, 512 << 10, 256 << 10];

/// One pipe of an app.
#[derive(Debug)]
pub struct LogPipe {
    /// Ours; non-blocking.
    pub reader: OwnedFd,
    /// The app's; blocking, as programs expect of their output.
    pub writer: OwnedFd,
}

impl LogPipe {
    /// A new pipe, as large as the kernel lets us.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        SIZES
            .iter()
            .find(|&&bytes| rustix::pipe::fcntl_setpipe_size(&writer, bytes).is_ok());
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
