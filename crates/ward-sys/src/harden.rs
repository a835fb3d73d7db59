//! What a daemon changes for itself, and its apps get back: more open files, no core dump, and a
//! late turn when memory is short.
//!
//! What an app could not get back is left alone. `no_new_privs` and seccomp filters are inherited
//! over `execve` and never end: no app could run `sudo`, and a filter for the daemon would be one for
//! all programs. A process that is not dumpable owns its own `/proc` files no longer, which an
//! ordinary user's daemon has to read.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits;
use crate::spawn::{Command, Limit};

/// One byte: less than the kernel needs for a file, and the one value at which it calls no program
/// for core dumps either; at 0 it would (core(5); `do_coredump` treats 1 as "never").
const NO_CORE: u64 = 1;

/// Of all processes of the machine the daemon is one of the last to be killed for memory: those
/// that use it are its apps. Not -1000, as nothing should be beyond the kernel's reach.
const LATE_TURN: i32 = -900;

const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// What was changed in this process, as it was before.
#[derive(Debug, Clone, Default)]
pub struct Before {
    limits: Vec<Limit>,
    oom_score_adj: Option<i32>,
}

/// Changes what the kernel allows to be changed. The rest stays as it is: none of it is needed to
/// work.
pub fn harden() -> Before {
    let open_files = limits::raise_open_files().ok().map(|limit| Limit {
        resource: Resource::Nofile,
        limit,
    });
    let core = dump_no_core().ok().map(|limit| Limit {
        resource: Resource::Core,
        limit,
    });
    Before {
        limits: open_files.into_iter().chain(core).collect(),
        oom_score_adj: take_late_turn(),
    }
}

impl Before {
    /// Has a process begin as if nothing had been changed. What the command says itself wins.
    pub fn give_back(&self, command: &mut Command) {
        for limit in &self.limits {
            let is_same = |it: &Limit| it.resource as u32 == limit.resource as u32;
            if !command.limits.iter().any(is_same) {
                command.limits.push(limit.clone());
            }
        }
        command.oom_score_adj = command.oom_score_adj.or(self.oom_score_adj);
    }
}

/// The memory of the daemon holds the environments of all apps. The hard limit stays, as nobody but
/// root could give it back.
fn dump_no_core() -> io::Result<Rlimit> {
    let before = getrlimit(Resource::Core);
    let current = before.maximum.map_or(NO_CORE, |most| most.min(NO_CORE));
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(current),
            maximum: before.maximum,
        },
    )?;
    Ok(before)
}

/// What the score was before; `None` if it is as it was, mostly for want of the right to lower it.
fn take_late_turn() -> Option<i32> {
    let before: i32 = fs::read_to_string(OOM_SCORE).ok()?.trim().parse().ok()?;
    if before <= LATE_TURN {
        return None;
    }
    fs::write(OOM_SCORE, LATE_TURN.to_string()).ok()?;
    Some(before)
}
