//! The thread between the apps and their daemon, composed of two planes: the channels
//! ([`crate::channel`]) and the cluster ([`crate::cluster`]), whose hand-offs are writes to channels.
//! Its loop reads and parses what the apps send, answers what Node's own protocol wants answered,
//! gives what workers say to the cluster and everything else to the control thread.

mod commands;
mod event;
mod handover;
mod messages;
#[cfg(test)]
mod tests;
mod thread;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use ward_core::id::{InstanceId, Life};
use ward_wire::node_ipc::encode_message;

use crate::channel::Links;
use crate::cluster::{ImportError, WorkerConfig};
use crate::poll::{Poll, Waker};
use commands::Command;
pub(crate) use event::{ChannelEvent, WorkerMetrics};
#[cfg(test)]
pub(crate) use handover::DescriptorRole;
pub(crate) use handover::Exported;
use thread::ChannelLoop;

/// The way to the channel thread. The thread, and with it every channel, ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ChannelHandle {
    /// Unbounded; each command comes from one action or request, and is performed at once.
    commands: Option<Sender<Command>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// Starts the thread.
#[derive(Debug)]
pub(crate) struct ChannelThread;

/// Parsing nested JSON is the deepest it goes. What is never touched costs nothing, and less than
/// a huge page is never made one.
const STACK_BYTES: usize = 1024 * 1024;

impl ChannelThread {
    /// Starts the thread. The sender is unbounded, what waits in it is not: see [`Credit`].
    pub(crate) fn start(events: UnboundedSender<ChannelEvent>) -> io::Result<ChannelHandle> {
        let parts = Parts::new(events)?;
        parts.start()
    }

    /// Starts the thread with all that another one held, in this process or in an earlier one.
    ///
    /// # Errors
    ///
    /// State and descriptors do not belong together, or the thread cannot be started.
    #[allow(dead_code, reason = "for a live upgrade, which is not there yet")]
    pub(crate) fn resume(
        events: UnboundedSender<ChannelEvent>,
        exported: Exported,
    ) -> Result<ChannelHandle, ImportError> {
        let mut parts = Parts::new(events)?;
        parts.run.import(exported)?;
        Ok(parts.start()?)
    }
}

/// A thread that has not begun.
struct Parts {
    run: ChannelLoop,
    commands: Sender<Command>,
    waker: Waker,
}

impl Parts {
    fn new(events: UnboundedSender<ChannelEvent>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = poll.waker();
        let (commands, inbox) = std::sync::mpsc::channel();
        Ok(Self {
            run: ChannelLoop::new(Links::new(poll), events, inbox),
            commands,
            waker,
        })
    }

    fn start(self) -> io::Result<ChannelHandle> {
        let run = self.run;
        let thread = std::thread::Builder::new()
            .name("channel".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || run.run())?;
        Ok(ChannelHandle {
            commands: Some(self.commands),
            waker: self.waker,
            thread: Some(thread),
        })
    }
}

impl ChannelHandle {
    /// Takes our end of a new life's channel. With a configuration the life is a cluster worker.
    pub(crate) fn attach(
        &self,
        life: Life,
        end: OwnedFd,
        config: Option<WorkerConfig>,
    ) -> io::Result<()> {
        self.ask(Command::Open(life, end, config.map(Box::new)))
    }

    /// Makes a channel and takes our end of it.
    #[cfg(test)]
    pub(crate) fn open(&self, life: Life, config: Option<WorkerConfig>) -> io::Result<OwnedFd> {
        let (ours, theirs) = crate::channel::pair()?;
        self.attach(life, ours, config)?;
        Ok(theirs)
    }

    /// Queues a message; one for a life without channel is dropped.
    pub(crate) fn send(&self, life: Life, message: &Value) {
        let line = encode_message(message);
        self.tell(Command::Send(life, line));
    }

    /// Takes what was sent already, then closes; the app sees a disconnect.
    pub(crate) fn close(&self, life: Life) {
        self.tell(Command::Close(life));
    }

    /// The process of a worker.
    pub(crate) fn born(&self, life: Life, pid: u32) {
        self.tell(Command::Born(life, pid));
    }

    /// The worker counts as ready, whatever it said.
    pub(crate) fn admit(&self, life: Life) {
        self.tell(Command::Admit(life));
    }

    /// Takes a worker out of the rotation and lets it finish; answered by `Drained`.
    pub(crate) fn drain(&self, life: Life) {
        self.tell(Command::Drain(life));
    }

    /// A worker was asked to end: no further connections for it.
    pub(crate) fn withdraw(&self, life: Life) {
        self.tell(Command::Withdraw(life));
    }

    /// No worker of this instance will come by itself: what only it listened on is closed.
    pub(crate) fn retire(&self, instance: InstanceId) {
        self.tell(Command::Retire(instance));
    }

    /// Gives a worker no connections for now, or does again.
    pub(crate) fn pause(&self, instance: InstanceId, paused: bool) {
        self.tell(Command::Pause(instance, paused));
    }

    /// Asks for [`ChannelEvent::Acknowledged`] once the thread has done all it was told so far. False
    /// when the thread is gone, and its sockets with it.
    pub(crate) fn acknowledge(&self, number: u64) -> bool {
        self.ask(Command::Acknowledge(number)).is_ok()
    }

    /// The counts of both planes, as soon as the thread comes to it.
    pub(crate) fn metrics(&self) -> oneshot::Receiver<WorkerMetrics> {
        let (answer, metrics) = oneshot::channel();
        self.tell(Command::Metrics(answer));
        metrics
    }

    /// Ends the thread and takes over all it held: no channel, listener or connection is closed.
    ///
    /// # Errors
    ///
    /// The thread is gone, or a descriptor cannot be duplicated.
    #[allow(dead_code, reason = "for a live upgrade, which is not there yet")]
    pub(crate) fn export(self) -> io::Result<Exported> {
        let (answer, exported) = std::sync::mpsc::sync_channel(1);
        self.ask(Command::Export(answer))?;
        let gone = |_| io::Error::other("the channel thread has ended");
        exported.recv().map_err(gone)?
    }

    fn tell(&self, command: Command) {
        // The thread is gone: so are the channels.
        self.ask(command).ok();
    }

    fn ask(&self, command: Command) -> io::Result<()> {
        let gone = || io::Error::other("the channel thread has ended");
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.send(command).map_err(|_| gone())?;
        self.waker.wake();
        Ok(())
    }
}

impl Drop for ChannelHandle {
    fn drop(&mut self) {
        self.commands = None;
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook; there is nothing to add.
            thread.join().ok();
        }
    }
}
