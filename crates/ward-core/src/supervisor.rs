//! The registry of instances: routes an event to the one it is about, and answers requests.
#![warn(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::defaults::Defaults;
use crate::event::Event;
use crate::id::{InstanceId, Life};
use crate::instance::{Instance, Word};
use crate::pending::Pending;
use crate::random::Random;
use crate::time::{Mono, Now};
use crate::turn::{Lives, Turn};

mod places;
mod register;
mod requests;

/// Everything ward knows about what it supervises.
#[derive(Clone, Debug, PartialEq)]
pub struct Supervisor {
    defaults: Defaults,
    book: Book,
}

/// The part of the supervisor that a snapshot holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Book {
    /// Boxed: a node of the map has room for eleven, and half of that stays empty.
    instances: BTreeMap<InstanceId, Box<Instance>>,
    next_id: u32,
    lives: Lives,
    pending: Pending,
    random: Random,
    shutting_down: bool,
}

impl Supervisor {
    /// Nothing supervised yet.
    pub fn new(defaults: Defaults) -> Self {
        let random = Random::new(defaults.seed);
        Self {
            defaults,
            book: Book {
                instances: BTreeMap::new(),
                next_id: 0,
                lives: Lives::default(),
                pending: Pending::default(),
                random,
                shutting_down: false,
            },
        }
    }

    /// Something happened: decides and adds what is to be done to `actions`.
    pub fn handle(&mut self, now: Now, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Requested { id, request } => self.requested(now, id, request, actions),
            Event::Ticked => self.ticked(now, actions),
            Event::Spawned { life, pid, version } => self.about(now, life, actions, |it, turn| {
                it.spawned(life, pid, version, turn);
            }),
            Event::SpawnFailed { life, reason } => self.about(now, life, actions, |it, turn| {
                it.spawn_failed(life, &reason, turn);
            }),
            Event::Exited { life, status } => self.about(now, life, actions, |it, turn| {
                it.exited(life, status, turn);
            }),
            Event::Probed { life, alive } => self.about(now, life, actions, |it, turn| {
                it.probed(life, alive, turn);
            }),
            Event::Ready { life } => self.about(now, life, actions, |it, turn| {
                it.heard(life, Word::Ready, turn);
            }),
            Event::WorkerOnline { life } => self.about(now, life, actions, |it, turn| {
                it.heard(life, Word::Online, turn);
            }),
            Event::WorkerAlone { life, reason } => self.about(now, life, actions, |it, turn| {
                it.found_alone(life, reason, turn);
            }),
            Event::Listening { life } => self.about(now, life, actions, |it, turn| {
                it.heard(life, Word::Listening, turn);
            }),
            Event::Settled { life } => self.about(now, life, actions, |it, turn| {
                it.heard(life, Word::Settled, turn);
            }),
            Event::Drained { life } => {
                self.about(now, life, actions, |it, turn| it.drained(life, turn));
            }
            // Only looks; unlike other events it comes after the life is over.
            Event::Tallied {
                instance,
                life,
                tally,
            } => self.with(now, instance, actions, |it, _| it.tallied(life, tally)),
            Event::Sampled { life, memory_bytes } => self.about(now, life, actions, |it, turn| {
                it.sampled(life, memory_bytes, turn);
            }),
            Event::Reported { life, report } => {
                self.about(now, life, actions, |it, _| it.reported(life, report));
            }
        }
    }

    /// When `Event::Ticked` is wanted next.
    pub fn deadline(&self) -> Option<Mono> {
        self.instances().filter_map(Instance::deadline).min()
    }

    /// All instances, by id.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.book.instances.values().map(Box::as_ref)
    }

    /// One instance.
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.book.instances.get(&id).map(Box::as_ref)
    }

    /// The life an instance is about now.
    pub fn life_of(&self, id: InstanceId) -> Option<Life> {
        self.instance(id).and_then(Instance::life)
    }

    /// The instance a life belongs to, also while the life is being replaced or lingers.
    pub fn instance_of(&self, life: Life) -> Option<InstanceId> {
        self.book.lives.owner(life)
    }

    /// What was assumed for all apps.
    pub fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// Whether anybody listens to process events. They are told from now on, or not any more.
    pub fn set_followed(&mut self, followed: bool) {
        self.defaults.followed = followed;
    }

    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    pub(crate) fn from_book(book: Book, defaults: Defaults) -> Self {
        Self { defaults, book }
    }

    fn about(
        &mut self,
        now: Now,
        life: Life,
        actions: &mut Vec<Action>,
        event: impl FnOnce(&mut Instance, &mut Turn<'_>),
    ) {
        // A late event of a life that is over finds no owner, and that is all there is to do.
        if let Some(id) = self.book.lives.owner(life) {
            self.with(now, id, actions, event);
        }
    }

    /// Lets one instance act, and drops it when it has been forgotten.
    fn with(
        &mut self,
        now: Now,
        id: InstanceId,
        actions: &mut Vec<Action>,
        act: impl FnOnce(&mut Instance, &mut Turn<'_>),
    ) {
        let Book {
            instances,
            lives,
            pending,
            ..
        } = &mut self.book;
        let Some(instance) = instances.get_mut(&id) else {
            return;
        };
        let mut turn = Turn {
            now,
            defaults: &self.defaults,
            lives,
            pending,
            actions,
        };
        act(instance, &mut turn);
        if instance.is_forgotten() {
            instances.remove(&id);
        }
        if instances.is_empty() {
            self.book.next_id = 0;
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
    }
}
