//! The world: the supervisor, the fake operating system, the clock, and what must always hold.

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};
use ward_core::action::Action;
use ward_core::defaults::Defaults;
use ward_core::event::{Event, ExitStatus, Tally};
use ward_core::id::{InstanceId, Life, RequestId, WatchId};
use ward_core::instance::State;
use ward_core::request::{Reply, Request};
use ward_core::spec::AppSpec;
use ward_core::supervisor::Supervisor;
use ward_core::time::{Mono, Now, Wall};

use crate::os::{Happening, Os, Plan, after};
use crate::told;

/// When the virtual day begins.
const DAWN: u64 = 1_800_000_000_000;

/// A declared app; `more` are further keys of its record.
pub(crate) fn app(name: &str, more: &Value) -> AppSpec {
    let mut record = json!({
        "name": name,
        "pm_exec_path": format!("/srv/{name}.js"),
        "pm_cwd": "/srv",
        "exec_interpreter": "node",
        "exec_mode": "fork_mode",
        "pm_out_log_path": format!("/home/logs/{name}-out.log"),
        "pm_err_log_path": format!("/home/logs/{name}-error.log"),
        "pm_pid_path": format!("/home/pids/{name}.pid"),
        "env": {"PATH": "/bin"},
        "autostart": true,
        "autorestart": true,
    });
    let object: &mut Map<String, Value> = record.as_object_mut().expect("an object");
    object.extend(more.as_object().expect("an object").clone());
    ward_core::record::spec_from(object).expect("a good record")
}

pub(crate) struct World {
    pub(crate) supervisor: Supervisor,
    pub(crate) os: Os,
    pub(crate) now: Mono,
    /// How far somebody has set the wall clock, in milliseconds.
    pub(crate) clock_set: i64,
    pub(crate) replies: BTreeMap<RequestId, Reply>,
    pub(crate) story: String,
    pub(crate) asked: u64,
    /// Apps whose files are watched.
    pub(crate) watched: BTreeSet<WatchId>,
    plans: VecDeque<Plan>,
    usual: Plan,
    /// Workers that may get connections.
    admitted: BTreeSet<Life>,
    /// Instances that may have something to listen on.
    listening: BTreeSet<InstanceId>,
    /// Check `restore(snapshot) == supervisor` after each event.
    pub(crate) copies: bool,
    /// Write the story down.
    pub(crate) writes: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            supervisor: Supervisor::new(Defaults {
                cpus: 4,
                seed: 7,
                home: "/home".to_owned(),
                ..Defaults::default()
            }),
            os: Os::default(),
            now: Mono(0),
            clock_set: 0,
            replies: BTreeMap::new(),
            story: String::new(),
            asked: 0,
            watched: BTreeSet::new(),
            plans: VecDeque::new(),
            admitted: BTreeSet::new(),
            listening: BTreeSet::new(),
            usual: Plan::default(),
            copies: true,
            writes: true,
        }
    }

    /// Every life without a plan of its own does this.
    pub(crate) fn usually(mut self, plan: Plan) -> Self {
        self.usual = plan;
        self
    }

    /// The next life does this.
    pub(crate) fn next(&mut self, plan: Plan) {
        self.plans.push_back(plan);
    }

    /// From here on, every life is a usual one.
    pub(crate) fn forget_plans(&mut self) {
        self.plans.clear();
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            mono: self.now,
            wall: Wall((DAWN + self.now.0 / 1_000_000).saturating_add_signed(self.clock_set)),
        }
    }

    pub(crate) fn ask(&mut self, request: Request) -> RequestId {
        self.asked += 1;
        let id = RequestId(self.asked);
        if self.writes {
            self.tell(&format!("> {}", told::request(id, &request)));
        }
        self.deliver(Event::Requested { id, request });
        id
    }

    /// Hands over one event and everything that follows from it at once.
    pub(crate) fn deliver(&mut self, event: Event) {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            let mut actions = Vec::new();
            self.supervisor.handle(self.now(), event, &mut actions);
            // The shell answers a spawn before any other event; so the answers go to the front.
            let mut answers = Vec::new();
            for action in actions {
                self.perform(action, &mut answers);
            }
            for answer in answers.into_iter().rev() {
                queue.push_front(answer);
            }
            self.check();
        }
    }

    fn perform(&mut self, action: Action, answers: &mut Vec<Event>) {
        if self.writes
            && let Some(line) = told::action(&action)
        {
            self.tell(&line);
        }
        match action {
            Action::Spawn {
                instance,
                life,
                launch,
            } => {
                if launch.worker.is_some() {
                    self.listening.insert(instance);
                }
                answers.extend(self.spawn(instance, life));
            }
            Action::Terminate { life, how } => self.os.terminate(self.now, life, how),
            Action::Kill { life, scope } => {
                self.check_kill(life);
                self.os.kill(self.now, life, scope);
            }
            Action::Probe { life } => {
                let alive = self.os.processes[&life].alive();
                answers.push(Event::Probed { life, alive });
            }
            Action::Drain { life } => {
                if let Some(process) = self.os.processes.get_mut(&life) {
                    process.drained = true;
                }
                if let Some(millis) = self.os.processes[&life].plan.drains {
                    let drained = Happening::Says(life, Event::Drained { life });
                    self.os.plan(after(self.now, millis), drained);
                }
            }
            Action::Reply { request, reply } => {
                let again = self.replies.insert(request, reply);
                assert_eq!(again, None, "request {request:?} is answered twice");
            }
            Action::Release { life } => self.release(life),
            Action::Signal { life, signal } => {
                let ends = Happening::MainEnds(life, ExitStatus::Signal(signal));
                self.os.plan(self.now, ends);
            }
            Action::Admit { life } => {
                assert!(self.admitted.insert(life), "life {life} is admitted twice");
            }
            Action::CloseListeners { instance } => {
                let listened = self.listening.remove(&instance);
                assert!(listened, "instance {instance} has no listeners");
            }
            Action::Sample { lives } => answers.extend(self.os.sample(&lives)),
            Action::Pause { .. }
            | Action::SilenceAgent { .. }
            | Action::Publish(_)
            | Action::Log { .. }
            | Action::Forget { .. }
            | Action::Configure { .. } => {}
            Action::Watch { app, .. } => {
                self.watched.insert(app);
            }
            Action::Unwatch { app } => {
                assert!(
                    self.watched.remove(&app),
                    "what is not watched is not ended"
                );
            }
        }
    }

    /// The answer, unless it takes its time.
    fn spawn(&mut self, instance: InstanceId, life: Life) -> Option<Event> {
        let mut plan = self.plans.pop_front().unwrap_or_else(|| self.usual.clone());
        let declared = self.supervisor.instance(instance);
        plan.whole = declared.is_none_or(|it| it.spec.stop.tree);
        if plan.begins > 0 {
            self.os.unborn.insert(life);
            let at = after(self.now, plan.begins);
            let begins = Happening::Begins(instance, life, Box::new(plan));
            self.os.plan(at, begins);
            return None;
        }
        Some(self.os.spawn(self.now, instance, life, plan))
    }

    fn release(&mut self, life: Life) {
        if let Some(process) = self.os.processes.get_mut(&life) {
            assert!(!process.released, "life {life} is released twice");
            process.released = true;
            if let (true, Some(millis)) = (process.drained, process.plan.counts) {
                let told = Event::Tallied {
                    instance: process.instance,
                    life,
                    tally: Tally::default(),
                };
                self.os
                    .plan(after(self.now, millis), Happening::IsTold(told));
            }
        }
    }

    /// Each kill once, and never before the grace period is over.
    fn check_kill(&self, life: Life) {
        let Some(process) = self.os.processes.get(&life) else {
            return;
        };
        assert!(!process.killed, "life {life} is killed twice");
        let instance = self.supervisor.instance(process.instance);
        let grace = instance
            .and_then(|it| it.spec.stop.kill_timeout)
            .unwrap_or(Duration::from_millis(1600));
        let asked = process.asked_at.or(process.exited_at);
        let Some(asked) = asked else {
            assert!(process.plan.begins > 0, "nobody is killed unasked");
            return;
        };
        let waited = self.now.since(asked);
        assert!(waited >= grace, "life {life} is killed after {waited:?}");
    }

    /// What must hold after every event.
    fn check(&self) {
        for instance in self.supervisor.instances() {
            let moving = match instance.state {
                State::Launching { .. } | State::Stopping { .. } | State::Waiting { .. } => true,
                State::Online { .. } | State::Stopped | State::Errored { .. } => false,
            };
            if let State::Online { life, .. } = instance.state
                && instance.is_worker()
                && !self.admitted.contains(&life)
            {
                panic!("worker {life} is online and gets no connections");
            }
            let timed = instance.deadline().is_some();
            assert!(!moving || timed, "{:?} has no deadline", instance.state);
            let lingers = |life: &Life| instance.lingering.iter().any(|it| it.life == *life);
            let lives = self.os.processes.iter().filter(|(life, process)| {
                let alive = if process.whole {
                    process.alive() > 0
                } else {
                    process.main
                };
                process.instance == instance.id && alive && !lingers(life) && !process.released
            });
            let allowed = 1 + usize::from(instance.replacement.is_some());
            assert!(
                lives.count() <= allowed,
                "too many lives of {}",
                instance.id
            );
        }
        for id in &self.listening {
            let instance = self.supervisor.instance(*id);
            let rests = instance
                .is_none_or(|it| matches!(it.state, State::Stopped | State::Errored { .. }));
            assert!(!rests, "instance {id} rests, and its port is open");
        }
        if self.copies {
            self.check_copy();
        }
    }

    fn check_copy(&self) {
        let text = serde_json::to_string(&self.supervisor.snapshot()).expect("it can be written");
        let snapshot = serde_json::from_str(&text).expect("it can be read");
        let defaults = self.supervisor.defaults().clone();
        let copy = Supervisor::restore(snapshot, defaults).expect("the same version");
        assert_eq!(copy, self.supervisor, "a restored supervisor is the same");
    }

    /// The main process of `life` ends now, for reasons of its own.
    pub(crate) fn crash(&mut self, life: Life, status: ExitStatus) {
        if self.os.processes.contains_key(&life) {
            let ends = Happening::MainEnds(life, status);
            for event in self.os.happen(self.now, ends) {
                self.deliver(event);
            }
        }
    }

    /// A tick before any deadline changes nothing.
    pub(crate) fn spurious_tick(&mut self) {
        if self.supervisor.deadline().is_some_and(|at| at <= self.now) {
            return self.deliver(Event::Ticked);
        }
        let before = self.supervisor.clone();
        let mut actions = Vec::new();
        self.supervisor
            .handle(self.now(), Event::Ticked, &mut actions);
        assert_eq!(actions, [], "an early tick does nothing");
        assert_eq!(before, self.supervisor, "an early tick changes nothing");
    }

    /// Lets time pass, from one moment of interest to the next.
    pub(crate) fn run(&mut self, millis: u64) {
        let end = after(self.now, millis);
        loop {
            let next = [self.os.next_at(), self.supervisor.deadline()];
            let Some(next) = next.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if let Some(happening) = self.os.due(self.now) {
                for event in self.os.happen(self.now, happening) {
                    self.deliver(event);
                }
            } else {
                self.deliver(Event::Ticked);
            }
        }
        self.now = end;
    }

    pub(crate) fn tell(&mut self, line: &str) {
        let (seconds, millis) = (self.now.0 / 1_000_000_000, self.now.0 / 1_000_000 % 1000);
        writeln!(self.story, "{seconds:3}.{millis:03} {line}").expect("a string takes all");
    }

    /// The life an instance is about now.
    pub(crate) fn life_of(&self, id: InstanceId) -> Option<Life> {
        self.supervisor.instance(id)?.life()
    }

    pub(crate) fn open_requests(&self) -> Vec<u64> {
        (1..=self.asked)
            .filter(|id| !self.replies.contains_key(&RequestId(*id)))
            .collect()
    }
}
