//! A start from the request to the running process. Everything it needs is opened first, so that a
//! failure has a name and leaves nothing behind.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::pipe::{PipeFlags, pipe_with};
use ward_core::id::{InstanceId, Life};
use ward_core::launch::Launch;
use ward_sys::Pid;
use ward_sys::cgroup::{Cgroup, Hierarchy};
use ward_sys::harden::Before;
use ward_sys::reap;
use ward_sys::signal::Signal;
use ward_sys::spawn::{Child, Command, Stdio, spawn};

use super::command::command;
use super::error::StartError;
use super::job::Leavings;
use super::node::{NodeProgram, node_program};
use super::progress::{Progress, Step};
use super::worker_command::{WorkerPlan, worker_command};
use super::{package, pid_file};
use crate::channel;
use crate::cluster::WorkerConfig;
use crate::log::{self, Outputs, Streams};
use crate::node::CHANNEL_FD;
use crate::rights::{Owner, Rights};

/// All that is needed to start a life.
#[derive(Debug)]
pub(crate) struct StartRequest {
    pub(crate) instance: InstanceId,
    pub(crate) life: Life,
    pub(crate) launch: Box<Launch>,
    /// The life is to be a cluster worker.
    pub(crate) worker: Option<WorkerPlan>,
    /// What the daemon has changed for itself, which the life gets back.
    pub(crate) before: Before,
    pub(crate) hierarchy: Option<Arc<Hierarchy>>,
    /// What the life before has left; it is removed once the new process runs.
    pub(crate) leavings: Option<Leavings>,
    /// Where the agent of workers is installed.
    pub(crate) home: Arc<Path>,
}

/// A life that has begun: its process, and the daemon's ends of all it is connected to.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) child: Unclaimed,
    /// The daemon's end of standard input.
    pub(crate) stdin: Option<OwnedFd>,
    /// The daemon's ends of its output.
    pub(crate) output: Streams,
    /// The daemon's end of its IPC channel.
    pub(crate) channel: Option<OwnedFd>,
    /// What the primary has to know of it, as a cluster worker.
    pub(crate) config: Option<WorkerConfig>,
    /// It was declared as a cluster worker and cannot be one, for this reason.
    pub(crate) alone: Option<String>,
    /// It was declared as a cluster worker.
    pub(crate) is_worker: bool,
    pub(crate) cgroup: Option<Cgroup>,
    /// `unique_id`, as in its environment.
    pub(crate) marker: String,
    pub(crate) pid_path: Option<PathBuf>,
    /// Why the pid file is not written, if it is not.
    pub(crate) no_pid_file: Option<io::Error>,
    /// With whose rights its files were opened.
    pub(crate) rights: Rights,
    /// `version` of the nearest package.json.
    pub(crate) version: Option<String>,
    /// What Node it runs on, if it runs on Node.
    pub(crate) node: Option<NodeProgram>,
}

/// A process that nobody knows yet. It is killed when it cannot be handed over.
#[derive(Debug)]
pub(crate) struct Unclaimed {
    pid: Pid,
    child: Option<Child>,
}

impl Unclaimed {
    /// Its pid.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// The process; from now on the caller answers for it. Nothing the second time.
    pub(crate) fn claim(&mut self) -> Option<Child> {
        self.child.take()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            // The reaper of the control thread collects it.
            reap::pidfd_signal(&child.pidfd, Signal::KILL).ok();
        }
    }
}

/// The child's ends are in the command; these are the daemon's.
#[derive(Debug)]
struct Ends {
    stdin: OwnedFd,
    output: Streams,
    channel: Option<OwnedFd>,
}

/// Starts a life, and removes what the one before has left. The error completes "cannot …".
pub(super) fn start(mut request: StartRequest, progress: &Progress) -> Result<Started, StartError> {
    let leavings = request.leavings.take();
    let started = begin(request, progress);
    if let Some(leavings) = leavings {
        // A pid file with the new pid in it stays.
        leavings.remove();
    }
    started
}

fn begin(request: StartRequest, progress: &Progress) -> Result<Started, StartError> {
    let StartRequest { launch, worker, .. } = &request;
    let owner = Owner::of(&launch.user, &request.home);
    let (mut command, identity) = command(launch, &owner, progress)?;
    let rights = owner.rights(identity.as_ref());
    request.before.give_back(&mut command);
    let node = node_program(launch, &command);
    let is_worker = worker.is_some();
    let (config, alone) = match worker {
        Some(plan) => {
            progress.now(Step::FindingCommand);
            worker_command(&mut command, plan, launch, (&request.home, &rights))?
        }
        None => (None, None),
    };
    let ends = connect(&mut command, launch, &rights, progress)?;
    if let Some(number) = launch.worker.filter(|_| alone.is_none()) {
        let number = number.to_string().into();
        command.env.push(("NODE_UNIQUE_ID".into(), number));
    }
    let name = format!("{}-{}", request.instance, request.life);
    let hierarchy = request.hierarchy.as_ref();
    let cgroup = hierarchy.and_then(|all| all.cgroup(&name));
    command.cgroup = cgroup.as_ref().and_then(|cgroup| cgroup.directory().ok());
    let pid_path = launch.pid_path.as_ref().map(PathBuf::from);
    progress.now(Step::Loading(command.program.clone()));
    let child = match spawn(&command) {
        Ok(child) => child,
        Err(error) => {
            if let Some(cgroup) = cgroup {
                cgroup.remove();
            }
            return Err(error.into());
        }
    };
    let (pid, in_cgroup) = (child.pid, child.in_cgroup);
    let child = Unclaimed {
        pid,
        child: Some(child),
    };
    // The pid file is for others; one that cannot be written stops no app.
    let no_pid_file = pid_path.as_ref().and_then(|path| {
        progress.now(Step::WritingPidFile(path.clone()));
        pid_file::write(path, pid, &rights).err()
    });
    progress.now(Step::ReadingPackage(launch.script.clone()));
    let version = package::version(&launch.script, &rights);
    crate::fault::inject("launch.started");
    let cgroup = match cgroup {
        Some(cgroup) if !in_cgroup => {
            cgroup.remove();
            None
        }
        cgroup => cgroup,
    };
    Ok(Started {
        child,
        stdin: Some(ends.stdin),
        output: ends.output,
        channel: ends.channel,
        config,
        alone,
        is_worker,
        cgroup,
        marker: launch.marker.clone(),
        pid_path,
        no_pid_file,
        rights,
        version,
        node: node.map(|node| node.of(request.launch)),
    })
}

/// Opens standard input, the outputs with their files, and the IPC channel.
fn connect(
    command: &mut Command,
    launch: &Launch,
    rights: &Rights,
    progress: &Progress,
) -> Result<Ends, StartError> {
    let stdin = input(command).map_err(StartError::Pipe)?;
    let opening = |path: &Path| progress.now(Step::Opening(path.to_path_buf()));
    let Outputs {
        streams,
        stdout,
        stderr,
    } = log::open(&launch.output, rights, opening).map_err(StartError::LogFile)?;
    command.stdout = Stdio::Fd(stdout);
    command.stderr = Stdio::Fd(stderr);
    let mut ours = None;
    if launch.ipc {
        let (end, theirs) = channel::pair().map_err(StartError::Channel)?;
        ours = Some(end);
        command.fds.push((theirs, CHANNEL_FD));
        let number = CHANNEL_FD.to_string().into();
        command.env.push(("NODE_CHANNEL_FD".into(), number));
        let mode = ("NODE_CHANNEL_SERIALIZATION_MODE".into(), "json".into());
        command.env.push(mode);
    }
    Ok(Ends {
        stdin,
        output: streams,
        channel: ours,
    })
}

/// A pipe as standard input; the daemon's end never blocks.
fn input(command: &mut Command) -> io::Result<OwnedFd> {
    let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    debug_assert!(theirs.as_raw_fd() > 2, "the daemon's own streams are open");
    command.stdin = Stdio::Fd(theirs);
    Ok(ours)
}
