//! Where the control loop hears of the world.

use std::io;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use ward_sys::signal::Signal as ProcessSignal;

use super::rpc::Call;
use crate::channel::ChannelEvent;
use crate::log::LogChunk;
use crate::watch::WatchEvent;

/// Where the world comes in.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) calls: mpsc::UnboundedReceiver<Call>,
    pub(super) messages: mpsc::UnboundedReceiver<ChannelEvent>,
    pub(super) chunks: mpsc::Receiver<LogChunk>,
    pub(super) changes: mpsc::UnboundedReceiver<WatchEvent>,
    pub(super) signals: Signals,
}

/// Signals to the daemon itself.
#[derive(Debug)]
pub(super) struct Signals {
    child: Signal,
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    reload_logs: Signal,
}

/// One thing that happened.
#[derive(Debug)]
pub(super) enum Occurrence {
    ChildEnded,
    Called(Call),
    Readiness(ChannelEvent),
    Printed(LogChunk),
    Watched(WatchEvent),
    Signalled(ProcessSignal),
    LogsMoved,
    Due,
}

impl Signals {
    /// From now on the daemon handles them itself.
    ///
    /// # Errors
    ///
    /// The runtime cannot register a handler.
    pub(super) fn register() -> io::Result<Self> {
        Ok(Self {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            reload_logs: signal(SignalKind::user_defined2())?,
        })
    }
}

impl Sources {
    /// The next thing that happens, of several the one chance picks, so that none starves.
    pub(super) async fn next(&mut self, wake: Option<Instant>) -> Occurrence {
        loop {
            return tokio::select! {
                _ = self.signals.child.recv() => Occurrence::ChildEnded,
                Some(call) = self.calls.recv() => Occurrence::Called(call),
                Some(event) = self.messages.recv() => Occurrence::Readiness(event),
                Some(chunk) = self.chunks.recv() => Occurrence::Printed(chunk),
                Some(event) = self.changes.recv() => Occurrence::Watched(event),
                _ = self.signals.terminate.recv() => Occurrence::Signalled(ProcessSignal::TERM),
                _ = self.signals.interrupt.recv() => Occurrence::Signalled(ProcessSignal::INT),
                _ = self.signals.quit.recv() => Occurrence::Signalled(ProcessSignal::QUIT),
                _ = self.signals.reload_logs.recv() => Occurrence::LogsMoved,
                _ = self.signals.hangup.recv() => continue,
                () = sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => Occurrence::Due,
            };
        }
    }
}
