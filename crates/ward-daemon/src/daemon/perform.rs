//! Performs what the core asks for: one match over all actions.

use ward_core::action::{Action, Ask, Notice, Scope};
use ward_core::event::Event;
use ward_core::id::Life;
use ward_sys::signal::{self, Signal};

use super::jobs::progress;
use super::run::Daemon;
use super::sampling::Purpose;

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
                self.planes.channel.admit(life);
                self.clients.held.expect();
            }
            Action::CloseListeners { instance } => {
                self.planes.channel.retire(instance);
                self.clients.held.expect();
            }
            Action::Pause { instance, paused } => self.planes.channel.pause(instance, paused),
            Action::SilenceAgent { life } => self.planes.silence_agent(life),
            Action::Sample { lives } => self.sample(Purpose::Limits(lives)),
            Action::Publish(Notice::Process {
                event,
                manually,
                process,
            }) => {
                self.planes.publish_process(event, manually, process);
            }
            Action::Publish(Notice::Progress {
                action,
                part,
                done,
                total,
            }) => {
                let progress = progress(action, part.as_deref(), (done, total));
                self.planes.bus.publish("ward:progress", &progress);
            }
            Action::Reply { request, reply } => self.reply(request, reply),
            Action::Log { error, text } => self.planes.say(error, &text),
            Action::Release { life } => self.release(life),
            Action::Forget { .. } | Action::Configure { .. } => {}
            Action::Watch { app, plan, since } => {
                return self
                    .planes
                    .watch
                    .watch(app, &plan, &self.identity.home, since);
            }
            Action::Unwatch { app } => self.planes.watch.unwatch(app),
        }
        None
    }

    fn terminate(&mut self, life: Life, how: Ask) {
        let has_channel = self
            .processes
            .get(life)
            .is_some_and(|process| process.has_channel);
        if has_channel {
            self.planes.channel.withdraw(life);
        }
        match how {
            Ask::Signal(number, scope) => {
                self.processes.signal(
                    life,
                    signal::from_number(number).unwrap_or(Signal::INT),
                    scope,
                );
            }
            Ask::Message if has_channel => {
                self.processes.remember(life);
                self.planes.channel.send(life, &"shutdown".into());
            }
            // Nobody would hear it.
            Ask::Message => self.processes.signal(life, Signal::INT, Scope::Tree),
        }
    }
}
