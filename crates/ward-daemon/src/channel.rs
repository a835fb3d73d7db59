//! The channel thread: the daemon's ends of all Node IPC channels. It reads and parses what the
//! apps send, answers what Node's own protocol wants answered, and queues what is sent to them.
//! It knows nothing about the meaning of messages; those of cluster workers to their primary go to
//! [`crate::cluster`], which lives on this thread.
//!
//! An app can neither block nor flood the daemon: each channel has a window of unprocessed
//! messages, and a channel whose window is full is not read until the control thread caught up.

mod link;
mod links;
#[cfg(test)]
mod tests;
mod thread;
mod window;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;
use ward_core::id::{InstanceId, Life};
use ward_wire::node_ipc::{Junk, encode_message};

use crate::cluster::{WorkerConfig, WorkerEvent};
use crate::poll::{Poll, Waker};
pub(crate) use links::Links;
use thread::{ChannelLoop, Command};
pub(crate) use window::Credit;

/// Where an app finds its end of the channel.
pub(crate) const CHANNEL_FD: i32 = 3;

/// What happened on a channel.
#[derive(Debug)]
pub(crate) enum ChannelEvent {
    /// The app sent a value. Any JSON value is one, `null` too.
    Message {
        /// Who.
        life: Life,
        /// What.
        value: Value,
        /// Drop it when the message was dealt with: it is the app's permission to send more.
        credit: Credit,
    },
    /// Our agent inside a worker reports.
    Report {
        /// Who.
        life: Life,
        /// What.
        body: Map<String, Value>,
        /// Drop it when the report was dealt with.
        credit: Credit,
    },
    /// The app sent a line that is no message. Told once for each channel.
    Junk {
        /// Who.
        life: Life,
        /// What is wrong with it.
        junk: Junk,
    },
    /// The app does not read: messages for it were thrown away.
    Choked {
        /// Who.
        life: Life,
    },
    /// A cluster worker made progress, or its cluster has something to tell.
    Worker {
        /// Who.
        life: Life,
        /// What.
        event: WorkerEvent,
        /// Drop it when the event was dealt with; none of a worker whose channel is closed.
        credit: Option<Credit>,
    },
    /// The thread has done all it was told before it was asked for this.
    Acknowledged {
        /// The number it was asked with.
        number: u64,
    },
    /// Nothing more will come. Told exactly once for each opened channel.
    Closed {
        /// Who.
        life: Life,
    },
}

/// The way to the channel thread. The thread, and with it every channel, ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ChannelHandle {
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
        let poll = Poll::new()?;
        let waker = poll.waker();
        let (commands, inbox) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("channel".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || ChannelLoop::new(Links::new(poll, events), inbox).run())?;
        Ok(ChannelHandle {
            commands: Some(commands),
            waker,
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
        let (ours, theirs) = pair()?;
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

    /// Cluster's own polite request.
    pub(crate) fn disconnect(&self, life: Life) {
        self.tell(Command::Disconnect(life));
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

/// The two ends of a channel: the daemon's, and the child's, to be given as `NODE_CHANNEL_FD`.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    // Node makes its end non-blocking itself; other programs expect a blocking one.
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
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
