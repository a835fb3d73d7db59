//! Channels on their way to another daemon process: the socket, what of it is not dealt with, and
//! what waits to be sent. No byte is lost or doubled: what was read of an unfinished line goes along,
//! and of a message that was sent in part only the rest is sent.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ward_core::cluster::Role;
use ward_core::id::Life;

/// What there is to know of a channel besides its descriptors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChannelState {
    /// Whose it is.
    pub(crate) life: Life,
    /// What its process is in a cluster.
    pub(crate) role: Role,
    /// What has come of an unfinished line.
    pub(super) unfinished: Vec<u8>,
    /// The line is too long, which was told, and its rest is thrown away.
    pub(super) skipping: bool,
    /// Messages were thrown away, which was told.
    pub(super) choked: bool,
    /// A line was no message, which was told.
    pub(super) told_junk: bool,
    /// What waits to be sent, in this order.
    pub(super) outbox: Vec<QueuedLine>,
}

/// A line that waits to be sent, or the rest of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueuedLine {
    pub(super) rest: Vec<u8>,
    /// A descriptor travels with its first byte.
    pub(super) has_fd: bool,
}

/// A channel, with the descriptors it holds.
#[derive(Debug)]
pub(crate) struct ExportedChannel {
    /// Everything else.
    pub(crate) state: ChannelState,
    /// The daemon's end.
    pub(crate) socket: OwnedFd,
    /// Descriptors that came from the app and wait for the message that claims them.
    pub(crate) received: Vec<OwnedFd>,
    /// Descriptors that wait to be sent, in the order of the lines that have one.
    pub(crate) queued: Vec<OwnedFd>,
}

/// The descriptor itself, or another one for the same if somebody else holds it, too.
pub(crate) fn owned(fd: Arc<OwnedFd>) -> io::Result<OwnedFd> {
    Arc::try_unwrap(fd).or_else(|shared| shared.try_clone())
}
