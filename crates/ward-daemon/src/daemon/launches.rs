//! The control thread and the launch plane: starts go there, and what came of them becomes events
//! for the core. What a life leaves in the file system is removed there, too.

use std::fs;
use std::sync::Arc;

use ward_core::event::{Event, ExitStatus};
use ward_core::id::{InstanceId, Life};
use ward_core::instance::{Instance, Replacement};
use ward_core::launch::Launch;

use super::run::Daemon;
use crate::launch::{
    Answer, LaunchEvent, LaunchHandle, Leavings, Overdue, StartRequest, Started, WorkerPlan,
};

impl Daemon {
    /// Has a life started; answered by [`LaunchEvent::Started`].
    pub(super) fn spawn(&mut self, instance: InstanceId, life: Life, launch: Box<Launch>) {
        let worker = launch.worker.and_then(|_| {
            let instance = self.core.supervisor.instance(instance)?;
            Some(WorkerPlan::of(instance, &launch))
        });
        let (before, hierarchy) = self.processes.surroundings();
        self.planes.launch.start(StartRequest {
            instance,
            life,
            launch,
            worker,
            before,
            hierarchy,
            leavings: None,
            home: Arc::clone(&self.identity.home),
        });
    }

    /// The launch plane has answered.
    pub(super) fn launched(&mut self, event: LaunchEvent) {
        match event {
            LaunchEvent::Started {
                instance,
                life,
                outcome,
            } => {
                if let Some(waited) = self.planes.launch.started(life) {
                    let name = self.core.name_of(life);
                    let seconds = waited.as_secs_f64();
                    self.planes
                        .say(false, &format!("App [{name}] goes on after {seconds:.1} s"));
                }
                self.handle_all(|daemon| match outcome {
                    Ok(started) => daemon.begun(instance, life, *started),
                    Err(error) => {
                        daemon.planes.launch.failed();
                        let reason = error.to_string();
                        let failed = if error.is_shortage() {
                            Event::SpawnPostponed { life, reason }
                        } else {
                            Event::SpawnFailed { life, reason }
                        };
                        daemon.core.events.push_back(failed);
                    }
                });
            }
            LaunchEvent::Released { number } => {
                self.planes.launch.released(number);
                self.release_replies();
            }
            LaunchEvent::Sampled { usages, measured } => {
                self.planes.launch.sampled();
                self.sampled(usages, measured);
            }
            LaunchEvent::Answered(answer) => {
                self.planes.launch.answered();
                self.answered(answer);
            }
            LaunchEvent::NodeAsked { file, asked } => {
                self.planes.launch.node_asked();
                let launch = &mut self.planes.launch;
                let answers = self.facts.node_versions.started(&file, asked, launch);
                self.handle_each(answers);
            }
        }
        self.planes.launch.forget_early();
    }

    fn answered(&mut self, answer: Answer) {
        let questions = &mut self.facts.questions;
        match answer {
            Answer::System(system, figures) => questions.measured(system, &figures),
            Answer::ClientVersion(number, version) => questions.version_found(number, version),
            Answer::PortHolder(port, holder) => {
                let explained = self.workers.refusals.found(port, holder);
                self.tell_refusals(explained);
            }
        }
    }

    /// A start was answered, and the answer was lost in a fault: the process ends with it.
    pub(super) fn lost_start(&mut self, life: Life) {
        self.planes.launch.started(life);
        if self.processes.get(life).is_none() {
            let reason = "start it: a fault inside ward, see the daemon's log".to_owned();
            self.handle(Event::SpawnFailed { life, reason });
        }
    }

    /// A life has begun. The events are in the order in which things happened.
    fn begun(&mut self, instance: InstanceId, life: Life, mut started: Started) {
        if self.core.supervisor.instance_of(life).is_none() {
            return discard(&mut self.planes.launch, started);
        }
        let Some(child) = started.child.claim() else {
            return self.lost_start(life);
        };
        self.tell_pid_file(instance, &started);
        let status = self.planes.launch.early.take(child.pid, &child.pidfd);
        let pid = self.processes.adopt(life, child, status, &mut started);
        if let Some(end) = started.channel.take() {
            let (config, is_worker) = (started.config.take(), started.is_worker);
            if let Err(error) = self.planes.channel.attach(life, end, config) {
                self.planes
                    .say(true, &format!("cannot open an IPC channel: {error}"));
            }
            if is_worker {
                self.planes.channel.born(life, pid);
            }
            self.workers.speakers.insert(life, instance);
        }
        self.planes.log.attach(life, started.output);
        if let Some(reason) = started.alone {
            self.core
                .events
                .push_back(Event::WorkerAlone { life, reason });
        }
        if let Some(node) = started.node {
            let launch = &mut self.planes.launch;
            let version = self.facts.node_versions.want(life, node, launch);
            self.core.events.extend(version);
        }
        self.core.events.push_back(Event::Spawned {
            life,
            pid,
            version: started.version,
        });
        if let Some(status) = status {
            self.core.events.push_back(Event::Exited { life, status });
        }
    }

    /// Says that a pid file was not written.
    fn tell_pid_file(&mut self, instance: InstanceId, started: &Started) {
        let supervisor = &self.core.supervisor;
        let there = |id| supervisor.instance(id).is_some();
        let (path, error) = (started.pid_path.as_deref(), started.no_pid_file.as_ref());
        let told = self.facts.pid_files.started(instance, path, error, there);
        if let Some(text) = told {
            let name = supervisor.instance(instance);
            let name = name.map_or("", |it| it.spec.name.as_str());
            let text = format!("App [{name}:{instance}]: {text}");
            self.planes.say(true, &text);
        }
    }

    /// A process has ended that is no life's, as far as is known.
    pub(super) fn stranger_ended(&mut self, pid: ward_sys::Pid, status: ExitStatus) {
        self.planes.launch.ended(pid, status);
        let answers = self.facts.node_versions.answered(pid);
        self.handle_each(answers);
    }

    /// A life is over and forgotten.
    pub(super) fn release(&mut self, life: Life) {
        self.planes.channel.close(life);
        if let Some(leavings) = self.processes.release(life) {
            let instance = self.workers.speakers.get(&life).copied();
            let instance = instance.or_else(|| self.core.supervisor.instance_of(life));
            self.planes.launch.release(leavings, instance);
        }
    }

    /// Tells about starts that take long.
    pub(super) fn watch_launches(&mut self) {
        for overdue in self.planes.launch.tick() {
            match overdue {
                Overdue::Waits(instance, text) => {
                    let name = self.core.supervisor.instance(instance);
                    let name = name.map_or("", |it| it.spec.name.as_str()).to_owned();
                    self.planes
                        .say(true, &format!("App [{name}:{instance}] waits: {text}"));
                }
                Overdue::Exhausted(threads) => {
                    let text = format!(
                        "{threads} starts wait for files, users or programs: further ones wait for them"
                    );
                    self.planes.say(true, &text);
                }
            }
        }
        self.release_replies();
    }
}

/// A life has begun that nobody wants any more: its process ends when it is dropped.
fn discard(launch: &mut LaunchHandle, mut started: Started) {
    let leavings = Leavings {
        pid: started.child.pid(),
        pid_path: started.pid_path.take(),
        rights: std::mem::take(&mut started.rights),
        cgroup: started.cgroup.take().map(Arc::new),
    };
    drop(started);
    launch.release(leavings, None);
}

/// The daemon ends: processes that are not the program yet, because it cannot be loaded, would
/// become it when nobody looks after them any more.
pub(super) fn abandon_starts(launch: &LaunchHandle) {
    if !launch.is_starting() {
        return;
    }
    let own = fs::read_link("/proc/self/exe").ok();
    for pid in ward_sys::tree::own_children().unwrap_or_default() {
        let program = fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero())).ok();
        if program.is_some() && program == own {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
}

/// What the start of an instance waits for, if it takes long.
pub(super) fn waits_for(launch: &LaunchHandle, instance: &Instance) -> Option<String> {
    let replacement = instance.replacement.as_ref().map(Replacement::life);
    let lives = [instance.life(), replacement];
    lives
        .into_iter()
        .flatten()
        .find_map(|life| launch.waits_for(life))
}
