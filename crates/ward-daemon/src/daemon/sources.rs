//! Where the control loop hears of the world.

use std::io;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use ward_core::id::Life;
use ward_sys::clock::ClockChanges;
use ward_sys::signal::Signal as ProcessSignal;

use super::home::HomeWatch;
use super::rpc::Call;
use crate::launch::LaunchEvent;
use crate::watch::WatchEvent;
use crate::worker_loop::ChannelEvent;

/// Where the world comes in.
#[derive(Debug)]
pub(super) struct Sources {
    /// Bounded by the connections: one call each.
    pub(super) calls: mpsc::UnboundedReceiver<Call>,
    pub(super) messages: mpsc::UnboundedReceiver<ChannelEvent>,
    /// Bounded by what the launch plane was asked: one answer each.
    pub(super) launches: mpsc::UnboundedReceiver<LaunchEvent>,
    pub(super) changes: mpsc::UnboundedReceiver<WatchEvent>,
    pub(super) signals: Signals,
    pub(super) clock: Clock,
    pub(super) home: Rc<HomeWatch>,
}

/// Tells that the wall clock was set. Without a kernel that says so the core finds out by itself, at
/// the next event.
#[derive(Debug)]
pub(super) struct Clock(Option<AsyncFd<ClockChanges>>);

impl Clock {
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, and `ClockChanges` keeps the one descriptor it owns"
    )]
    pub(super) fn watch() -> Self {
        let changes = ClockChanges::new();
        Self(changes.and_then(AsyncFd::new).ok())
    }

    /// Waits until the clock is set.
    async fn changed(&self) {
        if let Some(changes) = &self.0 {
            while let Ok(mut ready) = changes.readable().await {
                match changes.get_ref().take() {
                    Ok(true) => return,
                    Ok(false) => ready.clear_ready(),
                    Err(_) => break,
                }
            }
        }
        std::future::pending::<()>().await;
    }
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

/// One thing that happened, by its source.
#[derive(Debug)]
pub(super) enum Occurrence {
    ChildEnded,
    Call(Call),
    Channel(ChannelEvent),
    Launch(LaunchEvent),
    Watch(WatchEvent),
    Signal(ProcessSignal),
    LogsMoved,
    ClockChanged,
    HomeChanged,
    /// A list is to be gone on with.
    Slice,
    Due,
}

impl Occurrence {
    /// The source, for the log and for tests that cause a fault.
    pub(super) fn source(&self) -> &'static str {
        match self {
            Self::ChildEnded => "control.child",
            Self::Call(_) => "control.call",
            Self::Channel(_) => "control.channel",
            Self::Launch(_) => "control.launch",
            Self::Watch(_) => "control.watch",
            Self::Signal(_) => "control.signal",
            Self::LogsMoved => "control.logs_moved",
            Self::ClockChanged => "control.clock",
            Self::HomeChanged => "control.home",
            Self::Slice => "control.slice",
            Self::Due => "control.due",
        }
    }
}

impl Occurrence {
    /// The life whose start is answered by it.
    pub(super) fn start(&self) -> Option<Life> {
        match self {
            Self::Launch(LaunchEvent::Started { life, .. }) => Some(*life),
            _ => None,
        }
    }
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
    pub(super) async fn next(&mut self, wake: Option<Instant>, has_lists: bool) -> Occurrence {
        loop {
            return tokio::select! {
                _ = self.signals.child.recv() => Occurrence::ChildEnded,
                Some(call) = self.calls.recv() => Occurrence::Call(call),
                Some(event) = self.messages.recv() => Occurrence::Channel(event),
                Some(event) = self.launches.recv() => Occurrence::Launch(event),
                Some(event) = self.changes.recv() => Occurrence::Watch(event),
                _ = self.signals.terminate.recv() => Occurrence::Signal(ProcessSignal::TERM),
                _ = self.signals.interrupt.recv() => Occurrence::Signal(ProcessSignal::INT),
                _ = self.signals.quit.recv() => Occurrence::Signal(ProcessSignal::QUIT),
                _ = self.signals.reload_logs.recv() => Occurrence::LogsMoved,
                () = self.clock.changed() => Occurrence::ClockChanged,
                () = self.home.changed() => Occurrence::HomeChanged,
                _ = self.signals.hangup.recv() => continue,
                () = std::future::ready(()), if has_lists => Occurrence::Slice,
                () = sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => Occurrence::Due,
            };
        }
    }
}
