//! What the processes use: measured by the launch plane, since it means reading many files of
//! `/proc`, for lists and for memory limits.

use ward_core::event::Event;
use ward_core::id::Life;
use ward_core::instance::{Instance, State};
use ward_sys::Pid;

use super::rpc::Responder;
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
    /// A list of all processes; as a table, or with everything.
    List { table: bool, responder: Responder },
    /// Memory limits of these lives.
    Limits(Vec<Life>),
}

impl Daemon {
    /// Measures for this purpose, which is fulfilled when the result is there.
    pub(super) fn sample(&mut self, purpose: Purpose) {
        if self.sampling.is_under_way {
            self.sampling.next.push(purpose);
        } else {
            self.sampling.now.push(purpose);
            self.begin_sampling();
        }
    }

    fn begin_sampling(&mut self) {
        let is_limited = |life: Life| {
            let limits = self.sampling.now.iter();
            let mut limits = limits.filter_map(|purpose| match purpose {
                Purpose::Limits(lives) => Some(lives),
                Purpose::List { .. } => None,
            });
            limits.any(|lives| lives.contains(&life))
        };
        let lists = self.sampling.now.iter();
        let lists = lists
            .filter(|it| matches!(it, Purpose::List { .. }))
            .count();
        let roots: Vec<Root> = self
            .supervisor
            .instances()
            .filter_map(|it| {
                let life = it.life()?;
                let is_wanted = lists > 0 && is_online(it) || is_limited(life);
                is_wanted.then_some(())?;
                Some((pid_of(it)?, self.processes.cgroup(life)))
            })
            .collect();
        let usages = self.sampling.usages.take().unwrap_or_default();
        if roots.is_empty() {
            // Nothing runs; no thread is needed to find that out.
            return self.sampled(usages, &Measured::new());
        }
        self.sampling.is_under_way = true;
        self.launch.sample(usages, roots);
    }

    /// A result is there.
    pub(super) fn sampled(&mut self, usages: Box<Usages>, measured: &Measured) {
        self.sampling.usages = Some(usages);
        self.sampling.is_under_way = false;
        for purpose in std::mem::take(&mut self.sampling.now) {
            match purpose {
                Purpose::List { table, responder } => {
                    let list = self.list(table, measured);
                    responder.written(&list);
                }
                Purpose::Limits(lives) => self.tell_memory(&lives, measured),
            }
        }
        if !self.sampling.next.is_empty() && !self.sampling.is_under_way {
            self.sampling.now = std::mem::take(&mut self.sampling.next);
            self.begin_sampling();
        }
    }

    /// Tells the core how much memory the tree of each of these lives holds.
    fn tell_memory(&mut self, lives: &[Life], measured: &Measured) {
        for life in lives {
            let owner = self.supervisor.instance_of(*life);
            let instance = owner.and_then(|id| self.supervisor.instance(id));
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
