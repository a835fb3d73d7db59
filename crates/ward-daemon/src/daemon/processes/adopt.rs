//! The beginning of a life: everything it needs is opened first, so that a failure has a name and
//! leaves nothing behind.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::Value;
use ward_core::id::{InstanceId, Life};
use ward_core::instance::Instance;
use ward_core::launch::Launch;
use ward_core::spec::UserSpec;
use ward_sys::spawn::{Command, Credentials, Stdio};
use ward_sys::user;

use super::spawner::{Outcome, PendingSpawn, SpawnRequest};
use super::worker_command::worker_command;
use super::{Process, Processes};
use crate::channel::{CHANNEL_FD, ChannelHandle};
use crate::log::LogHandle;

/// What a beginning life is connected to.
#[derive(Debug)]
pub(in crate::daemon) struct Begin<'a> {
    pub(in crate::daemon) log: &'a LogHandle,
    pub(in crate::daemon) channel: &'a ChannelHandle,
    /// The instance, if the life is to be a cluster worker.
    pub(in crate::daemon) worker: Option<&'a Instance>,
    pub(in crate::daemon) home: &'a Path,
}

impl Processes {
    /// Opens everything a life needs. The error completes "cannot …".
    pub(in crate::daemon) fn prepare(
        &self,
        instance: InstanceId,
        life: Life,
        launch: Box<Launch>,
        with: &Begin<'_>,
    ) -> Result<(PendingSpawn, SpawnRequest), String> {
        let mut command = command(&launch)?;
        command.limits.extend(self.open_files.clone());
        let (config, alone) = match with.worker {
            Some(instance) => worker_command(&mut command, instance, &launch, with.home)?,
            None => (None, None),
        };
        let connections = config.as_ref().map(|config| config.gauge.clone());
        let is_fed = config
            .as_ref()
            .is_some_and(|config| !config.sched.is_shared());
        let stdin = input(&mut command).map_err(|error| format!("make a pipe: {error}"))?;
        let (out, err) = with
            .log
            .attach(&launch.output)
            .map_err(|error| format!("open a log file: {}", plain(&error)))?;
        command.stdout = Stdio::Fd(out);
        command.stderr = Stdio::Fd(err);
        if launch.ipc {
            let end = with
                .channel
                .open(life, config)
                .map_err(|error| format!("open an IPC channel: {error}"))?;
            command.fds.push((end, CHANNEL_FD));
            command
                .env
                .push(("NODE_CHANNEL_FD".into(), CHANNEL_FD.to_string().into()));
            command
                .env
                .push(("NODE_CHANNEL_SERIALIZATION_MODE".into(), "json".into()));
        }
        if let Some(number) = launch.worker.filter(|_| alone.is_none()) {
            let number = number.to_string().into();
            command.env.push(("NODE_UNIQUE_ID".into(), number));
        }
        let cgroup = self
            .hierarchy
            .as_ref()
            .and_then(|all| all.cgroup(&format!("{instance}-{life}")));
        command.cgroup = cgroup.as_ref().and_then(|cgroup| cgroup.directory().ok());
        let pid_path = launch.pid_path.as_ref().map(PathBuf::from);
        let pending = PendingSpawn {
            instance,
            life,
            launch,
            cgroup,
            stdin,
            connections,
            is_fed,
            alone,
        };
        Ok((pending, SpawnRequest { command, pid_path }))
    }

    /// Takes in what was born; returns its pid and gives the launch back. The error completes
    /// "cannot …".
    pub(in crate::daemon) fn adopt(
        &mut self,
        pending: PendingSpawn,
        outcome: Outcome,
        channel: &ChannelHandle,
    ) -> Result<(u32, Box<Launch>), String> {
        let (life, launch) = (pending.life, pending.launch);
        let child = match outcome {
            Ok(child) => child,
            Err(reason) => {
                channel.close(life);
                if let Some(cgroup) = pending.cgroup {
                    cgroup.remove();
                }
                return Err(reason);
            }
        };
        self.by_pid.insert(child.pid, life);
        let process = Process {
            pid: child.pid,
            start_time: child.start_time,
            pidfd: child.pidfd,
            marker: format!("unique_id={}", launch.marker).into_bytes(),
            cgroup: pending.cgroup.filter(|_| child.in_cgroup),
            stdin: Some(pending.stdin),
            pid_path: launch.pid_path.as_ref().map(PathBuf::from),
            has_channel: launch.ipc,
            connections: pending.connections,
            is_fed: pending.is_fed,
            ended: false,
            status: None,
            told_again: false,
        };
        self.by_life.insert(life, process);
        let pid = u32::try_from(child.pid.as_raw_nonzero().get()).unwrap_or_default();
        if launch.worker.is_some() {
            channel.born(life, pid);
        }
        Ok((pid, launch))
    }
}

/// The command of a launch, with program and user found.
pub(in crate::daemon) fn command(launch: &Launch) -> Result<Command, String> {
    let env: Vec<(OsString, OsString)> = launch
        .env
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let search = ward_sys::path::path_of(&env);
    let cwd = Path::new(&launch.cwd);
    let named = OsStr::new(&launch.program);
    let program = if launch.program.contains('/') {
        // Not looked up: the kernel's own word is better than "not found".
        cwd.join(&launch.program)
    } else {
        let missing = || format!("find {} in PATH", launch.program);
        ward_sys::path::find(named, search, cwd).ok_or_else(missing)?
    };
    let mut command = Command::new(program);
    command.argv = launch.argv.iter().map(OsString::from).collect();
    command.env = env;
    command.cwd = cwd.to_path_buf();
    command.umask = Some(0o022);
    command.credentials = credentials(&launch.user)?;
    Ok(command)
}

/// A pipe as standard input; the daemon's end never blocks.
fn input(command: &mut Command) -> io::Result<OwnedFd> {
    let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    debug_assert!(theirs.as_raw_fd() > 2, "the daemon's own streams are open");
    command.stdin = Stdio::Fd(theirs);
    Ok(ours)
}

fn credentials(user: &UserSpec) -> Result<Option<Credentials>, String> {
    let Some(uid) = user.uid.as_ref().filter(|uid| !uid.is_null()) else {
        return Ok(None);
    };
    let name = word(uid);
    let cannot = |what: &str, error: &dyn Display| format!("look up {what}: {error}");
    let found = user::find_user(&name).map_err(|error| cannot("the user", &error))?;
    let found = found.ok_or_else(|| format!("find the user {name}"))?;
    let gid = match user.gid.as_ref().filter(|gid| !gid.is_null()).map(word) {
        None => None,
        Some(name) => {
            let group = user::find_group(&name).map_err(|error| cannot("the group", &error))?;
            Some(group.ok_or_else(|| format!("find the group {name}"))?.gid)
        }
    };
    let credentials = user::credentials(&found, gid).map_err(|error| cannot("groups", &error))?;
    let already = rustix::process::geteuid().as_raw() == credentials.uid
        && rustix::process::getegid().as_raw() == credentials.gid;
    Ok(Some(credentials).filter(|_| !already))
}

fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The text of an error without Rust's number of it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
