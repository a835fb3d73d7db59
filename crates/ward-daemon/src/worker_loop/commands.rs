//! What the control thread asks of the loop.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{SyncSender, TryRecvError};

use tokio::sync::oneshot;
use ward_core::cluster::Role;
use ward_core::id::{InstanceId, Life};

use super::event::{ChannelEvent, WorkerMetrics};
use super::handover::Exported;
use super::thread::ChannelLoop;
use crate::cluster::WorkerConfig;

/// What other threads ask.
#[derive(Debug)]
pub(super) enum Command {
    /// A new channel; our end.
    Open(Life, OwnedFd, Option<Box<WorkerConfig>>),
    /// A line for an app.
    Send(Life, Vec<u8>),
    /// End a channel.
    Close(Life),
    /// The process of a worker.
    Born(Life, u32),
    /// A worker counts as ready.
    Admit(Life),
    /// Let a worker finish.
    Drain(Life),
    /// A worker was asked to end.
    Withdraw(Life),
    /// No worker of this instance will come.
    Retire(InstanceId),
    /// No connections for this instance, or again.
    Pause(InstanceId, bool),
    /// Say that all of the above is done.
    Acknowledge(u64),
    /// Give everything away, and end.
    Export(SyncSender<io::Result<Exported>>),
    /// Say what went through.
    Metrics(oneshot::Sender<WorkerMetrics>),
}

impl ChannelLoop {
    /// Performs what was asked. False when nobody can ask any more.
    pub(super) fn obey(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            let command = match self.commands.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            };
            if let Command::Export(answer) = command {
                // Who asked waits for it.
                answer.try_send(self.export()).ok();
                return false;
            }
            // A fault drops this command; the next ones are others' affairs.
            self.contained(None, "a command", |it| it.perform(command, buffer));
        }
    }

    fn perform(&mut self, command: Command, buffer: &mut [u8]) {
        let (primary, cx) = (&mut self.primary, &mut self.cx);
        match command {
            Command::Open(life, socket, config) => {
                let role = match config {
                    Some(_) => Role::Worker,
                    None => Role::Standalone,
                };
                let token = cx.links.open(life, socket, role);
                if let Some(config) = config {
                    primary.add(token, life, *config, cx);
                }
            }
            Command::Send(life, line) => {
                if let Some(token) = cx.links.find(life) {
                    self.offer(token, line);
                }
            }
            Command::Close(life) => {
                if let Some(token) = cx.links.find(life) {
                    self.drain(token, buffer);
                }
            }
            Command::Born(life, pid) => primary.born(life, pid, cx),
            Command::Admit(life) => primary.admit(life, cx),
            Command::Drain(life) => primary.drain(life, cx),
            Command::Withdraw(life) => primary.withdraw(life, cx),
            Command::Retire(instance) => primary.retire(instance, cx),
            Command::Pause(instance, paused) => primary.pause(instance, paused, cx),
            // Performed by the caller, which ends the loop.
            Command::Export(_) => {}
            Command::Acknowledge(number) => self.tell(ChannelEvent::Acknowledged { number }),
            Command::Metrics(answer) => {
                let metrics = WorkerMetrics {
                    channels: cx.links.metrics(),
                    cluster: primary.metrics(),
                };
                drop(answer.send(metrics));
            }
        }
    }
}
