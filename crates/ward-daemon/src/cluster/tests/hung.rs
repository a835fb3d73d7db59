//! Workers that do not take what they are handed.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::{Desk, Worker, served_by};
use crate::cluster::WorkerEvent;

const TIMEOUT: Duration = Duration::from_millis(50);

/// What stands for the process of a worker.
struct Process(Child);

impl Process {
    fn new() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        waitid(WaitId::Pid(self.pid()), WaitIdOptions::STOPPED).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A worker that may be late for a moment only.
fn worker(desk: &mut Desk, instance: u32, window: usize, process: &Process) -> Worker {
    let mut config = Desk::config(instance);
    config.options.hand_over_timeout = Some(TIMEOUT);
    config.options.window = window;
    let worker = desk.worker_at(instance, config);
    desk.handle.born(worker.life, process.0.id());
    worker
}

fn hung(desk: &mut Desk) -> u64 {
    let (life, event) = desk.event(|event| matches!(event, WorkerEvent::Hung { .. }));
    let WorkerEvent::Hung { silent_for } = event else {
        unreachable!("it was asked for");
    };
    assert!(silent_for >= TIMEOUT, "{silent_for:?}");
    life.0
}

#[test]
fn a_stopped_one_is_told_of_and_its_connection_goes_to_another_worker_with_its_end() {
    let mut desk = Desk::new();
    let processes = [Process::new(), Process::new()];
    let mut first = worker(&mut desk, 1, 1, &processes[0]);
    let client = desk.connect();
    first.offered();
    // A second worker that runs and takes nothing is late, too, and keeps what it has.
    let mut second = worker(&mut desk, 2, 1, &processes[1]);
    let other = desk.connect();
    let seq = second.offered();
    processes[0].stop();
    assert_eq!(hung(&mut desk), 1);
    drop(first);
    second.answer(seq, true);
    second.fds.clear();
    second.serve();
    assert_eq!(served_by(client), "2");
    drop(other);
}

#[test]
fn a_late_one_gets_no_others_until_it_takes_what_it_has() {
    let mut desk = Desk::new();
    let process = Process::new();
    let mut worker = worker(&mut desk, 1, 8, &process);
    let client = desk.connect();
    let seq = worker.offered();
    // It is looked at in the first round after it is late.
    let begun = Instant::now();
    while begun.elapsed() <= TIMEOUT {
        desk.settle();
    }
    desk.settle();
    let later = desk.connect();
    worker.hears_nothing(&mut desk, "it is late, though its window has room");
    worker.answer(seq, true);
    worker.fds.clear();
    worker.serve();
    assert_eq!(served_by(later), "1");
    drop(client);
}

#[test]
fn one_that_is_stopped_while_it_drains_is_told_of() {
    let mut desk = Desk::new();
    let process = Process::new();
    let mut worker = worker(&mut desk, 1, 8, &process);
    process.stop();
    desk.handle.drain(worker.life);
    assert_eq!(worker.hear()["act"], "drain");
    assert_eq!(hung(&mut desk), 1);
}
