//! What the processes use: measured by the launch plane, since it means reading many files of
//! `/proc`, for lists and for memory limits.

use std::collections::HashSet;
use std::rc::Rc;

use ward_core::event::Event;
use ward_core::id::Life;
use ward_core::instance::{Instance, State};
use ward_core::supervisor::Supervisor;
use ward_sys::Pid;

use super::parts::Core;
use super::processes::Processes;
use super::rpc::{ListKind, Responder};
use super::run::Daemon;
use crate::launch::{Measured, Root, Usages};

/// Measuring, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Sampling {
    /// What was measured before; away while it is measured.
    usages: Option<Box<Usages>>,
    is_under_way: bool,
    /// Who gets the result that comes next.
    now: Vec<Purpose>,
    /// Who came later, for the one after that. Bounded by the open requests, and one for limits.
    next: Vec<Purpose>,
}

/// What a result is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A list of all processes.
    List {
        kind: ListKind,
        responder: Responder,
    },
    /// Memory limits of these lives.
    Limits(Vec<Life>),
}

impl Sampling {
    /// The trees that have to be measured for those who wait.
    fn roots(&self, supervisor: &Supervisor, processes: &Processes) -> Vec<Root> {
        let limits = self.now.iter().filter_map(|purpose| match purpose {
            Purpose::Limits(lives) => Some(lives),
            Purpose::List { .. } => None,
        });
        let limited: HashSet<Life> = limits.flatten().copied().collect();
        let mut purposes = self.now.iter();
        let is_listed = purposes.any(|it| matches!(it, Purpose::List { .. }));
        let roots = supervisor.instances().filter_map(|it| {
            let life = it.life()?;
            let is_wanted = is_listed && is_online(it) || limited.contains(&life);
            is_wanted.then_some(())?;
            Some((pid_of(it)?, processes.cgroup(life)))
        });
        roots.collect()
    }
}

impl Daemon {
    /// Measures for this purpose, which is fulfilled when the result is there.
    pub(super) fn sample(&mut self, purpose: Purpose) {
        if self.facts.sampling.is_under_way {
            self.facts.sampling.next.push(purpose);
        } else {
            self.facts.sampling.now.push(purpose);
            self.begin_sampling();
        }
    }

    fn begin_sampling(&mut self) {
        let Core { supervisor, .. } = &self.core;
        let roots = self.facts.sampling.roots(supervisor, &self.processes);
        let usages = self.facts.sampling.usages.take().unwrap_or_default();
        if roots.is_empty() {
            // Nothing runs; no thread is needed to find that out.
            return self.sampled(usages, Measured::new());
        }
        self.facts.sampling.is_under_way = true;
        self.planes.launch.sample(usages, roots);
    }

    /// A result is there.
    pub(super) fn sampled(&mut self, usages: Box<Usages>, measured: Measured) {
        let measured = Rc::new(measured);
        self.facts.sampling.usages = Some(usages);
        self.facts.sampling.is_under_way = false;
        for purpose in std::mem::take(&mut self.facts.sampling.now) {
            match purpose {
                Purpose::List { kind, responder } => {
                    self.begin_list(kind, &measured, vec![responder]);
                }
                Purpose::Limits(lives) => self.tell_memory(&lives, &measured),
            }
        }
        if !self.facts.sampling.next.is_empty() && !self.facts.sampling.is_under_way {
            self.facts.sampling.now = std::mem::take(&mut self.facts.sampling.next);
            self.begin_sampling();
        }
    }

    /// Tells the core how much memory the tree of each of these lives holds.
    fn tell_memory(&mut self, lives: &[Life], measured: &Measured) {
        for life in lives {
            let instance = self.core.instance_of(*life);
            let usage = instance
                .filter(|it| it.life() == Some(*life))
                .and_then(pid_of)
                .and_then(|pid| measured.get(&pid));
            if let Some(usage) = usage {
                self.handle(Event::Sampled {
                    life: *life,
                    memory_bytes: usage.memory_bytes,
                });
            }
        }
    }
}

pub(super) fn is_online(instance: &Instance) -> bool {
    matches!(instance.state, State::Online { .. })
}

/// The process of an instance.
pub(super) fn pid_of(instance: &Instance) -> Option<Pid> {
    Pid::from_raw(i32::try_from(instance.pid()?).ok()?)
}
