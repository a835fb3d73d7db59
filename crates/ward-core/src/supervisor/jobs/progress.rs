//! How jobs get on: parts begin, are done, and are answered.

use core::time::Duration;

use super::{Counting, Job, JobId, Jobs, Kind, PartKey, Work};
use crate::action::{Action, Notice};
use crate::id::{InstanceId, Life, RequestId};
use crate::request::{Change, Outcome, PartResult, Reply, Request, RequestError, Verb};
use crate::supervisor::Supervisor;
use crate::time::Now;

/// So many parts begin because of one event; the others follow with the next ticks. Whatever is asked
/// for, other events have their turn in between.
const BURST: usize = 32;

/// A reload's answer tells what became of the connections of the old worker. That is known when its
/// channel is closed, a moment after its end; nobody waits longer for it.
const COUNTING: Duration = Duration::from_secs(5);

impl Jobs {
    /// A request of the supervisor's own. Those of clients are numbered from the other end.
    pub(super) fn next_request(&mut self) -> RequestId {
        self.begun += 1;
        RequestId::own(self.begun)
    }

    /// What a job has not begun yet is not done any more.
    pub(super) fn give_up(&mut self, id: JobId) {
        if let Some(job) = self.open.get_mut(&id) {
            job.lanes.give_up();
            self.ready.insert(id);
        }
    }
}

impl Supervisor {
    /// Goes on with all jobs of which a part was answered, until nothing more follows at once.
    pub(crate) fn advance_jobs(&mut self, now: Now, actions: &mut Vec<Action>) {
        if let Some(cut_short) = self.state_mut().jobs.beginning.take() {
            let text = "this failed inside ward; the daemon's log says more".to_owned();
            let error = RequestError::BadSpec(text);
            self.state_mut().pending.give_up(cut_short, error, actions);
        }
        let mut budget = BURST;
        loop {
            while let Some((part, reply)) = self.state_mut().pending.next_part() {
                self.part_answered(now, part, reply, actions);
            }
            let Some(id) = self.state_mut().jobs.ready.pop_first() else {
                return;
            };
            self.advance_job(now, id, &mut budget, actions);
        }
    }

    /// Time has passed: what is due is answered, and what a burst left goes on.
    pub(crate) fn jobs_ticked(&mut self, now: Now, actions: &mut Vec<Action>) {
        let jobs = &mut self.state_mut().jobs;
        let unfinished = core::mem::take(&mut jobs.unfinished);
        jobs.ready.extend(unfinished);
        let is_due = |counting: &Counting| counting.until <= now.mono;
        let uncounted: Vec<Life> = jobs
            .counting
            .iter()
            .filter(|(_, counting)| is_due(counting))
            .map(|(life, _)| *life)
            .collect();
        let late: Vec<JobId> = jobs
            .open
            .iter()
            .filter(|(_, job)| job.deadline.is_some_and(|(_, at)| at <= now.mono))
            .map(|(id, _)| *id)
            .collect();
        for life in uncounted {
            self.counted(life, actions);
        }
        for id in late {
            self.answer_late(id, actions);
        }
    }

    /// What became of the connections of a worker is known, or will never be.
    pub(crate) fn counted(&mut self, life: Life, actions: &mut Vec<Action>) {
        if let Some(counting) = self.state_mut().jobs.counting.remove(&life) {
            let reply = Ok(Outcome::Gone(Box::new(counting.process)));
            self.part_done(counting.part, &reply, actions);
        }
    }

    /// Begins as many parts as may run, and answers when none is left.
    fn advance_job(&mut self, now: Now, id: JobId, budget: &mut usize, actions: &mut Vec<Action>) {
        while *budget > 0 {
            let job = self.state_mut().jobs.open.get_mut(&id);
            let Some(index) = job.and_then(|job| job.lanes.begin()) else {
                break;
            };
            *budget -= 1;
            self.begin_part(now, PartKey { job: id, index }, actions);
        }
        let jobs = &mut self.state_mut().jobs;
        let Some(job) = jobs.open.get(&id) else {
            return;
        };
        if *budget == 0 && job.lanes.is_waiting() {
            jobs.unfinished.insert(id);
        }
        if !job.lanes.is_waiting()
            && job.lanes.running() == 0
            && let Some(job) = jobs.open.remove(&id)
        {
            self.finish_job(now, job, actions);
        }
    }

    fn begin_part(&mut self, now: Now, key: PartKey, actions: &mut Vec<Action>) {
        let state = self.state_mut();
        let own = state.jobs.next_request();
        state.pending.expect_part(own, key);
        let job = state.jobs.open.get_mut(&key.job);
        let Some((app, request)) = job.map(|job| (job.kind.watched(), job.request_of(key.index)))
        else {
            return;
        };
        // It may have been stopped, or restarted by somebody else, while it waited.
        if let (Some(app), Request::Reload(id, _)) = (app, &request)
            && !self.is_behind(app, *id)
        {
            let reply = Ok(Outcome::Done);
            return self.state_mut().pending.deliver(own, reply, actions);
        }
        self.state_mut().jobs.beginning = Some(own);
        self.requested(now, own, request, actions);
        self.state_mut().jobs.beginning = None;
    }

    /// A part was answered. The answer about a reload waits until it is known what became of the
    /// connections of the old worker.
    fn part_answered(&mut self, now: Now, part: PartKey, reply: Reply, actions: &mut Vec<Action>) {
        match (self.uncounted(part, &reply), reply) {
            (Some(life), Ok(Outcome::Gone(process))) => {
                let counting = Counting {
                    part,
                    process: *process,
                    until: now.mono + COUNTING,
                };
                self.state_mut().jobs.counting.insert(life, counting);
            }
            (_, reply) => self.part_done(part, &reply, actions),
        }
    }

    /// The worker a reload replaced, when its connections are not counted yet. One that nothing can
    /// kill is not waited for.
    fn uncounted(&self, part: PartKey, reply: &Reply) -> Option<Life> {
        let job = self.state().jobs.open.get(&part.job)?;
        let reloads = matches!(job.kind, Kind::Act(verb) if verb.reloads());
        let gone = matches!(reply, Ok(Outcome::Gone(_)));
        let id = job.parts.get(part.index)?.instance()?;
        let life = self.instance(id)?.last_reload?.uncounted()?;
        (reloads && gone && self.instance_of(life).is_none()).then_some(life)
    }

    fn part_done(&mut self, key: PartKey, reply: &Reply, actions: &mut Vec<Action>) {
        let jobs = &mut self.state_mut().jobs;
        let Some(job) = jobs.open.get_mut(&key.job) else {
            return;
        };
        job.lanes.end(key.index);
        if matches!(job.kind, Kind::WatchRestart(_)) {
            job.met_reload |= matches!(reply, Err(RequestError::Reloading(_)));
        } else {
            self.note_results(key, reply, actions);
        }
        let jobs = &mut self.state_mut().jobs;
        // What a burst left waits for the next tick, however quickly the others are done.
        if !jobs.unfinished.contains(&key.job) {
            jobs.ready.insert(key.job);
        }
    }

    fn note_results(&mut self, key: PartKey, reply: &Reply, actions: &mut Vec<Action>) {
        let Some(job) = self.state().jobs.open.get(&key.job) else {
            return;
        };
        let results = self.results(job, key.index, reply, actions);
        if self.defaults().followed {
            actions.push(Action::Publish(job.progress(&results)));
        }
        let wanted = job.request.is_some().then_some(results);
        let job = self.state_mut().jobs.open.get_mut(&key.job);
        if let Some(part) = job.and_then(|job| job.parts.get_mut(key.index)) {
            part.results = wanted;
        }
    }

    fn finish_job(&mut self, now: Now, job: Job, actions: &mut Vec<Action>) {
        if let Kind::WatchRestart(app) = job.kind {
            return self.watched_restarted(now, app, job.met_reload);
        }
        if let Some(request) = job.request {
            let results = job.parts.into_iter();
            let results = results
                .map(|part| part.results.unwrap_or_default())
                .collect();
            let reply = Ok(Outcome::Job(results));
            self.state_mut().pending.deliver(request, reply, actions);
        }
    }

    /// Answers a job whose time is over with what there is. It goes on.
    fn answer_late(&mut self, id: JobId, actions: &mut Vec<Action>) {
        let Some(job) = self.state().jobs.open.get(&id) else {
            return;
        };
        let results = self.late_results(job);
        let state = self.state_mut();
        let Some(job) = state.jobs.open.get_mut(&id) else {
            return;
        };
        job.deadline = None;
        for part in &mut job.parts {
            part.results = None;
        }
        if let Some(request) = job.request.take() {
            let reply = Ok(Outcome::Job(results));
            state.pending.deliver(request, reply, actions);
        }
    }
}

impl Job {
    /// What is asked for a part that begins.
    fn request_of(&mut self, index: usize) -> Request {
        let total = self.parts.len();
        let Some(part) = self.parts.get_mut(index) else {
            unreachable!("part {index} of {total}");
        };
        match &mut part.work {
            Work::Act { id, change } => {
                let Kind::Act(verb) = self.kind else {
                    unreachable!("{:?} has parts with a verb", self.kind);
                };
                request_of(verb, *id, self.changes.get(*change))
            }
            Work::Prepare { spec, places, .. } => {
                let spec = spec.take().expect("a part begins once");
                Request::PrepareAt(spec, core::mem::take(places))
            }
            Work::Register { spec, restored, .. } => {
                let spec = spec.take().expect("a part begins once");
                Request::Register(spec, *restored)
            }
            Work::Duplicate(of) => Request::Duplicate(*of),
            Work::Retire(id) => Request::Retire(*id),
            Work::Reload(id) => Request::Reload(*id, Change::default()),
        }
    }

    /// A part is done. The results of one that registers an app are not told apart.
    fn progress(&self, results: &[PartResult]) -> Notice {
        let one = results.first().filter(|_| self.kind != Kind::Prepare);
        Notice::Progress {
            action: self.kind.name(),
            part: one.cloned().map(Box::new),
            done: self.parts.len() - self.lanes.waiting() - self.lanes.running(),
            total: self.parts.len(),
        }
    }
}

fn request_of(verb: Verb, id: InstanceId, change: Option<&Change>) -> Request {
    let change = || change.cloned().unwrap_or_default();
    match verb {
        Verb::Start => Request::Start(id),
        Verb::Restart => Request::Restart(id, change()),
        Verb::Reload => Request::Reload(id, change()),
        Verb::SoftReload => Request::SoftReload(id, change()),
        Verb::Stop => Request::Stop(id),
        Verb::Delete => Request::Delete(id),
        Verb::Reset => Request::Reset(id),
    }
}
