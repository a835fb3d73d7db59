//! What went through the channels.

/// Counts since the plane began, and how many channels there are. Sizes are in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ChannelMetrics {
    /// Open channels.
    pub(crate) channels: u64,
    /// Channels that are not read, because too much of them is not dealt with.
    pub(crate) paused: u64,
    /// Lines that were received, junk included.
    pub(crate) messages_in: u64,
    /// Their size, as it was read.
    pub(crate) bytes_in: u64,
    /// Lines that were queued for apps.
    pub(crate) messages_out: u64,
    /// Their size.
    pub(crate) bytes_out: u64,
    /// Lines that were no messages.
    pub(crate) junk: u64,
    /// Messages that were thrown away because their app does not read.
    pub(crate) choked: u64,
}
