//! What the launch plane is asked, and what it answers.

use std::path::PathBuf;
use std::sync::Arc;

use ward_core::id::{InstanceId, Life};
use ward_core::launch::Launch;
use ward_sys::Pid;
use ward_sys::cgroup::Cgroup;

use super::error::StartError;
use super::node::{self, NodeAsked, NodeFile};
use super::pid_file;
use super::progress::Progress;
use super::questions::{Answer, Question};
use super::start::{StartRequest, Started, start};
use super::usage::{Measured, Root, Usages};
use crate::fault;
use crate::rights::Rights;

/// One thing to do that may take long.
#[derive(Debug)]
pub(super) enum Job {
    /// Start a life.
    Start(Box<StartRequest>, Arc<Progress>),
    /// Remove what a life of an instance leaves in the file system. Removals are numbered.
    Release(u64, Leavings, Option<InstanceId>),
    /// Start a node that tells its version.
    AskNode(NodeFile, Box<Launch>),
    /// Find something out.
    Answer(Question),
    /// Measure what these trees use.
    Sample(Box<Usages>, Vec<Root>),
    #[cfg(test)]
    Test(InstanceId, super::tests::Work),
}

/// What a life leaves in the file system.
#[derive(Debug)]
pub(crate) struct Leavings {
    pub(crate) pid: Pid,
    pub(crate) pid_path: Option<PathBuf>,
    /// With whose rights the pid file was written.
    pub(crate) rights: Rights,
    pub(crate) cgroup: Option<Arc<Cgroup>>,
}

/// An answer of the launch plane.
#[derive(Debug)]
pub(crate) enum LaunchEvent {
    /// A start has come to its end: what has begun, or what completes "cannot …".
    Started {
        instance: InstanceId,
        life: Life,
        outcome: Result<Box<Started>, StartError>,
    },
    /// What a life has left is removed, as far as it can be.
    Released { number: u64 },
    /// What the trees use.
    Sampled {
        usages: Box<Usages>,
        measured: Measured,
    },
    /// What was found out.
    Answered(Answer),
    /// This node was asked; nothing when it cannot be run.
    NodeAsked {
        file: NodeFile,
        asked: Option<NodeAsked>,
    },
}

impl Job {
    /// Jobs of one instance are done one after the other.
    pub(super) fn instance(&self) -> Option<InstanceId> {
        match self {
            Self::Start(request, _) => Some(request.instance),
            Self::Release(_, _, instance) => *instance,
            Self::AskNode(..) | Self::Sample(..) | Self::Answer(_) => None,
            #[cfg(test)]
            Self::Test(instance, _) => Some(*instance),
        }
    }

    /// It is short, and somebody waits for it: it is done before the starts that wait.
    pub(super) fn is_urgent(&self) -> bool {
        matches!(self, Self::Release(..) | Self::Sample(..) | Self::Answer(_))
    }

    /// Does it. A panic is the failure of this one job.
    pub(super) fn run(self) -> LaunchEvent {
        match self {
            Self::Start(request, progress) => {
                let (instance, life) = (request.instance, request.life);
                let outcome = fault::contain(|| {
                    fault::inject("launch");
                    start(*request, &progress)
                });
                let outcome = outcome.unwrap_or_else(|fault| Err(StartError::Fault(fault)));
                LaunchEvent::Started {
                    instance,
                    life,
                    outcome: outcome.map(Box::new),
                }
            }
            Self::Release(number, leavings, _) => {
                // What is left then lies there until somebody else removes it.
                fault::contain(|| leavings.remove()).ok();
                LaunchEvent::Released { number }
            }
            Self::Answer(question) => LaunchEvent::Answered(question.answer()),
            Self::AskNode(file, launch) => {
                let asked = fault::contain(|| node::ask(&launch, &Progress::default()));
                let asked = asked.ok().flatten();
                LaunchEvent::NodeAsked { file, asked }
            }
            Self::Sample(mut usages, roots) => {
                // What was measured before is lost with a fault; it is measured anew.
                let sampled = fault::contain(|| {
                    let measured = usages.sample(&roots);
                    (usages, measured)
                });
                let (usages, measured) = sampled.unwrap_or_default();
                LaunchEvent::Sampled { usages, measured }
            }
            #[cfg(test)]
            Self::Test(_, work) => {
                fault::contain(work.0).ok();
                LaunchEvent::Released { number: 0 }
            }
        }
    }
}

impl Leavings {
    pub(super) fn remove(self) {
        if let Some(path) = &self.pid_path {
            pid_file::remove(path, self.pid, &self.rights);
        }
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }
}
