//! What to start: a plain value, filled in by the caller.

use std::ffi::OsString;
use std::os::fd::{OwnedFd, RawFd};
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit};

/// Where a standard stream of the child leads.
#[derive(Debug, Default)]
pub enum Stdio {
    /// `/dev/null`.
    #[default]
    Null,
    /// This descriptor; the child gets a duplicate.
    Fd(OwnedFd),
}

/// The user a child becomes. Supplementary groups are set to exactly `groups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary group ids.
    pub groups: Vec<u32>,
}

/// One resource limit of the child.
#[derive(Debug, Clone)]
pub struct Limit {
    /// The resource.
    pub resource: Resource,
    /// Soft and hard limit; `None` is unlimited.
    pub limit: Rlimit,
}

/// A process to be started. The process inherits nothing but what these fields name.
#[derive(Debug)]
pub struct Command {
    /// The executable, already resolved (see [`crate::path::find`]). A relative path is looked up
    /// from `cwd`.
    pub program: PathBuf,
    /// All arguments, with the zeroth.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory.
    pub cwd: PathBuf,
    /// Descriptor 0.
    pub stdin: Stdio,
    /// Descriptor 1.
    pub stdout: Stdio,
    /// Descriptor 2.
    pub stderr: Stdio,
    /// Further descriptors with their number in the child, which must be 3 or more.
    pub fds: Vec<(OwnedFd, RawFd)>,
    /// User and groups; `None` keeps ours.
    pub credentials: Option<Credentials>,
    /// File mode creation mask; `None` keeps ours.
    pub umask: Option<u32>,
    /// Priority (-20 to 19); `None` keeps ours.
    pub nice: Option<i32>,
    /// Resource limits that differ from ours.
    pub limits: Vec<Limit>,
    /// How eagerly the kernel takes this process when memory is short (-1000 to 1000).
    pub oom_score_adj: Option<i32>,
    /// Directory of a cgroup v2 to be born in. Not being able to is no error, see
    /// [`super::Child::in_cgroup`].
    pub cgroup: Option<OwnedFd>,
}

impl Command {
    /// `program` with no arguments but its path, an empty environment, in `/`, all streams to
    /// `/dev/null`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        Self {
            argv: vec![program.clone().into_os_string()],
            program,
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            stdin: Stdio::Null,
            stdout: Stdio::Null,
            stderr: Stdio::Null,
            fds: Vec::new(),
            credentials: None,
            umask: None,
            nice: None,
            limits: Vec::new(),
            oom_score_adj: None,
            cgroup: None,
        }
    }
}
