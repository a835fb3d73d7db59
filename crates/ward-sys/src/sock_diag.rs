//! What the kernel knows of TCP connections (`sock_diag(7)`): it tells when one is gone for good,
//! and it lists those that are open. Neither needs a privilege. Sockets are known by their cookie
//! ([`crate::listener::cookie`]).
//!
//! A connection is gone when the last descriptor is closed and the kernel has nothing left to send:
//! one whose client does not take the last bytes is told of later than its server closed it.

mod message;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt};

pub use self::message::Socket;
use self::message::{Message, dump_request, messages};

/// `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY`, as bits.
const GROUPS: u32 = 1 << 0 | 1 << 2;

/// Room for what was not read yet. An unprivileged daemon gets what `net.core.rmem_max` allows.
const BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// The most messages that one call reads, so that other sources get their turn.
const BATCH: usize = 1024;

/// A classic filter has at most 4096 instructions, and each port takes two of them.
const MOST_PORTS: usize = 2000;

/// Where the local port is in a message: behind the header and four bytes about the state.
const PORT_OFFSET: u32 = 20;

/// A subscription to the ends of TCP connections.
#[derive(Debug)]
pub struct Closings {
    socket: Arc<OwnedFd>,
    lost: bool,
}

impl Closings {
    /// Begins to listen to the kernel about connections on these local ports. Fails where the
    /// kernel, its configuration or a filter of system calls does not allow it.
    ///
    /// # Errors
    ///
    /// The kernel, its configuration or a filter of system calls does not allow it.
    pub fn open(ports: &[u16]) -> io::Result<Self> {
        Self::with_buffer(ports, BUFFER_BYTES)
    }

    fn with_buffer(ports: &[u16], bytes: usize) -> io::Result<Self> {
        // A kernel that cannot list sockets does not tell of their end either, but would not say
        // so.
        open_sockets(ports)?;
        let socket = new_socket()?;
        if sockopt::set_socket_recv_buffer_size_force(&socket, bytes).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
        }
        let closings = Self {
            socket: Arc::new(socket),
            lost: false,
        };
        closings.watch(ports)?;
        rustix::net::bind(&closings.socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(closings)
    }

    /// Listens for these local ports from now on; the kernel drops what is about others.
    ///
    /// # Errors
    ///
    /// There are more instructions than a filter can have, or the kernel refuses the filter.
    pub fn watch(&self, ports: &[u16]) -> io::Result<()> {
        let mut program = filter(ports);
        let length = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let filter = libc::sock_fprog {
            len: length,
            filter: program.as_mut_ptr(),
        };
        let size = libc::socklen_t::try_from(size_of::<libc::sock_fprog>())
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: `filter` is a sock_fprog of `size` bytes, its pointer is valid for `len`
        // instructions, and the kernel copies both before it returns. rustix has no filters.
        let done = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const filter).cast(),
                size,
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// The descriptor to poll: readable if there is something to [`read`](Self::read).
    pub fn descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.socket)
    }

    /// Appends the cookies of sockets that are gone. True when some went unnoticed, because too
    /// many came at once: then [`open_sockets`] says what is still there. It is only said when
    /// nothing more waits to be read; before that the kernel may drop more without a word.
    ///
    /// # Errors
    ///
    /// The netlink socket fails. Lost messages are no error but the result `true`.
    pub fn read(&mut self, gone: &mut Vec<u64>) -> io::Result<bool> {
        let mut buffer = [0; 512];
        for _ in 0..BATCH {
            match rustix::net::recv(&*self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((count, _)) => {
                    let found = messages(&buffer[..count]);
                    gone.extend(found.filter_map(Message::socket).map(|it| it.cookie));
                }
                Err(Errno::NOBUFS) => self.lost = true,
                Err(Errno::AGAIN) => return Ok(core::mem::take(&mut self.lost)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

/// The TCP connections on these local ports that some process has open, half-closed ones included.
///
/// # Errors
///
/// The kernel, its configuration or a filter of system calls does not allow it.
pub fn open_sockets(ports: &[u16]) -> io::Result<Vec<Socket>> {
    let mut open = Vec::new();
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        // The kernel can choose one port; for more it is cheaper to go through its table once.
        let port = match ports {
            [only] => *only,
            _ => 0,
        };
        dump(family, port, |socket| {
            // Without a file behind it no process has it any more.
            if socket.inode != 0 && ports.contains(&socket.port) {
                open.push(socket);
            }
        })?;
    }
    Ok(open)
}

fn dump(family: AddressFamily, port: u16, mut found: impl FnMut(Socket)) -> io::Result<()> {
    let socket = new_socket()?;
    rustix::net::send(&socket, &dump_request(family, port), SendFlags::empty())?;
    let mut buffer = vec![0; 32 * 1024];
    loop {
        // Each read makes the kernel go on, so that there is always something to read.
        let count = match rustix::net::recv(&socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((count, _)) => count,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for message in messages(&buffer[..count]) {
            match message {
                Message::Socket(socket) => found(socket),
                Message::Done => return Ok(()),
                Message::Failed(errno) => return Err(io::Error::from_raw_os_error(errno)),
                Message::Other => {}
            }
        }
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::SOCK_DIAG),
    )?)
}

/// A program for the kernel that lets messages about these local ports pass.
fn filter(ports: &[u16]) -> Vec<libc::sock_filter> {
    const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
    const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, jf, k| libc::sock_filter {
        // The codes are bits of the lowest byte.
        code: (code & 0xff) as u16,
        jt: 0,
        jf,
        k,
    };
    if ports.len() > MOST_PORTS {
        return vec![step(RETURN, 0, u32::MAX)];
    }
    let mut program = vec![step(LOAD_HALF, 0, PORT_OFFSET)];
    for port in ports {
        // Equal: the next instruction; otherwise the one behind it.
        program.push(step(IF_EQUAL, 1, u32::from(*port)));
        program.push(step(RETURN, 0, u32::MAX));
    }
    program.push(step(RETURN, 0, 0));
    program
}

#[cfg(test)]
mod tests;
