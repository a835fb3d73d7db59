//! Passes descriptors over sockets and over `execve`.

use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::FdFlags;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// How many descriptors one [`receive`] can take. The kernel closes those that do not fit.
pub const MOST_FDS: usize = 32;

/// A pair of connected unix stream sockets, ours non-blocking and the child's blocking (Node
/// changes its own end), ours with room for `buffer` unsent bytes if given.
///
/// # Errors
///
/// The process has no descriptor left.
pub fn channel(buffer: Option<usize>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    if let Some(bytes) = buffer {
        rustix::net::sockopt::set_socket_send_buffer_size(&ours, bytes)?;
    }
    Ok((ours, theirs))
}

/// Sends bytes with at most one descriptor, in one call that neither blocks nor raises SIGPIPE. The
/// result says how many bytes went; the descriptor goes with the first of them, so whoever
/// continues a partial write must not repeat it. `WouldBlock` means that nothing went, the
/// descriptor neither.
///
/// # Errors
///
/// `WouldBlock` if the buffer is full; `BrokenPipe` or `ConnectionReset` if the other end is
/// closed.
pub fn send(socket: impl AsFd, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    if !fds.is_empty() {
        let pushed = control.push(SendAncillaryMessage::ScmRights(&fds));
        debug_assert!(pushed, "the space is for one descriptor");
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match rustix::net::sendmsg(&socket, &[IoSlice::new(bytes)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

/// What one [`receive`] brought.
#[derive(Debug, Default)]
pub struct Received {
    /// Bytes put into the buffer; zero is the end of the stream.
    pub count: usize,
    /// Descriptors that came with them, close-on-exec.
    pub fds: Vec<OwnedFd>,
    /// Whether descriptors were lost for lack of space.
    pub truncated: bool,
}

/// Receives bytes and the descriptors that came with them, without blocking.
///
/// # Errors
///
/// `WouldBlock` if there is nothing to read; `ConnectionReset` if the other end is gone.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let message = loop {
        match rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    let mut received = Received {
        count: message.bytes,
        fds: Vec::new(),
        truncated: message.flags.contains(ReturnFlags::CTRUNC),
    };
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = part {
            received.fds.extend(fds);
        }
    }
    Ok(received)
}

/// Takes ownership of a descriptor this process was started with, whose number came in a variable
/// or argument, and makes it close-on-exec. Must be called at most once per number, before anything
/// else could have opened it.
///
/// # Errors
///
/// The number is below 3 or not open, or this process has opened the descriptor itself.
pub fn inherit(number: RawFd) -> io::Result<OwnedFd> {
    if number < 3 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: asking for the flags of any number is harmless; a bad one is an error. (rustix wants
    // a `BorrowedFd`, whose validity is what is being found out here.)
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    // An inherited descriptor is never close-on-exec; one that is was opened by this process and
    // has an owner.
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is open (checked), and since it is not close-on-exec, nothing in this program
    // opened it or took it before.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    close_on_exec(&fd, true)?;
    Ok(fd)
}

/// Sets whether `execve` closes a descriptor, for handing it to a successor. Returns its number.
///
/// # Errors
///
/// The kernel refuses, which it does not do for an open descriptor.
pub fn close_on_exec(fd: impl AsFd, close: bool) -> io::Result<RawFd> {
    let fd = fd.as_fd();
    let flags = if close {
        FdFlags::CLOEXEC
    } else {
        FdFlags::empty()
    };
    rustix::io::fcntl_setfd(fd, flags)?;
    Ok(fd.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_descriptor_travels_with_its_bytes() {
        let (ours, theirs) = channel(None).unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        assert_eq!(send(&ours, b"one\n", Some(writer.as_fd())).unwrap(), 4);
        drop(writer);
        let mut buffer = [0; 64];
        let received = receive(&theirs, &mut buffer).unwrap();
        assert_eq!(
            (&buffer[..received.count], received.fds.len()),
            (&b"one\n"[..], 1)
        );
        let flags = rustix::io::fcntl_getfd(&received.fds[0]).unwrap();
        assert!(flags.contains(FdFlags::CLOEXEC));
        std::fs::File::from(received.fds.into_iter().next().unwrap())
            .write_all(b"hello")
            .unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        drop(ours);
        assert_eq!(receive(&theirs, &mut buffer).unwrap().count, 0);
    }

    #[test]
    fn a_full_socket_takes_a_part_and_then_would_block() {
        let (ours, theirs) = channel(Some(4096)).unwrap();
        let lot = vec![b'x'; 10 << 20];
        let first = send(&ours, &lot, None).unwrap();
        assert!(first < lot.len());
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = loop {
            match send(&ours, &lot, Some(file.as_fd())) {
                Ok(count) => assert!(count < lot.len()),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(theirs);
        assert_eq!(
            send(&ours, b"x", None).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }

    #[test]
    fn owned_descriptors_cannot_be_inherited_again() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(inherit(file.as_raw_fd()).is_err());
        assert!(inherit(1).is_err());
        assert!(inherit(1_000_000).is_err());
    }
}
