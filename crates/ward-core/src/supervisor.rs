//! The registry of instances: routes an event to the one it is about, and answers requests.
#![warn(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::context::{Context, LifeIndex};
use crate::defaults::Defaults;
use crate::event::Event;
use crate::id::{InstanceId, Life};
use crate::instance::{Instance, ReadySignal};
use crate::jobs::{Jobs, WatchedApps};
use crate::pending::Pending;
use crate::random::Random;
use crate::time::{Mono, Now};

mod names;
mod places;
mod register;
mod requests;

/// Everything ward knows about what it supervises.
#[derive(Clone, Debug, PartialEq)]
pub struct Supervisor {
    defaults: Defaults,
    state: SupervisorState,
    /// Made when an event registers instances, and gone after it.
    names: Option<names::Names>,
}

/// The part of the supervisor that a snapshot holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SupervisorState {
    /// Boxed: a node of the map has room for eleven, and half of that stays empty.
    instances: BTreeMap<InstanceId, Box<Instance>>,
    next_id: u32,
    lives: LifeIndex,
    pub(crate) pending: Pending,
    #[serde(default)]
    pub(crate) jobs: Jobs,
    #[serde(default)]
    pub(crate) watched: WatchedApps,
    random: Random,
    shutting_down: bool,
}

impl Supervisor {
    /// Nothing supervised yet.
    pub fn new(defaults: Defaults) -> Self {
        let random = Random::new(defaults.seed);
        Self {
            defaults,
            state: SupervisorState {
                instances: BTreeMap::new(),
                next_id: 0,
                lives: LifeIndex::default(),
                pending: Pending::default(),
                jobs: Jobs::default(),
                watched: WatchedApps::default(),
                random,
                shutting_down: false,
            },
            names: None,
        }
    }

    /// Something happened: decides and adds what is to be done to `actions`.
    pub fn handle(&mut self, now: Now, event: Event, actions: &mut Vec<Action>) {
        let since = actions.len();
        self.happened(now, event, actions);
        self.advance_jobs(now, actions);
        self.look_at_watched(now, since, actions);
        // Jobs whose app is not watched any more have an end.
        self.advance_jobs(now, actions);
        self.names = None;
    }

    fn happened(&mut self, now: Now, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Requested { id, request } => self.requested(now, id, request, actions),
            Event::Ticked => self.ticked(now, actions),
            Event::Spawned { life, pid, version } => self.about(now, life, actions, |it, cx| {
                it.spawned(life, pid, version, cx);
            }),
            Event::SpawnFailed { life, reason } => self.about(now, life, actions, |it, cx| {
                it.spawn_failed(life, &reason, cx);
            }),
            Event::Exited { life, status } => self.about(now, life, actions, |it, cx| {
                it.exited(life, status, cx);
            }),
            Event::Probed { life, alive } => self.about(now, life, actions, |it, cx| {
                it.probed(life, alive, cx);
            }),
            Event::Ready { life } => self.about(now, life, actions, |it, cx| {
                it.ready_signal(life, ReadySignal::Ready, cx);
            }),
            Event::WorkerOnline { life } => self.about(now, life, actions, |it, cx| {
                it.ready_signal(life, ReadySignal::Online, cx);
            }),
            Event::WorkerAlone { life, reason } => self.about(now, life, actions, |it, cx| {
                it.found_alone(life, reason, cx);
            }),
            Event::Listening { life } => self.about(now, life, actions, |it, cx| {
                it.ready_signal(life, ReadySignal::Listening, cx);
            }),
            Event::Settled { life } => self.about(now, life, actions, |it, cx| {
                it.ready_signal(life, ReadySignal::Settled, cx);
            }),
            Event::Drained { life } => {
                self.about(now, life, actions, |it, cx| it.drained(life, cx));
            }
            // Only looks; unlike other events it comes after the life is over.
            Event::Tallied {
                instance,
                life,
                tally,
            } => {
                self.with(now, instance, actions, |it, _| it.tallied(life, tally));
                self.counted(life, actions);
            }
            Event::FilesChanged { app, path, at } => {
                self.files_changed(now, app, path, at, actions);
            }
            Event::WatchFailed { app, reason } => self.watch_failed(app, &reason, actions),
            Event::Sampled { life, memory_bytes } => self.about(now, life, actions, |it, cx| {
                it.sampled(life, memory_bytes, cx);
            }),
            Event::Reported { life, report } => {
                self.about(now, life, actions, |it, _| it.reported(life, report));
            }
        }
    }

    /// When `Event::Ticked` is wanted next.
    pub fn deadline(&self) -> Option<Mono> {
        let instances = self.instances().filter_map(Instance::deadline).min();
        let jobs = self.state.jobs.deadline();
        let watched = self.state.watched.deadline();
        [instances, jobs, watched].into_iter().flatten().min()
    }

    /// All instances, by id.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.state.instances.values().map(Box::as_ref)
    }

    /// One instance.
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.state.instances.get(&id).map(Box::as_ref)
    }

    /// The life an instance is about now.
    pub fn life_of(&self, id: InstanceId) -> Option<Life> {
        self.instance(id).and_then(Instance::life)
    }

    /// The instance a life belongs to, also while the life is being replaced or lingers.
    pub fn instance_of(&self, life: Life) -> Option<InstanceId> {
        self.state.lives.owner(life)
    }

    /// What was assumed for all apps.
    pub fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// Whether anybody listens to process events. They are told from now on, or not any more.
    pub fn set_followed(&mut self, followed: bool) {
        self.defaults.followed = followed;
    }

    pub(crate) fn state(&self) -> &SupervisorState {
        &self.state
    }

    pub(crate) fn state_mut(&mut self) -> &mut SupervisorState {
        &mut self.state
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.state.shutting_down
    }

    pub(crate) fn from_state(state: SupervisorState, defaults: Defaults) -> Self {
        Self {
            defaults,
            state,
            names: None,
        }
    }

    fn about(
        &mut self,
        now: Now,
        life: Life,
        actions: &mut Vec<Action>,
        event: impl FnOnce(&mut Instance, &mut Context<'_>),
    ) {
        // A late event of a life that is over finds no owner, and that is all there is to do.
        if let Some(id) = self.state.lives.owner(life) {
            self.with(now, id, actions, event);
        }
    }

    /// Lets one instance act, and drops it when it has been forgotten.
    fn with(
        &mut self,
        now: Now,
        id: InstanceId,
        actions: &mut Vec<Action>,
        act: impl FnOnce(&mut Instance, &mut Context<'_>),
    ) {
        let SupervisorState {
            instances,
            lives,
            pending,
            ..
        } = &mut self.state;
        let Some(instance) = instances.get_mut(&id) else {
            return;
        };
        let mut cx = Context {
            now,
            defaults: &self.defaults,
            lives,
            pending,
            actions,
        };
        act(instance, &mut cx);
        if instance.is_forgotten() {
            instances.remove(&id);
        }
        if instances.is_empty() {
            self.state.next_id = 0;
        }
    }

    fn ticked(&mut self, now: Now, actions: &mut Vec<Action>) {
        let due: Vec<InstanceId> = self
            .instances()
            .filter(|it| it.deadline().is_some_and(|deadline| deadline <= now.mono))
            .map(|it| it.id)
            .collect();
        for id in due {
            self.with(now, id, actions, Instance::ticked);
        }
        self.jobs_ticked(now, actions);
        self.watched_ticked(now, actions);
    }
}
