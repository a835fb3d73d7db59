//! How requests become jobs.

use core::time::Duration;

use super::at_once::Lanes;
use super::{Job, JobId, Kind, Part, Work};
use crate::action::Action;
use crate::id::{InstanceId, RequestId, WatchId};
use crate::limits;
use crate::request::{Act, PrepareAll, Registration, Request, RequestError, Scale};
use crate::supervisor::Supervisor;
use crate::time::Now;

impl Supervisor {
    pub(crate) fn act(
        &mut self,
        now: Now,
        request: RequestId,
        act: Act,
        actions: &mut Vec<Action>,
    ) {
        let ids = || act.targets.iter().flat_map(|(ids, _)| ids.iter().copied());
        let named = ids().count();
        if named > limits::MOST_INSTANCES {
            let reply = Err(RequestError::TooManyNamed(named));
            return self.state_mut().pending.deliver(request, reply, actions);
        }
        if let Some(change) = act.watch {
            for id in ids() {
                let part = self.state_mut().jobs.next_request();
                self.state_mut().pending.expect_nobody(part);
                self.requested(now, part, Request::Watch(id, change), actions);
            }
        }
        let declared: Vec<Option<(&str, usize)>> = ids()
            .map(|id| {
                let spec = &self.instance(id)?.spec;
                let parallel = usize::try_from(spec.cluster.parallel?).ok()?;
                Some((spec.name.as_str(), parallel))
            })
            .collect();
        let lanes = Lanes::of_act(act.verb, act.parallel, &declared);
        let mut job = Job::new(Kind::Act(act.verb), lanes);
        for (ids, change) in act.targets {
            let change_at = job.changes.len();
            job.changes.push(change);
            job.parts.extend(ids.into_iter().map(|id| {
                Part::new(Work::Act {
                    id,
                    change: change_at,
                })
            }));
        }
        self.open_for(now, request, act.deadline, job);
    }

    pub(crate) fn prepare_all(
        &mut self,
        now: Now,
        request: RequestId,
        asked: PrepareAll,
        actions: &mut Vec<Action>,
    ) {
        if let Err(error) = self.check_rooms(&asked.apps) {
            return self
                .state_mut()
                .pending
                .deliver(request, Err(error), actions);
        }
        let mut places = self.places_of(&asked.apps).into_iter();
        let parts = asked.apps.into_iter().map(|app| {
            Part::new(match app {
                Registration::New(spec) => Work::Prepare {
                    name: spec.name.clone(),
                    spec: Some(spec),
                    places: places.next().unwrap_or_default(),
                },
                Registration::Saved(spec, restored) => Work::Register {
                    name: spec.name.clone(),
                    spec: Some(spec),
                    restored,
                },
            })
        });
        let parts: Vec<Part> = parts.collect();
        let mut job = Job::new(Kind::Prepare, Lanes::one(parts.len(), usize::MAX));
        job.parts = parts;
        self.open_for(now, request, asked.deadline, job);
    }

    /// Refuses more instances than there can be, before a list of them is made.
    fn check_rooms(&self, apps: &[Registration]) -> Result<(), RequestError> {
        let mut all = self.state().instances.len();
        for app in apps {
            let count = match app {
                Registration::New(spec) => self.count(spec.instances),
                Registration::Saved(..) => 1,
            };
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            limits::check_app(count)?;
            all = all.saturating_add(count);
        }
        limits::check_all(all)
    }

    /// Apps that begin together have ids in turns, as under PM2; what is restored keeps its order.
    fn places_of(&self, apps: &[Registration]) -> Vec<Vec<InstanceId>> {
        let stated = |app: &Registration| match app {
            Registration::New(spec) => Some(spec.instances),
            Registration::Saved(..) => None,
        };
        let counts: Option<Vec<_>> = apps.iter().map(stated).collect();
        counts.map_or_else(Vec::new, |counts| self.places(&counts))
    }

    pub(crate) fn scale(
        &mut self,
        now: Now,
        request: RequestId,
        scale: Scale,
        actions: &mut Vec<Action>,
    ) {
        let of_app = self.state().instances.named(&scale.name);
        let ids: Vec<InstanceId> = of_app.map(|it| it.id).collect();
        let Some(first) = ids.first().copied() else {
            let reply = Err(RequestError::UnknownApp(scale.name));
            return self.state_mut().pending.deliver(request, reply, actions);
        };
        let more = scale.wanted.saturating_sub(ids.len());
        let all = self.state().instances.len().saturating_add(more);
        // Whoever has more already may have fewer, but not more.
        let room = limits::check_app(scale.wanted).and_then(|()| limits::check_all(all));
        if let (true, Err(error)) = (more > 0, room) {
            return self
                .state_mut()
                .pending
                .deliver(request, Err(error), actions);
        }
        let fewer = ids.len().saturating_sub(scale.wanted);
        // The oldest go: what is new stays.
        let going = ids.into_iter().take(fewer).map(Work::Retire);
        let coming = (0..more).map(|_| Work::Duplicate(first));
        let parts: Vec<Part> = going.chain(coming).map(Part::new).collect();
        let mut job = Job::new(Kind::Scale, Lanes::one(parts.len(), usize::MAX));
        job.parts = parts;
        self.open_for(now, request, scale.deadline, job);
    }

    /// Restarts instances of an app because its files changed. A worker is replaced without losing
    /// work; anything else is restarted.
    pub(super) fn restart_watched(&mut self, app: WatchId, ids: Vec<InstanceId>) -> JobId {
        let lanes = Lanes::one(ids.len(), self.defaults().concurrent_actions);
        let mut job = Job::new(Kind::WatchRestart(app), lanes);
        job.parts
            .extend(ids.into_iter().map(|id| Part::new(Work::Reload(id))));
        self.open_job(job)
    }

    fn open_for(&mut self, now: Now, request: RequestId, deadline: Option<Duration>, mut job: Job) {
        job.request = Some(request);
        job.deadline = deadline.map(|deadline| (deadline, now.mono + deadline));
        self.open_job(job);
    }

    fn open_job(&mut self, job: Job) -> JobId {
        let jobs = &mut self.state_mut().jobs;
        jobs.last += 1;
        let id = JobId(jobs.last);
        jobs.open.insert(id, job);
        jobs.ready.insert(id);
        id
    }
}

impl Job {
    fn new(kind: Kind, lanes: Lanes) -> Self {
        Self {
            kind,
            request: None,
            deadline: None,
            changes: Vec::new(),
            parts: Vec::new(),
            lanes,
            met_reload: false,
        }
    }
}
