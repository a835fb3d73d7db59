//! The channel plane: the daemon's ends of all Node IPC channels, with what waits in both
//! directions, and the other sockets that are polled with them. It moves lines and descriptors, and
//! knows neither clusters nor what messages mean.
//!
//! An app can neither block nor flood the daemon: each channel has a [`Window`](window::Window) of
//! messages that nobody has dealt with, and a channel whose window is full is not read until the
//! control thread caught up; what waits for an app that does not read is bounded, too, and so are
//! lines whose end has not come. Each of the three is bounded in bytes, for a channel and for all.

mod export;
mod link;
mod links;
mod listeners;
mod metrics;
mod outbox;
mod sending;
mod share;
mod unfinished;
mod window;

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

pub(crate) use export::{ChannelState, ExportedChannel, owned};
pub(crate) use link::{Link, Received};
pub(crate) use links::Links;
pub(crate) use metrics::ChannelMetrics;
pub(crate) use sending::Offered;
pub(crate) use window::Credit;

/// The two ends of a channel: the daemon's, and the child's, to be given as `NODE_CHANNEL_FD`.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    // Node makes its end non-blocking itself; other programs expect a blocking one.
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}
