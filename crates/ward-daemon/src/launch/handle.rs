//! The control thread's side of the launch plane: what was asked and is not answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use ward_core::event::ExitStatus;
use ward_core::id::{InstanceId, Life};
use ward_core::launch::Launch;
use ward_sys::Pid;

use super::early::EarlyExits;
use super::job::{Job, LaunchEvent, Leavings};
use super::metrics::{LaunchCounts, LaunchMetrics};
use super::node::NodeFile;
use super::pool::{MOST_THREADS, Pool};
use super::progress::Progress;
use super::questions::Question;
use super::start::StartRequest;
use super::usage::{Root, Usages};

/// A start that takes longer is told about.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to the launch plane. Nothing here waits.
#[derive(Debug)]
pub(crate) struct LaunchHandle {
    pool: Pool,
    /// Starts that are not answered, at most one for each life.
    open: BTreeMap<Life, Open>,
    /// Those of which nobody was told that they take long, the oldest first.
    untold: VecDeque<(Instant, Life)>,
    /// Removals that are not answered, by number.
    removing: BTreeSet<u64>,
    /// Removals that nobody was asked for yet: the next start of the same instance takes them with
    /// it. Bounded by the lives that end in one turn of the control loop.
    unsent: Vec<(u64, Leavings, Option<InstanceId>)>,
    /// A start has taken one since it was last asked.
    has_taken: bool,
    last_removal: u64,
    /// Questions to nodes that are being started.
    asking: usize,
    /// Something is being measured.
    sampling: bool,
    /// Other questions that are not answered.
    questions: usize,
    counts: LaunchCounts,
    /// Exits of processes whose start is not answered.
    pub(crate) early: EarlyExits,
    /// It was told that no thread is left.
    told_exhausted: bool,
}

#[derive(Debug)]
struct Open {
    instance: InstanceId,
    since: Instant,
    progress: Arc<Progress>,
    told: bool,
}

/// Something the user should know of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// A start takes long; the text completes "waits: …".
    Waits(InstanceId, String),
    /// All threads wait for something, and further starts with them.
    Exhausted(usize),
}

impl LaunchHandle {
    pub(crate) fn new(answers: UnboundedSender<LaunchEvent>) -> Self {
        Self {
            pool: Pool::new(answers),
            open: BTreeMap::new(),
            untold: VecDeque::new(),
            removing: BTreeSet::new(),
            unsent: Vec::new(),
            has_taken: false,
            last_removal: 0,
            asking: 0,
            sampling: false,
            questions: 0,
            counts: LaunchCounts::default(),
            early: EarlyExits::default(),
            told_exhausted: false,
        }
    }

    /// Starts a life; answered by [`LaunchEvent::Started`].
    pub(crate) fn start(&mut self, mut request: StartRequest) {
        request.leavings = self.unsent_of(request.instance);
        let since = Instant::now();
        let progress = Arc::new(Progress::default());
        let open = Open {
            instance: request.instance,
            since,
            progress: Arc::clone(&progress),
            told: false,
        };
        self.untold.push_back((since + PATIENCE, request.life));
        self.open.insert(request.life, open);
        self.counts.starts += 1;
        self.pool.ask(Job::Start(Box::new(request), progress));
    }

    /// Removes what a life leaves, from the next [`Self::post`] on; answered by
    /// [`LaunchEvent::Released`]. When the instance is started again before that, the start does it
    /// after the new process runs, and overwrites the pid file instead of removing it.
    pub(crate) fn release(&mut self, leavings: Leavings, instance: Option<InstanceId>) {
        self.last_removal += 1;
        self.removing.insert(self.last_removal);
        self.unsent.push((self.last_removal, leavings, instance));
    }

    /// Has removed what no start has taken. For the end of each turn of the control loop.
    pub(crate) fn post(&mut self) {
        for (number, leavings, instance) in self.unsent.drain(..) {
            self.pool.ask(Job::Release(number, leavings, instance));
        }
    }

    /// Whether starts have taken removals since the last call: replies may have waited for those.
    pub(crate) fn has_taken_removals(&mut self) -> bool {
        std::mem::take(&mut self.has_taken)
    }

    /// What the life before has left. No reply waits for its removal: the instance runs again, and
    /// the pid file is that of the new life.
    fn unsent_of(&mut self, instance: InstanceId) -> Option<Leavings> {
        let is_its = |it: &(u64, Leavings, Option<InstanceId>)| it.2 == Some(instance);
        let place = self.unsent.iter().position(is_its)?;
        let (number, leavings, _) = self.unsent.swap_remove(place);
        self.removing.remove(&number);
        self.has_taken = true;
        Some(leavings)
    }

    /// Asks a node for its version; answered by [`LaunchEvent::NodeAsked`].
    pub(crate) fn ask_node(&mut self, file: NodeFile, launch: Box<Launch>) {
        self.asking += 1;
        self.pool.ask(Job::AskNode(file, launch));
    }

    /// Measures what these trees use; answered by [`LaunchEvent::Sampled`].
    pub(crate) fn sample(&mut self, usages: Box<Usages>, roots: Vec<Root>) {
        self.sampling = true;
        self.pool.ask(Job::Sample(usages, roots));
    }

    /// The measuring was answered.
    pub(crate) fn sampled(&mut self) {
        self.sampling = false;
    }

    /// Has something found out; answered by [`LaunchEvent::Answered`].
    pub(crate) fn ask(&mut self, question: Question) {
        self.questions += 1;
        self.pool.ask(Job::Answer(question));
    }

    /// A question was answered.
    pub(crate) fn answered(&mut self) {
        self.questions = self.questions.saturating_sub(1);
    }

    /// A start was answered. Says how long it took if it was told that it waits.
    pub(crate) fn started(&mut self, life: Life) -> Option<Duration> {
        let open = self.open.remove(&life)?;
        if self.open.is_empty() {
            self.untold = VecDeque::new();
            self.told_exhausted = false;
        }
        open.told.then(|| open.since.elapsed())
    }

    /// A start has failed.
    pub(crate) fn failed(&mut self) {
        self.counts.failed += 1;
    }

    /// What the plane has done and is doing.
    pub(crate) fn metrics(&self) -> LaunchMetrics {
        LaunchMetrics {
            threads: self.pool.load(),
            counts: self.counts,
            open_starts: self.open.len(),
            open_removals: self.removing.len(),
        }
    }

    /// Leavings were removed.
    pub(crate) fn released(&mut self, number: u64) {
        self.removing.remove(&number);
    }

    /// A question to a node was answered.
    pub(crate) fn node_asked(&mut self) {
        self.asking -= 1;
    }

    /// An unknown process has ended; it may be one whose start is not answered.
    pub(crate) fn ended(&mut self, pid: Pid, status: ExitStatus) {
        if self.makes_processes() {
            self.early.insert(pid, status);
        }
    }

    /// To be called when the answers that came are dealt with.
    pub(crate) fn forget_early(&mut self) {
        if !self.makes_processes() {
            self.early.clear();
        }
    }

    fn makes_processes(&self) -> bool {
        !self.open.is_empty() || self.asking > 0
    }

    /// Whether starts are under way.
    pub(crate) fn is_starting(&self) -> bool {
        !self.open.is_empty()
    }

    /// The first removal that is not done.
    pub(crate) fn oldest_removal(&self) -> Option<u64> {
        self.removing.first().copied()
    }

    /// The last removal that was asked for, unless all are done.
    pub(crate) fn last_removal(&self) -> Option<u64> {
        self.removing.last().copied()
    }

    /// What a start that takes long waits for.
    pub(crate) fn waits_for(&self, life: Life) -> Option<String> {
        let open = self.open.get(&life).filter(|open| open.told)?;
        Some(open.progress.step().to_string())
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if !self.makes_processes()
            && self.removing.is_empty()
            && !self.sampling
            && self.questions == 0
        {
            return None;
        }
        let untold = self.untold.front().map(|(at, _)| *at);
        [untold, self.pool.deadline()].into_iter().flatten().min()
    }

    /// Replaces stuck threads, and says what takes long.
    pub(crate) fn tick(&mut self) -> Vec<Overdue> {
        self.pool.reinforce();
        let mut overdue = Vec::new();
        let now = Instant::now();
        while let Some((_, life)) = self.untold.pop_front_if(|(at, _)| *at <= now) {
            if let Some(open) = self.open.get_mut(&life) {
                open.told = true;
                let text = open.progress.step().to_string();
                overdue.push(Overdue::Waits(open.instance, text));
            }
        }
        if !self.told_exhausted && self.pool.is_exhausted() {
            self.told_exhausted = true;
            overdue.push(Overdue::Exhausted(MOST_THREADS));
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::rights::Rights;

    fn left() -> Leavings {
        Leavings {
            pid: rustix::process::getpid(),
            pid_path: None,
            rights: Rights::default(),
            cgroup: None,
        }
    }

    #[test]
    fn a_start_takes_what_its_instance_has_left() {
        let (answers, mut answered) = unbounded_channel();
        let mut handle = LaunchHandle::new(answers);
        let (restarted, stopped) = (InstanceId(1), InstanceId(2));
        handle.release(left(), Some(restarted));
        handle.release(left(), Some(stopped));
        assert!(handle.unsent_of(restarted).is_some());
        assert!(handle.has_taken_removals() && !handle.has_taken_removals());
        // Replies wait for the other one alone.
        assert_eq!(handle.oldest_removal(), Some(2));
        handle.post();
        assert!(handle.unsent_of(stopped).is_none());
        let answer = answered.blocking_recv();
        assert!(matches!(answer, Some(LaunchEvent::Released { number: 2 })));
    }
}
