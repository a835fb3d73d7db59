//! Performs what the core asks for: one match over all actions.

use serde_json::{Map, Value, json};
use ward_core::action::{Action, Ask, Notice, Scope};
use ward_core::event::Event;
use ward_core::id::Life;
use ward_sys::signal::{self, Signal};

use super::run::Daemon;
use super::sampling::Purpose;
use crate::clock;

impl Daemon {
    /// Does one thing; what came of it is the next event.
    pub(super) fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Spawn {
                instance,
                life,
                launch,
            } => self.spawn(instance, life, launch),
            Action::Terminate { life, how } => self.terminate(life, how),
            Action::Kill { life, scope } => self.processes.kill(life, scope),
            Action::Probe { life } => {
                let alive = self.processes.probe(life);
                return Some(Event::Probed { life, alive });
            }
            Action::Signal { life, signal } => {
                if let Some(signal) = signal::from_number(signal) {
                    self.processes.signal(life, signal, Scope::Main);
                }
            }
            Action::Drain { life } => self.drain(life),
            Action::Admit { life } => {
                self.channel.admit(life);
                self.held_replies.expect();
            }
            Action::CloseListeners { instance } => {
                self.channel.retire(instance);
                self.held_replies.expect();
            }
            Action::Pause { instance, paused } => self.channel.pause(instance, paused),
            Action::SilenceAgent { life } => self.silence_agent(life),
            Action::Sample { lives } => self.sample(Purpose::Limits(lives)),
            Action::Publish(Notice::Process {
                event,
                manually,
                process,
            }) => {
                self.publish_process(event, manually, process);
            }
            Action::Publish(Notice::Progress {
                action,
                part,
                done,
                total,
            }) => self.publish_progress(action, part.as_deref(), (done, total)),
            Action::Reply { request, reply } => self.reply(request, reply),
            Action::Log { error, text } => self.say(error, &text),
            Action::Release { life } => self.release(life),
            Action::Forget { .. } | Action::Configure { .. } => {}
            Action::Watch { app, plan, since } => {
                return self.watched.watch(app, &plan, &self.paths.home, since);
            }
            Action::Unwatch { app } => self.watched.unwatch(app),
        }
        None
    }

    fn terminate(&mut self, life: Life, how: Ask) {
        let has_channel = self
            .processes
            .get(life)
            .is_some_and(|process| process.has_channel);
        if has_channel {
            self.channel.withdraw(life);
        }
        match how {
            Ask::Signal(number, scope) => {
                self.processes.signal(
                    life,
                    signal::from_number(number).unwrap_or(Signal::INT),
                    scope,
                );
            }
            Ask::Message if has_channel => self.channel.send(life, &"shutdown".into()),
            // Nobody would hear it.
            Ask::Message => self.processes.signal(life, Signal::INT, Scope::Tree),
        }
    }

    /// `process:event`.
    pub(super) fn publish_process(
        &mut self,
        event: &str,
        manually: bool,
        process: Map<String, Value>,
    ) {
        let payload = Map::from_iter([
            ("event".to_owned(), event.into()),
            ("manually".to_owned(), manually.into()),
            ("process".to_owned(), process.into()),
            ("at".to_owned(), clock::wall().0.into()),
        ]);
        self.bus.publish("process:event", &payload.into());
    }

    /// A line for the daemon's log and for those who follow it.
    pub(super) fn say(&mut self, error: bool, text: &str) {
        self.log.say(error, text);
        let format = crate::log::daemon::date_format();
        // Without a date PM2 has no such events.
        if !format.is_empty() && self.bus.is_followed() {
            let process = json!({ "pm_id": "PM2", "name": "PM2", "rev": null });
            self.bus.publish(
                "log:PM2",
                &json!({ "process": process, "at": clock::wall().0, "data": format!("{text}\n") }),
            );
        }
    }
}
