//! The threads of the launch plane. Few work side by side, since what they do is mostly the kernel's
//! work on the processors. One that is busy with the same job for long is taken for stuck, and
//! another one takes its place, up to a limit. Without work they end.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::mpsc::UnboundedSender;
use ward_core::id::InstanceId;

use super::job::{Job, LaunchEvent};

/// A thread that is at one job for so long is stuck: it does not count among those that work.
pub(super) const STUCK_AFTER: Duration = Duration::from_millis(50);

/// Threads that work side by side.
const AT_ONCE: usize = 2;

/// Threads in all, stuck ones included. Beyond that, jobs wait until one is free again.
pub(super) const MOST_THREADS: usize = 32;

/// A thread without work ends after this.
const IDLE: Duration = Duration::from_millis(500);

/// Name services and the search for a worker's command are the deepest it goes. What is never
/// touched costs nothing.
const STACK_BYTES: usize = 1024 * 1024;

/// The way to the threads. They end by themselves.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is a job for an idle thread.
    work: Condvar,
    /// Bounded by what was asked: one answer for each job.
    answers: UnboundedSender<LaunchEvent>,
}

#[derive(Debug, Default)]
struct State {
    /// Done first.
    urgent: VecDeque<Job>,
    /// Bounded by the instances: the core asks for one start at a time of each life.
    queue: VecDeque<Job>,
    /// Instances a thread is working for.
    at_work: HashSet<InstanceId>,
    /// When each busy thread began its job.
    busy: Vec<(u64, Instant)>,
    /// Threads that wait for work.
    idle: usize,
    threads: usize,
    last: u64,
    /// Threads that work side by side on this machine; to count its processors takes reading files.
    at_once: usize,
}

impl State {
    /// The first job whose instance no thread works for.
    fn next(&self) -> Option<(bool, usize)> {
        let free = |job: &Job| job.instance().is_none_or(|it| !self.at_work.contains(&it));
        if let Some(place) = self.urgent.iter().position(free) {
            return Some((true, place));
        }
        Some((false, self.queue.iter().position(free)?))
    }

    fn take(&mut self) -> Option<Job> {
        let (is_urgent, place) = self.next()?;
        let queue = if is_urgent {
            &mut self.urgent
        } else {
            &mut self.queue
        };
        let job = queue.remove(place)?;
        self.at_work.extend(job.instance());
        Some(job)
    }

    /// Busy threads that are not stuck, and when the first of them will be.
    fn working(&self, now: Instant) -> (usize, Option<Instant>) {
        let stuck_at = self.busy.iter().map(|(_, since)| *since + STUCK_AFTER);
        let fresh: Vec<Instant> = stuck_at.filter(|at| *at > now).collect();
        (fresh.len(), fresh.iter().min().copied())
    }

    /// Whether one more thread would have something to do.
    fn wants_thread(&self, now: Instant) -> bool {
        self.idle == 0
            && self.threads < MOST_THREADS
            && self.working(now).0 < self.at_once
            && self.next().is_some()
    }
}

impl Pool {
    pub(super) fn new(answers: UnboundedSender<LaunchEvent>) -> Self {
        let shared = Shared {
            state: Mutex::new(State {
                at_once: AT_ONCE.min(ward_sys::limits::cpu_count()).max(1),
                ..State::default()
            }),
            work: Condvar::new(),
            answers,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Has a job done; its answer comes as an event.
    pub(super) fn ask(&self, job: Job) {
        let mut state = self.shared.lock();
        if job.is_urgent() {
            state.urgent.push_back(job);
        } else {
            state.queue.push_back(job);
        }
        if state.idle > 0 {
            drop(state);
            self.shared.work.notify_one();
            return;
        }
        drop(state);
        self.reinforce();
    }

    /// Starts another thread if those there are do not suffice.
    pub(super) fn reinforce(&self) {
        let mut state = self.shared.lock();
        if !state.wants_thread(Instant::now()) {
            return;
        }
        state.threads += 1;
        state.last += 1;
        let number = state.last;
        drop(state);
        if spawn(number, &self.shared).is_err() {
            let mut state = self.shared.lock();
            state.threads -= 1;
            if state.threads == 0
                && let Some(job) = state.take()
            {
                drop(state);
                // Nobody else can do it. It takes longer, no more.
                self.shared.perform(job);
            }
        }
    }

    /// When [`Self::reinforce`] is to be called: a busy thread will count as stuck, and jobs wait.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = self.shared.lock();
        if state.idle > 0 || state.threads >= MOST_THREADS {
            return None;
        }
        state.next()?;
        let now = Instant::now();
        let (working, stuck_at) = state.working(now);
        if working < state.at_once {
            return Some(now);
        }
        stuck_at
    }

    /// Jobs wait, and there may be no further thread for them: all there are, are stuck.
    pub(super) fn is_exhausted(&self) -> bool {
        let state = self.shared.lock();
        let working = state.working(Instant::now()).0;
        state.threads >= MOST_THREADS && working == 0 && state.next().is_some()
    }

    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.shared.lock().threads
    }
}

fn spawn(number: u64, shared: &Arc<Shared>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name("launch".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || shared.work(number))?;
    Ok(())
}

impl Shared {
    /// No code panics while it holds the lock; and if one did, the queues are whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn perform(&self, job: Job) {
        let instance = job.instance();
        let answer = job.run();
        if let Some(instance) = instance {
            self.lock().at_work.remove(&instance);
        }
        // Nobody waits any more: the daemon ends.
        self.answers.send(answer).ok();
    }

    /// A thread's whole life.
    fn work(&self, number: u64) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.take() {
                state.busy.push((number, Instant::now()));
                drop(state);
                self.perform(job);
                state = self.lock();
                state.busy.retain(|(it, _)| *it != number);
                // Who was stuck finds others in his place.
                if state.working(Instant::now()).0 >= state.at_once {
                    break;
                }
                continue;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, IDLE);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if timeout.timed_out() && state.next().is_none() {
                break;
            }
        }
        state.threads -= 1;
    }
}
