//! Both planes on their way to another daemon process: state that has a JSON form, and descriptors
//! with their roles beside it.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};
use ward_core::id::Life;

use super::thread::ChannelLoop;
use crate::channel::{ChannelState, ExportedChannel};
use crate::cluster::{ClusterState, ExportedCluster, Holding, ImportError, Primary};
use crate::handover::Handover;

/// What a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum DescriptorRole {
    /// The daemon's end of the channel of this life.
    Channel(Life),
    /// What this life sent, and no message has claimed, in this place.
    Received(Life, usize),
    /// What waits to be sent to this life, in this place.
    Queued(Life, usize),
    /// A listener, or a connection nobody has taken.
    Cluster(Holding),
}

/// Everything the thread held.
pub(crate) type Exported = Handover<PlaneState, DescriptorRole>;

/// What there is to know besides the descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlaneState {
    channels: Vec<ChannelState>,
    cluster: ClusterState,
}

impl ChannelLoop {
    /// Gives everything away. The thread has to end after it.
    ///
    /// # Errors
    ///
    /// A descriptor cannot be duplicated.
    pub(super) fn export(&mut self) -> io::Result<Exported> {
        let cluster = self.primary.export()?;
        let mut channels = Vec::new();
        let mut descriptors = Vec::new();
        for channel in self.cx.links.export()? {
            let life = channel.state.life;
            descriptors.push((DescriptorRole::Channel(life), channel.socket));
            let received = channel.received.into_iter().enumerate();
            descriptors.extend(received.map(|(at, fd)| (DescriptorRole::Received(life, at), fd)));
            let queued = channel.queued.into_iter().enumerate();
            descriptors.extend(queued.map(|(at, fd)| (DescriptorRole::Queued(life, at), fd)));
            channels.push(channel.state);
        }
        let held = cluster.descriptors.into_iter();
        descriptors.extend(held.map(|(holding, fd)| (DescriptorRole::Cluster(holding), fd)));
        Ok(Exported {
            state: PlaneState {
                channels,
                cluster: cluster.state,
            },
            descriptors,
        })
    }

    /// Takes over what another thread gave away; before it runs.
    ///
    /// # Errors
    ///
    /// State and descriptors do not belong together.
    pub(super) fn import(&mut self, exported: Exported) -> Result<(), ImportError> {
        let mut descriptors: HashMap<_, _> = exported.descriptors.into_iter().collect();
        let mut tokens = Vec::new();
        for state in exported.state.channels {
            let life = state.life;
            let role = DescriptorRole::Channel(life);
            let missing = || ImportError::Missing(format!("{role:?}"));
            let socket = descriptors.remove(&role).ok_or_else(missing)?;
            let mut row = |role: fn(Life, usize) -> DescriptorRole| {
                let next = (0..).map_while(|at| descriptors.remove(&role(life, at)));
                next.collect::<Vec<OwnedFd>>()
            };
            tokens.push(self.cx.links.import(ExportedChannel {
                state,
                socket,
                received: row(DescriptorRole::Received),
                queued: row(DescriptorRole::Queued),
            }));
        }
        let held = descriptors.into_iter().filter_map(|(role, fd)| match role {
            DescriptorRole::Cluster(holding) => Some((holding, fd)),
            _ => None,
        });
        let cluster = ExportedCluster {
            state: exported.state.cluster,
            descriptors: held.collect(),
        };
        self.primary = Primary::import(cluster, &mut self.cx)?;
        for token in tokens {
            self.cx.links.flush(token);
        }
        Ok(())
    }
}
