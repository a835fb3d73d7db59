//! A command in the kernel's words. All allocation happens here, before the child exists.

use std::ffi::{CString, OsStr, c_char};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use rustix::fs::{Mode, OFlags};

use super::{Command, SpawnError, Stdio};

/// A descriptor on its way to its number in the child.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) source: RawFd,
    pub(super) target: RawFd,
}

/// What the child reads. Pointers in it stay valid as long as the plan, which outlives the child's
/// use of our memory.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) program: CString,
    pub(super) argv: Strings,
    pub(super) env: Strings,
    pub(super) cwd: CString,
    pub(super) moves: Vec<Move>,
    /// The lowest number above all targets, where sources are moved out of the way.
    pub(super) floor: RawFd,
    pub(super) credentials: Option<Ids>,
    pub(super) limits: Vec<(libc::c_int, libc::rlimit)>,
    pub(super) nice: Option<i32>,
    pub(super) umask: Option<u32>,
    pub(super) oom_score_adj: Option<CString>,
    /// The cgroup the child must write itself into; -1 for none.
    pub(super) join_cgroup: RawFd,
    _null: Option<OwnedFd>,
}

/// User and groups.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) uid: libc::uid_t,
    pub(super) gid: libc::gid_t,
    pub(super) groups: Vec<libc::gid_t>,
}

/// Strings with the array of pointers `execve` wants.
#[derive(Debug)]
pub(super) struct Strings {
    pointers: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    fn new(owned: Vec<CString>) -> Self {
        let pointers = owned
            .iter()
            .map(|text| text.as_ptr())
            .chain([ptr::null()])
            .collect();
        Self {
            pointers,
            _owned: owned,
        }
    }

    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

impl Plan {
    pub(super) fn new(command: &Command) -> Result<Self, SpawnError> {
        let argv = command
            .argv
            .iter()
            .map(|arg| c_string(arg, || "an argument".into()));
        let env = command
            .env
            .iter()
            .map(|(name, value)| variable(name, value));
        let (moves, null) = moves(command)?;
        Ok(Self {
            program: c_string(command.program.as_os_str(), || "its path".into())?,
            argv: Strings::new(argv.collect::<Result<_, _>>()?),
            env: Strings::new(env.collect::<Result<_, _>>()?),
            cwd: c_string(command.cwd.as_os_str(), || "its directory".into())?,
            floor: moves.iter().map(|step| step.target).max().unwrap_or(2) + 1,
            moves,
            credentials: command.credentials.as_ref().map(|c| Ids {
                uid: c.uid,
                gid: c.gid,
                groups: c.groups.clone(),
            }),
            limits: command
                .limits
                .iter()
                .map(|limit| {
                    let value = |bound: Option<u64>| bound.unwrap_or(libc::RLIM_INFINITY);
                    let limits = libc::rlimit {
                        rlim_cur: value(limit.limit.current),
                        rlim_max: value(limit.limit.maximum),
                    };
                    (limit.resource as libc::c_int, limits)
                })
                .collect(),
            nice: command.nice,
            umask: command.umask,
            oom_score_adj: command
                .oom_score_adj
                .map(|score| CString::new(score.to_string()).expect("digits hold no NUL")),
            join_cgroup: -1,
            _null: null,
        })
    }
}

fn c_string(text: &OsStr, what: impl FnOnce() -> String) -> Result<CString, SpawnError> {
    CString::new(text.as_bytes()).map_err(|_| SpawnError::Unpassable { what: what() })
}

fn variable(name: &OsStr, value: &OsStr) -> Result<CString, SpawnError> {
    let what = || format!("the variable {}", name.display());
    if name.is_empty() || name.as_bytes().contains(&b'=') {
        return Err(SpawnError::Unpassable { what: what() });
    }
    let mut text = Vec::with_capacity(name.len() + value.len() + 2);
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
    text.extend_from_slice(value.as_bytes());
    CString::new(text).map_err(|_| SpawnError::Unpassable { what: what() })
}

fn moves(command: &Command) -> Result<(Vec<Move>, Option<OwnedFd>), SpawnError> {
    let mut null = None;
    let mut moves = Vec::with_capacity(3 + command.fds.len());
    for (stdio, target) in [
        (&command.stdin, 0),
        (&command.stdout, 1),
        (&command.stderr, 2),
    ] {
        let source = match (stdio, &null) {
            (Stdio::Fd(fd), _) => fd.as_raw_fd(),
            (Stdio::Null, Some(null)) => AsRawFd::as_raw_fd(null),
            (Stdio::Null, None) => {
                let fd =
                    rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
                        .map_err(|errno| SpawnError::Prepare {
                            errno: errno.into(),
                        })?;
                null.insert(fd).as_raw_fd()
            }
        };
        moves.push(Move { source, target });
    }
    for (fd, target) in &command.fds {
        let taken = moves.iter().any(|step| step.target == *target);
        if *target < 3 || taken {
            return Err(SpawnError::DescriptorNumber { target: *target });
        }
        moves.push(Move {
            source: fd.as_raw_fd(),
            target: *target,
        });
    }
    Ok((moves, null))
}
