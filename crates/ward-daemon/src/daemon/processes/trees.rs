//! What belongs to a life beside its main process: found, remembered, signalled and killed.

use std::collections::HashSet;
use std::io;

use ward_core::action::Scope;
use ward_core::id::Life;
use ward_sys::signal::Signal;
use ward_sys::tree::Member;
use ward_sys::{Pid, reap, tree};

use super::{Process, Processes};

/// So many members of a life are remembered, 16 bytes each. Of more than these the deepest are: what
/// is beyond is found by session, descent and marker only.
const MOST_SEEN: usize = 4096;

/// What a look at a life found.
#[derive(Debug, Default)]
struct Found {
    alive: u32,
    /// Something was not there the last time.
    is_new: bool,
}

impl Process {
    fn as_tree<'a>(&'a self, others: &'a [Pid]) -> tree::Life<'a> {
        tree::Life {
            root: self.pid,
            root_start_time: self.start_time,
            marker: Some(&self.marker),
            others,
            cgroup: self.cgroup.as_deref(),
            seen: &self.seen,
        }
    }

    fn remember(&mut self, members: &[Member]) {
        let count = members.len().min(MOST_SEEN);
        // A new list, as what was there before may have been large.
        self.seen = members[..count].to_vec();
    }
}

impl Processes {
    /// How many processes of the life are alive. One of which something is left is remembered, so
    /// that [`Self::swept`] tells when that has changed.
    pub(in crate::daemon) fn probe(&mut self, life: Life) -> u32 {
        self.look(life).alive
    }

    /// Lives of which something was left and nothing is any more. What has come to a life since it
    /// was killed is killed.
    pub(in crate::daemon) fn swept(&mut self) -> Vec<Life> {
        let watched: Vec<Life> = self.leftovers.iter().copied().collect();
        watched
            .into_iter()
            .filter(|life| {
                let found = self.look(*life);
                if found.is_new && self.by_life.get(life).is_some_and(|it| it.is_killed) {
                    self.kill(*life, Scope::Tree);
                }
                found.alive == 0
            })
            .collect()
    }

    fn look(&mut self, life: Life) -> Found {
        let found = self.count(life);
        if found.alive > 0 {
            self.leftovers.insert(life);
        } else {
            self.leftovers.remove(&life);
        }
        found
    }

    fn count(&mut self, life: Life) -> Found {
        let Some(process) = self.by_life.get(&life) else {
            return Found::default();
        };
        let by_pid = &self.by_pid;
        let known = |pid: Pid| by_pid.contains_key(&pid);
        if process.ended && tree::is_empty(&process.as_tree(&[]), known) {
            return Found::default();
        }
        let before: HashSet<Member> = process.seen.iter().copied().collect();
        let Ok(members) = self.find(life) else {
            // Who cannot look, mostly for want of descriptors, does not know that nothing is left.
            return Found {
                alive: 1,
                is_new: false,
            };
        };
        Found {
            alive: u32::try_from(members.len()).unwrap_or(u32::MAX),
            is_new: members.iter().any(|member| !before.contains(member)),
        }
    }

    /// Everything alive of a life, which is remembered.
    fn find(&mut self, life: Life) -> io::Result<Vec<Member>> {
        let others = self.others(life);
        let Some(process) = self.by_life.get_mut(&life) else {
            return Ok(Vec::new());
        };
        let members = tree::members(&process.as_tree(&others), &mut self.scanner)?;
        process.remember(&members);
        Ok(members)
    }

    /// The end of a life begins: what belongs to it is remembered, whatever its processes do once they
    /// learn of it.
    pub(in crate::daemon) fn remember(&mut self, life: Life) {
        if !self.is_alone(life) {
            // Without it the end goes on as far as session and marker lead.
            self.find(life).ok();
        }
    }

    /// Whether the main process of a life runs and surely has no descendants, told without a scan of
    /// `/proc`.
    fn is_alone(&self, life: Life) -> bool {
        let known = |pid: Pid| self.by_pid.contains_key(&pid);
        let process = self.by_life.get(&life).filter(|it| !it.ended);
        process.is_some_and(|it| tree::is_alone(&it.as_tree(&[]), known))
    }

    /// The main processes of all lives but this one.
    fn others(&self, life: Life) -> Vec<Pid> {
        let others = self.by_life.iter().filter(|(it, _)| **it != life);
        others.map(|(_, process)| process.pid).collect()
    }

    /// A signal to the main process or to everything of a life.
    pub(in crate::daemon) fn signal(&mut self, life: Life, signal: Signal, scope: Scope) {
        let Some(process) = self.by_life.get(&life) else {
            return;
        };
        if scope == Scope::Main {
            // One that has just ended needs no signal.
            reap::pidfd_signal(&process.pidfd, signal).ok();
            return;
        }
        // Looked up before anything is signalled: what dies hands its children on.
        let alone = self.is_alone(life);
        let found = if alone { None } else { self.find(life).ok() };
        let mut members = found.unwrap_or_default();
        let Some(process) = self.by_life.get(&life) else {
            return;
        };
        if !process.ended {
            // The whole group at one moment, as a terminal does it. A shell whose child is signalled
            // before or without itself starts the next one. The group is surely this life's: its
            // leader was not collected yet.
            ward_sys::signal::kill_group(process.pid, signal).ok();
            members.retain(|member| !ward_sys::signal::in_group(member.pid, process.pid));
        }
        tree::signal_all(&members, signal);
    }

    /// Kills a life with SIGKILL: its main process, or everything of it.
    pub(in crate::daemon) fn kill(&mut self, life: Life, scope: Scope) {
        let others = self.others(life);
        let Some(process) = self.by_life.get_mut(&life) else {
            return;
        };
        match scope {
            Scope::Main => {
                reap::pidfd_signal(&process.pidfd, Signal::KILL).ok();
            }
            Scope::Tree => {
                let killed = tree::kill_once(&process.as_tree(&others), &mut self.scanner);
                if let Ok(killed) = killed {
                    process.remember(&killed);
                }
                process.is_killed = true;
            }
        }
    }
}
