//! The threads, with jobs that wait for the test.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::WaitStatus;
use tokio::sync::mpsc::unbounded_channel;
use ward_core::event::ExitStatus;
use ward_core::id::InstanceId;
use ward_sys::spawn::{Command, spawn};

use super::early::EarlyExits;
use super::job::Job;
use super::pool::{MOST_THREADS, Pool, STUCK_AFTER};

/// Reaching it is a failure.
const LIMIT: Duration = Duration::from_mins(1);

/// What a job of a test does.
pub(super) struct Work(pub(super) Box<dyn FnOnce() + Send + 'static>);

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

/// A pool, and what its jobs have reported.
struct Bench {
    pool: Pool,
    done: Sender<u32>,
    reports: Receiver<u32>,
}

impl Bench {
    fn new() -> Self {
        let (done, reports) = channel();
        // Nobody reads the answers.
        let (answers, _) = unbounded_channel();
        let pool = Pool::new(answers);
        Self {
            pool,
            done,
            reports,
        }
    }

    /// A job of an instance that reports a number.
    fn report(&self, instance: u32, number: u32) {
        let done = self.done.clone();
        self.ask(instance, move || done.send(number).unwrap());
    }

    /// A job of an instance that waits until the sender is dropped.
    fn block(&self, instance: u32) -> Sender<()> {
        let (release, wait) = channel::<()>();
        self.ask(instance, move || {
            wait.recv().ok();
        });
        release
    }

    fn ask(&self, instance: u32, work: impl FnOnce() + Send + 'static) {
        let instance = InstanceId(instance);
        self.pool.ask(Job::Test(instance, Work(Box::new(work))));
    }

    fn next(&self) -> u32 {
        self.reports.recv_timeout(LIMIT).expect("a report")
    }

    /// Does what the control loop does: looks again when it is time.
    fn next_with_help(&self) -> u32 {
        let until = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < until, "no report");
            let wait = self.pool.deadline().map_or(STUCK_AFTER, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if let Ok(number) = self.reports.recv_timeout(wait) {
                return number;
            }
            self.pool.reinforce();
        }
    }
}

#[test]
fn jobs_of_an_instance_keep_their_order() {
    let bench = Bench::new();
    let first = bench.block(1);
    bench.report(1, 10);
    bench.report(1, 11);
    bench.report(2, 20);
    assert_eq!(bench.next_with_help(), 20, "another instance does not wait");
    assert!(bench.reports.try_recv().is_err());
    drop(first);
    assert_eq!([bench.next(), bench.next()], [10, 11]);
}

#[test]
fn stuck_jobs_stop_nobody_else() {
    let bench = Bench::new();
    let stuck: Vec<_> = (0..8).map(|instance| bench.block(instance)).collect();
    bench.report(100, 1);
    assert_eq!(bench.next_with_help(), 1);
    assert!(bench.pool.threads() > stuck.len());
    assert!(!bench.pool.is_exhausted());
}

#[test]
fn there_is_an_end_of_threads() {
    let bench = Bench::new();
    let most = u32::try_from(MOST_THREADS).unwrap();
    let mut stuck: Vec<_> = (0..most).map(|instance| bench.block(instance)).collect();
    bench.report(most, 1);
    let until = Instant::now() + LIMIT;
    while !bench.pool.is_exhausted() {
        assert!(Instant::now() < until, "{} threads", bench.pool.threads());
        bench.pool.reinforce();
        std::thread::yield_now();
    }
    assert_eq!(bench.pool.threads(), MOST_THREADS);
    assert!(bench.reports.try_recv().is_err());
    stuck.pop();
    assert_eq!(bench.next(), 1);
}

#[test]
fn threads_end_when_nothing_is_to_be_done() {
    let bench = Bench::new();
    bench.report(1, 1);
    assert_eq!(bench.next(), 1);
    let until = Instant::now() + LIMIT;
    while bench.pool.threads() > 0 {
        assert!(Instant::now() < until);
        std::thread::yield_now();
    }
    bench.report(1, 2);
    assert_eq!(bench.next(), 2);
}

#[test]
fn a_job_that_panics_ends_no_thread() {
    let bench = Bench::new();
    bench.ask(1, || panic!("wanted by the test"));
    bench.report(1, 1);
    assert_eq!(bench.next_with_help(), 1);
}

/// Collects the end of a child as the control thread does.
fn reap(pid: ward_sys::Pid) -> ExitStatus {
    let waited = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    let (_, status): (_, WaitStatus) = waited.unwrap().expect("an end");
    ExitStatus::Code(status.exit_status().expect("a code"))
}

#[test]
fn an_end_that_comes_before_the_answer_is_kept() {
    let mut command = Command::new("/bin/sh");
    command.argv = ["sh", "-c", "exit 7"].map(Into::into).to_vec();
    let child = spawn(&command).unwrap();
    let mut early = EarlyExits::default();
    assert_eq!(early.take(child.pid, &child.pidfd), None, "it may run");
    early.insert(child.pid, reap(child.pid));
    let status = early.take(child.pid, &child.pidfd);
    assert_eq!(status, Some(ExitStatus::Code(7)));
    assert_eq!(early.take(child.pid, &child.pidfd), None, "told once");
}

#[test]
fn an_end_that_was_forgotten_is_known_all_the_same() {
    let child = spawn(&Command::new("/bin/true")).unwrap();
    let mut early = EarlyExits::default();
    early.insert(child.pid, reap(child.pid));
    for other in 0..2000 {
        let pid = ward_sys::Pid::from_raw(5_000_000 + other).unwrap();
        early.insert(pid, ExitStatus::Code(0));
    }
    let status = early.take(child.pid, &child.pidfd);
    assert_eq!(status, Some(ExitStatus::Unknown));
}

#[test]
fn an_orphan_with_the_same_pid_is_another_process() {
    let mut command = Command::new("/bin/sleep");
    command.argv = ["sleep", "1000"].map(Into::into).to_vec();
    let child = spawn(&command).unwrap();
    let mut early = EarlyExits::default();
    early.insert(child.pid, ExitStatus::Code(1));
    assert_eq!(early.take(child.pid, &child.pidfd), None);
    ward_sys::reap::pidfd_signal(&child.pidfd, ward_sys::signal::Signal::KILL).unwrap();
    ward_sys::reap::wait_pidfd(&child.pidfd).unwrap();
}
