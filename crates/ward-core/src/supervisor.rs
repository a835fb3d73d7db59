//! The registry of instances: routes an event to the one it is about, and answers requests.
#![warn(clippy::wildcard_enum_match_arm)]

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::context::{Context, LifeIndex};
use crate::defaults::Defaults;
use crate::event::{Event, ReportSource};
use crate::id::{InstanceId, Life};
use crate::instance::{Instance, ReadySignal};
use crate::pending::Pending;
use crate::random::Random;
use crate::time::{Mono, Now};

mod clock;
mod jobs;
mod memory;
mod places;
mod register;
mod registry;
mod requests;
mod tick;

use jobs::{Jobs, WatchedApps};
use registry::Registry;
use tick::TickStep;

/// How long after the announcement of a kill nothing is restarted. A kill that was announced and
/// never came must not forbid restarts for ever.
const KILL_WINDOW: Duration = Duration::from_secs(10);

/// Everything ward knows about what it supervises.
#[derive(Clone, Debug, PartialEq)]
pub struct Supervisor {
    defaults: Defaults,
    state: SupervisorState,
}

/// The part of the supervisor that a snapshot holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SupervisorState {
    pub(crate) instances: Registry,
    next_id: u32,
    lives: LifeIndex,
    pub(crate) pending: Pending,
    #[serde(default)]
    pub(crate) jobs: Jobs,
    #[serde(default)]
    pub(crate) watched: WatchedApps,
    random: Random,
    shutting_down: bool,
    /// When the memory of the apps that have a limit is measured next; none without such an app.
    #[serde(default)]
    memory_check: Option<Mono>,
    /// A client of PM2's announced a kill: until then nothing is restarted.
    #[serde(default)]
    kill_window: Option<Mono>,
    /// How far the wall clock was ahead of the monotonic one when planned restarts were last looked
    /// up, in milliseconds.
    #[serde(default)]
    clock_offset: Option<i64>,
    /// What a tick is doing. None between two events, unless a tick was cut short by a fault: the next
    /// one begins behind that.
    #[serde(skip)]
    tick_step: Option<TickStep>,
}

impl Supervisor {
    /// Nothing supervised yet.
    pub fn new(defaults: Defaults) -> Self {
        let random = Random::new(defaults.seed);
        Self {
            defaults,
            state: SupervisorState {
                instances: Registry::default(),
                next_id: 0,
                lives: LifeIndex::default(),
                pending: Pending::default(),
                jobs: Jobs::default(),
                watched: WatchedApps::default(),
                random,
                shutting_down: false,
                memory_check: None,
                kill_window: None,
                clock_offset: None,
                tick_step: None,
            },
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
    }

    fn happened(&mut self, now: Now, event: Event, actions: &mut Vec<Action>) {
        self.compare_clocks(now, actions);
        match event {
            Event::ClockChanged => self.clock_changed(now, actions),
            Event::Requested { id, request } => self.requested(now, id, request, actions),
            Event::Ticked => self.ticked(now, actions),
            Event::Spawned { life, pid, version } => self.about(now, life, actions, |it, cx| {
                it.spawned(life, pid, version, cx);
            }),
            Event::SpawnFailed { life, reason } => self.about(now, life, actions, |it, cx| {
                it.spawn_failed(life, &reason, cx);
            }),
            Event::SpawnPostponed { life, reason } => self.about(now, life, actions, |it, cx| {
                it.spawn_postponed(life, &reason, cx);
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
            Event::WorkerHung { life, silent_for } => self.about(now, life, actions, |it, cx| {
                it.hung(life, silent_for, cx);
            }),
            Event::DrainBegan { life } => {
                self.about(now, life, actions, |it, cx| it.drain_began(life, cx));
            }
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
            Event::KillAnnounced => self.state.kill_window = Some(now.mono + KILL_WINDOW),
            Event::Reported {
                life,
                source,
                reports,
            } => self.about(now, life, actions, |it, cx| {
                it.reported(life, source, reports, cx);
            }),
        }
    }

    /// When `Event::Ticked` is wanted next.
    pub fn deadline(&self) -> Option<Mono> {
        let instances = self.state.instances.deadline();
        let jobs = self.state.jobs.deadline();
        let replies = self.state.pending.has_parts().then_some(Mono(0));
        let watched = self.state.watched.deadline();
        [instances, jobs, replies, watched, self.state.memory_check]
            .into_iter()
            .flatten()
            .min()
    }

    /// All instances, by id.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.state.instances.iter()
    }

    /// The instances behind an id, by id; all of them without one. Who makes a long list goes on here.
    pub fn instances_behind(&self, id: Option<InstanceId>) -> impl Iterator<Item = &Instance> {
        self.state.instances.behind(id)
    }

    /// One instance.
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.state.instances.get(id)
    }

    /// The instance a life belongs to, also while the life is being replaced or lingers.
    pub fn instance_of(&self, life: Life) -> Option<InstanceId> {
        self.state.lives.owner(life)
    }

    /// Who speaks for a worker that is running or beginning, once somebody did: its app or the agent.
    pub fn report_source(&self, life: Life) -> Option<ReportSource> {
        self.instance(self.instance_of(life)?)?.report_source(life)
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
        Self { defaults, state }
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
            random,
            ..
        } = &mut self.state;
        let mut cx = Context {
            now,
            defaults: &self.defaults,
            lives,
            pending,
            random,
            actions,
        };
        let forgotten = instances.change(id, |instance| {
            act(instance, &mut cx);
            instance.is_forgotten()
        });
        if forgotten == Some(true) {
            instances.remove(id);
        }
        if instances.is_empty() {
            self.state.next_id = 0;
        }
        self.plan_memory_check(now);
    }
}

#[cfg(test)]
mod tests;
