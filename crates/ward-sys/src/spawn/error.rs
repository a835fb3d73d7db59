//! Why a program could not be started. Texts complete "cannot …".

use std::fs::File;
use std::io::Read;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use super::Command;
use super::child::{Step, Steps};
use crate::errno::Errno;

/// The step of a spawn that failed, with its data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// An argument, variable or path holds a NUL byte (or a variable's name an equals sign), which
    /// the kernel cannot pass.
    #[error("pass {what} to the program: it holds a NUL byte or has no valid name")]
    Unpassable {
        /// The name of the part that holds it, for instance "the variable HOME".
        what: String,
    },
    /// The numbers of extra descriptors must differ and be 3 or more.
    #[error("give the program descriptor {target}: the number is taken or below 3")]
    DescriptorNumber {
        /// The number in the child.
        target: RawFd,
    },
    /// `/dev/null` or the memory for the child's stack.
    #[error("prepare a process: {errno}")]
    Prepare {
        /// The error number of the kernel.
        errno: Errno,
    },
    /// The kernel refused a new process.
    #[error("create a process: {errno}")]
    Create {
        /// The error number of the kernel.
        errno: Errno,
    },
    /// Signals or session.
    #[error("start a session: {errno}")]
    Session {
        /// The error number of the kernel.
        errno: Errno,
    },
    /// A stream or channel could not be put in place.
    #[error("pass descriptor {target}: {errno}")]
    Descriptor {
        /// The number in the child.
        target: RawFd,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `chdir`.
    #[error("change to directory {}: {errno}", directory.display())]
    Directory {
        /// The working directory asked for.
        directory: PathBuf,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `setgroups`.
    #[error("set the supplementary groups {groups:?}: {errno}")]
    Groups {
        /// The groups asked for.
        groups: Vec<u32>,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `setgid`.
    #[error("change to group {gid}: {errno}")]
    Gid {
        /// The group asked for.
        gid: u32,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `setuid`.
    #[error("change to user {uid}: {errno}")]
    Uid {
        /// The user asked for.
        uid: u32,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `setrlimit`.
    #[error("set the resource limit {resource}: {errno}")]
    Limit {
        /// Which resource, in the kernel's words, for instance "Nofile".
        resource: String,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `setpriority`.
    #[error("set the priority {nice}: {errno}")]
    Nice {
        /// The priority asked for.
        nice: i32,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `/proc/self/oom_score_adj`.
    #[error("set the out-of-memory score {score}: {errno}")]
    OomScore {
        /// The score asked for.
        score: i32,
        /// The error number of the kernel.
        errno: Errno,
    },
    /// `execve` did not find the interpreter of a script or the loader of a binary, although the
    /// program is there.
    #[error("execute {}: its interpreter{} does not exist", program.display(), shown(interpreter.as_deref()))]
    Interpreter {
        /// The program.
        program: PathBuf,
        /// What its first line names, if it is a script.
        interpreter: Option<PathBuf>,
    },
    /// `execve` does not know this kind of file: a text without `#!`, or a binary of another
    /// machine.
    #[error("execute {}: it is neither a binary of this machine nor a script with a \"#!\" line", program.display())]
    Format {
        /// The program.
        program: PathBuf,
    },
    /// Any other error of `execve`.
    #[error("execute {}: {errno}", program.display())]
    Execute {
        /// The program.
        program: PathBuf,
        /// The error number of the kernel.
        errno: Errno,
    },
}

impl SpawnError {
    /// The error number of the kernel, if one is behind it.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Prepare { errno }
            | Self::Create { errno }
            | Self::Session { errno }
            | Self::Descriptor { errno, .. }
            | Self::Directory { errno, .. }
            | Self::Groups { errno, .. }
            | Self::Gid { errno, .. }
            | Self::Uid { errno, .. }
            | Self::Limit { errno, .. }
            | Self::Nice { errno, .. }
            | Self::OomScore { errno, .. }
            | Self::Execute { errno, .. } => Some(*errno),
            Self::Unpassable { .. }
            | Self::DescriptorNumber { .. }
            | Self::Interpreter { .. }
            | Self::Format { .. } => None,
        }
    }

    pub(super) fn of_step(command: &Command, step: Step, detail: i32, errno: Errno) -> Self {
        let credentials = command.credentials.as_ref();
        match step {
            Steps::DESCRIPTOR => Self::Descriptor {
                target: detail,
                errno,
            },
            Steps::DIRECTORY => Self::Directory {
                directory: command.cwd.clone(),
                errno,
            },
            Steps::GROUPS => Self::Groups {
                groups: credentials.map_or(Vec::new(), |c| c.groups.clone()),
                errno,
            },
            Steps::GID => Self::Gid {
                gid: credentials.map_or(0, |c| c.gid),
                errno,
            },
            Steps::UID => Self::Uid {
                uid: credentials.map_or(0, |c| c.uid),
                errno,
            },
            Steps::LIMIT => {
                let limit = usize::try_from(detail)
                    .ok()
                    .and_then(|index| command.limits.get(index));
                Self::Limit {
                    resource: limit.map_or(String::new(), |l| format!("{:?}", l.resource)),
                    errno,
                }
            }
            Steps::NICE => Self::Nice {
                nice: command.nice.unwrap_or(0),
                errno,
            },
            Steps::OOM_SCORE => Self::OomScore {
                score: command.oom_score_adj.unwrap_or(0),
                errno,
            },
            Steps::EXECUTE => Self::of_execute(command, errno),
            _ => Self::Session { errno },
        }
    }

    fn of_execute(command: &Command, errno: Errno) -> Self {
        let program = command.program.clone();
        // A relative program is relative to where the child was.
        let place = command.cwd.join(&program);
        match errno.0 {
            libc::ENOEXEC => Self::Format { program },
            libc::ENOENT if place.is_file() => Self::Interpreter {
                program,
                interpreter: interpreter_of(&place),
            },
            _ => Self::Execute { program, errno },
        }
    }
}

fn shown(interpreter: Option<&Path>) -> String {
    interpreter.map_or(String::new(), |path| format!(" {}", path.display()))
}

/// What follows `#!` in the first line.
fn interpreter_of(script: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    File::open(script)
        .ok()?
        .take(256)
        .read_to_end(&mut head)
        .ok()?;
    let line = head
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let name = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    Some(PathBuf::from(String::from_utf8_lossy(name).into_owned()))
}
