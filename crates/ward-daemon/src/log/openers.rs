//! Files are opened anew and emptied on short-lived threads: a mount that does not answer must not
//! stop the log of any app. One thread goes through the list; when it is stuck, another goes on, so
//! that a dead file hinders nobody and costs one sleeping thread.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::inbox::{Command, Inbox};
use super::sink::{self, LogPlace};
use crate::fault;
use crate::rights::{Owner, Rights};

/// After so long without an answer another thread goes on with the list.
const STUCK: Duration = Duration::from_millis(100);

/// Opening a file takes few and shallow frames.
const STACK_BYTES: usize = 128 * 1024;

/// How log files are opened.
pub(super) type Open = dyn Fn(&LogPlace) -> io::Result<File> + Send + Sync;

/// What is to be done with a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Job {
    /// Open it for appending, in the place of what is open.
    Reopen(LogPlace),
    /// Empty it; it is not open. Its owner is looked up first.
    Empty(PathBuf, Option<Owner>),
}

/// What came of a job.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) job: Job,
    /// The file, unless it was only emptied.
    pub(super) result: io::Result<Option<File>>,
}

/// The jobs that are not done.
pub(super) struct Openers {
    open: Arc<Open>,
    inbox: Arc<Inbox>,
    /// Jobs no thread has taken. Each file is there at most once.
    list: Arc<Mutex<List>>,
    /// All jobs that are not done, with the rounds that wait for each, and the rounds for which it
    /// has to be done once more: they came when a thread had taken it already.
    open_jobs: HashMap<Job, (Vec<u64>, Vec<u64>)>,
    /// Whoever asked: how many jobs are left and whom to tell. One per unanswered request.
    rounds: HashMap<u64, (usize, oneshot::Sender<()>)>,
    next_round: u64,
    /// Nothing was answered since.
    since: Instant,
}

#[derive(Debug, Default)]
struct List {
    jobs: VecDeque<Job>,
    /// Threads that will look at the list again without being asked.
    threads: usize,
}

impl fmt::Debug for Openers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Openers").finish_non_exhaustive()
    }
}

impl Openers {
    pub(super) fn new(open: Arc<Open>, inbox: Arc<Inbox>) -> Self {
        Self {
            open,
            inbox,
            list: Arc::default(),
            open_jobs: HashMap::new(),
            rounds: HashMap::new(),
            next_round: 0,
            since: Instant::now(),
        }
    }

    /// Begins a round; `asked` completes when all jobs are done.
    pub(super) fn begin(&mut self, jobs: Vec<Job>, asked: oneshot::Sender<()>) {
        if jobs.is_empty() {
            // Nobody waits any more: fine.
            asked.send(()).ok();
            return;
        }
        let round = self.next_round;
        self.next_round += 1;
        self.rounds.insert(round, (jobs.len(), asked));
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        for job in jobs {
            let (waiting, again) = self.open_jobs.entry(job.clone()).or_default();
            if waiting.is_empty() {
                waiting.push(round);
                list.jobs.push_back(job);
            } else if list.jobs.contains(&job) {
                waiting.push(round);
            } else {
                again.push(round);
            }
        }
        drop(list);
        self.go_on();
    }

    /// Takes note of what was done. The file is the caller's business.
    pub(super) fn done(&mut self, job: &Job) {
        self.since = Instant::now();
        let Some((waiting, again)) = self.open_jobs.remove(job) else {
            return;
        };
        for round in waiting {
            let finished = self.rounds.get_mut(&round).is_some_and(|(left, _)| {
                *left -= 1;
                *left == 0
            });
            if let Some((_, asked)) = finished.then(|| self.rounds.remove(&round)).flatten() {
                asked.send(()).ok();
            }
        }
        if !again.is_empty() {
            self.open_jobs.insert(job.clone(), (again, Vec::new()));
            let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
            list.jobs.push_back(job.clone());
            drop(list);
            self.go_on();
        }
    }

    /// When a thread has to be helped.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        (!list.jobs.is_empty()).then_some(self.since + STUCK)
    }

    /// Lets another thread go on if the last one is stuck. Whether it was.
    pub(super) fn help(&mut self, now: Instant) -> bool {
        let stuck = self.deadline().is_some_and(|at| at <= now);
        if stuck {
            let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
            list.threads = 0;
            drop(list);
            self.go_on();
        }
        stuck
    }

    /// Whether a round is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.rounds.is_empty()
    }

    /// Has a thread for what is on the list.
    fn go_on(&mut self) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.jobs.is_empty() || list.threads > 0 {
            return;
        }
        self.since = Instant::now();
        list.threads += 1;
        drop(list);
        let (open, inbox, list) = (
            Arc::clone(&self.open),
            Arc::clone(&self.inbox),
            Arc::clone(&self.list),
        );
        let started = std::thread::Builder::new()
            .name("log-open".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || work(&open, &inbox, &list));
        if let Err(error) = started {
            self.refuse(&error);
        }
    }

    /// There is no thread to be had: all jobs have failed.
    fn refuse(&self, error: &io::Error) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.threads = 0;
        for job in list.jobs.drain(..) {
            let result = Err(io::Error::new(error.kind(), error.to_string()));
            self.inbox.push(Command::Opened(Done { job, result }));
        }
    }
}

/// Empties a file with the rights of the one whose log it is; nobody in particular: the daemon's.
fn empty(path: &Path, owner: Option<&Owner>) -> io::Result<()> {
    let rights = match owner {
        None => Rights::default(),
        Some(owner) => {
            let identity = owner.look_up().map_err(io::Error::other)?;
            owner.rights(identity.as_ref())
        }
    };
    sink::empty(path, &rights)
}

/// One thread: works until the list is empty.
fn work(open: &Arc<Open>, inbox: &Inbox, list: &Mutex<List>) {
    loop {
        let mut jobs = list.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(job) = jobs.jobs.pop_front() else {
            jobs.threads = jobs.threads.saturating_sub(1);
            return;
        };
        drop(jobs);
        let result = fault::contain(|| {
            fault::inject("log.open");
            match &job {
                Job::Reopen(place) => open(place).map(Some),
                Job::Empty(path, owner) => empty(path, owner.as_ref()).map(|()| None),
            }
        });
        let result = result.unwrap_or_else(|fault| Err(io::Error::other(fault.to_string())));
        inbox.push(Command::Opened(Done { job, result }));
    }
}
