//! CPU and memory of whole trees.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use ward_sys::Pid;
use ward_sys::cgroup::Cgroup;
use ward_sys::proc::{Sampler, Usage, ticks_per_second};

/// So many trees are measured by two threads: one half takes longer than to make a thread.
const WORTH_A_THREAD: usize = 48;

/// A few buffers of a kilobyte are the deepest it goes.
const STACK_BYTES: usize = 128 * 1024;

/// The main process of a tree, and the cgroup of the tree if it has one.
pub(crate) type Root = (Pid, Option<Arc<Cgroup>>);

/// What each tree uses, by its main process.
pub(crate) type Measured = HashMap<Pid, Monit>;

/// What was measured last, by process.
#[derive(Debug, Default)]
pub(crate) struct Usages {
    sampler: Option<Sampler>,
    last: HashMap<Pid, Point>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    at: Instant,
    ticks: u64,
    percent: f64,
}

/// What `monit` shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Monit {
    /// Resident memory of the tree.
    pub(crate) memory_bytes: u64,
    /// Percent of one processor since the last look, one decimal.
    pub(crate) cpu_percent: f64,
}

impl Usages {
    /// Measures the trees of these processes: those that have a cgroup by what is in it, the others
    /// all in one pass over `/proc`.
    pub(super) fn sample(&mut self, roots: &[Root]) -> Measured {
        if roots.is_empty() {
            self.last.clear();
            return HashMap::new();
        }
        if self.sampler.is_none() {
            self.sampler = Sampler::new().ok();
        }
        let measured = self.sampler.as_mut().map(|sampler| measure(sampler, roots));
        let measured = measured.unwrap_or_default();
        let now = Instant::now();
        self.last.retain(|pid, _| measured.contains_key(pid));
        measured
            .into_iter()
            .map(|(pid, usage)| {
                let cpu_percent = self.percent(pid, usage, now);
                (
                    pid,
                    Monit {
                        memory_bytes: usage.rss_bytes,
                        cpu_percent,
                    },
                )
            })
            .collect()
    }

    fn percent(&mut self, pid: Pid, usage: Usage, now: Instant) -> f64 {
        let Some(before) = self.last.get(&pid).copied() else {
            self.last.insert(
                pid,
                Point {
                    at: now,
                    ticks: usage.cpu_ticks,
                    percent: 0.0,
                },
            );
            return 0.0;
        };
        let seconds = now.duration_since(before.at).as_secs_f64();
        // Ticks are 10 ms: over a shorter time than some of them the answer would be noise.
        if seconds < 0.1 {
            return before.percent;
        }
        let ticks = usage.cpu_ticks.saturating_sub(before.ticks);
        #[expect(clippy::cast_precision_loss, reason = "ticks of a short time are few")]
        let percent = ticks as f64 / ticks_per_second() as f64 / seconds * 100.0;
        let percent = (percent * 10.0).round() / 10.0;
        self.last.insert(
            pid,
            Point {
                at: now,
                ticks: usage.cpu_ticks,
                percent,
            },
        );
        percent
    }
}

fn measure(sampler: &mut Sampler, roots: &[Root]) -> HashMap<Pid, Usage> {
    let mut measured = HashMap::with_capacity(roots.len());
    let mut others = Vec::new();
    for (pid, usage) in by_cgroups(sampler, roots) {
        match usage {
            Some(usage) => {
                measured.insert(pid, usage);
            }
            None => others.push(pid),
        }
    }
    if !others.is_empty() {
        measured.extend(sampler.tree_usage(&others).unwrap_or_default());
    }
    measured
}

/// What is in the cgroups of these trees; nothing for those that have none. Of many, another thread
/// measures one half: a client waits for it, and all of it is small reads.
fn by_cgroups(sampler: &Sampler, roots: &[Root]) -> Vec<(Pid, Option<Usage>)> {
    let of = |roots: &[Root]| -> Vec<(Pid, Option<Usage>)> {
        let usage = |cgroup: &Arc<Cgroup>| sampler.cgroup_usage(cgroup);
        let roots = roots.iter();
        roots
            .map(|(pid, cgroup)| (*pid, cgroup.as_ref().and_then(usage)))
            .collect()
    };
    if roots.len() < WORTH_A_THREAD {
        return of(roots);
    }
    let (first, second) = roots.split_at(roots.len() / 2);
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("sample".to_owned());
        let helper = builder
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || of(second));
        let mut all = of(first);
        match helper.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(rest)) => all.extend(rest),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_no_thread) => all.extend(of(second)),
        }
        all
    })
}
