//! From an event to what is done about it: the core decides, the actions are performed.
//!
//! A fault (a panic inside ward) stays with the event it happened in:
//!
//! - In the core: the event is dropped and said so. What was decided before the fault is performed,
//!   so no list of actions is performed by half. A request is answered with an error. Facts the core
//!   missed, a start or an exit, are told once more ([`Daemon::tell_again`]), or its app would never
//!   be started again.
//! - In an action: its failure is an event where the core waits for an answer; else it is said.
//!
//! The process does not end for either: each instance is a value of its own in the core, and the
//! supervision of all others goes on.

use ward_core::action::Action;
use ward_core::event::Event;
use ward_core::id::{Life, RequestId};
use ward_core::request::RequestError;

use super::run::Daemon;
use crate::clock;
use crate::fault::{self, Fault};

impl Daemon {
    /// Tells the core what happened and does what it says, until nothing follows. An event that
    /// comes up while another is being handled waits for its turn.
    pub(super) fn handle(&mut self, event: Event) {
        self.core.events.push_back(event);
        if !std::mem::replace(&mut self.core.handling, true) {
            self.drain_events();
        }
    }

    /// The same for all that `many` asks, as if it had happened at one moment.
    pub(super) fn handle_all(&mut self, many: impl FnOnce(&mut Self)) {
        let outermost = !std::mem::replace(&mut self.core.handling, true);
        many(self);
        if outermost {
            self.drain_events();
        }
    }

    /// The same for these events.
    pub(super) fn handle_each(&mut self, events: Vec<Event>) {
        self.handle_all(|daemon| daemon.core.events.extend(events));
    }

    fn drain_events(&mut self) {
        let mut actions = Vec::new();
        while let Some(event) = self.core.events.pop_front() {
            self.decide(event, &mut actions);
            for action in actions.drain(..) {
                if let Some(event) = self.perform_contained(action) {
                    self.core.events.push_back(event);
                }
            }
        }
        self.core.handling = false;
    }

    fn decide(&mut self, event: Event, actions: &mut Vec<Action>) {
        let about = About::of(&event);
        let supervisor = &mut self.core.supervisor;
        // Listeners come, go and choose at any time.
        supervisor.set_followed(self.planes.bus.wants_process_events());
        let decided = fault::contain(|| {
            fault::inject(about.point());
            supervisor.handle(clock::now(), event, actions);
        });
        if let Err(fault) = decided {
            self.dropped_event(about, &fault);
        }
    }

    fn dropped_event(&mut self, about: About, fault: &Fault) {
        let text = format!(
            "a fault inside ward, an event was dropped ({about:?}): {fault}; please report this"
        );
        self.planes.say(true, &text);
        match about {
            About::Request(id) => {
                let text = "this failed inside ward; the daemon's log says more".to_owned();
                self.answer(id, Err(RequestError::BadSpec(text)));
            }
            About::Life(life) => self.tell_again(life),
            About::Tick => self.rest_after_fault(),
            About::Other => {}
        }
    }

    /// Tells what the core has to know of a life in any case, unless it was told again already: what
    /// fails twice would fail for ever.
    fn tell_again(&mut self, life: Life) {
        self.core.events.extend(self.processes.facts_again(life));
    }

    fn perform_contained(&mut self, action: Action) -> Option<Event> {
        let failure = failure_of(&action);
        let performed = fault::contain(|| {
            fault::inject(point_of(&action));
            self.perform(action)
        });
        performed.unwrap_or_else(|fault| {
            let text =
                format!("a fault inside ward, an action failed: {fault}; please report this");
            self.planes.say(true, &text);
            failure
        })
    }
}

/// What an event is about, for the case that it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Request(RequestId),
    Life(Life),
    Tick,
    Other,
}

impl About {
    fn of(event: &Event) -> Self {
        match event {
            Event::Requested { id, .. } => Self::Request(*id),
            Event::Spawned { life, .. }
            | Event::SpawnFailed { life, .. }
            | Event::SpawnPostponed { life, .. }
            | Event::Exited { life, .. }
            | Event::Probed { life, .. } => Self::Life(*life),
            Event::Ticked => Self::Tick,
            _ => Self::Other,
        }
    }

    /// Where tests can cause a fault.
    fn point(self) -> &'static str {
        match self {
            Self::Request(_) => "core.request",
            Self::Life(_) => "core.life",
            Self::Tick => "core.tick",
            Self::Other => "core.report",
        }
    }
}

/// Where tests can cause a fault.
fn point_of(action: &Action) -> &'static str {
    match action {
        Action::Spawn { .. } => "control.spawn",
        Action::Probe { .. } => "control.probe",
        Action::Reply { .. } => "control.reply",
        _ => "control.action",
    }
}

/// What the core hears when an action was not performed. Without an answer it goes on by itself: a
/// deadline follows each signal, and a reply that is dropped is an error to its client.
fn failure_of(action: &Action) -> Option<Event> {
    match action {
        Action::Spawn { life, .. } => Some(Event::SpawnFailed {
            life: *life,
            reason: "start it: a fault inside ward, see the daemon's log".to_owned(),
        }),
        // Something may be left: it is looked at again when the next deadline passes.
        Action::Probe { life } => Some(Event::Probed {
            life: *life,
            alive: 1,
        }),
        Action::Drain { life } => Some(Event::Drained { life: *life }),
        Action::Watch { app, .. } => Some(Event::WatchFailed {
            app: *app,
            reason: "a fault inside ward, see the daemon's log".to_owned(),
        }),
        _ => None,
    }
}
