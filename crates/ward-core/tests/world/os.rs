//! The fake operating system: processes that obey, refuse, die, and leave others behind.

use std::collections::{BTreeMap, BTreeSet};

use ward_core::action::{Ask, Scope};
use ward_core::event::{Event, ExitStatus};
use ward_core::id::{InstanceId, Life};
use ward_core::time::Mono;

/// What one life will do. Times are milliseconds after its cause; `None`: never.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) spawns: bool,
    /// It does not spawn, because something is short.
    pub(crate) short: bool,
    /// The spawn is answered so long after it was asked for; 0: before anything else happens.
    pub(crate) begins: u64,
    /// The app is ended with all it started (`treekill`).
    pub(crate) whole: bool,
    /// Ends by itself.
    pub(crate) ends: Option<(u64, ExitStatus)>,
    /// Ends when asked politely.
    pub(crate) obeys: Option<u64>,
    /// Ends when killed; a process in uninterruptible sleep takes its time.
    pub(crate) dies: Option<u64>,
    /// Processes that stay when the main one ends.
    pub(crate) leftovers: u32,
    /// They end when asked.
    pub(crate) leftovers_obey: Option<u64>,
    pub(crate) says_ready: Option<u64>,
    pub(crate) worker_online: Option<u64>,
    pub(crate) listens: Option<u64>,
    /// Turns out to be no worker.
    pub(crate) alone: Option<u64>,
    pub(crate) settles: Option<u64>,
    pub(crate) drains: Option<u64>,
    /// What became of its connections is told so long after its end, if it was drained.
    pub(crate) counts: Option<u64>,
    /// What its tree holds, whenever that is measured.
    pub(crate) memory_bytes: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            spawns: true,
            short: false,
            begins: 0,
            whole: true,
            ends: None,
            obeys: Some(5),
            dies: Some(1),
            leftovers: 0,
            leftovers_obey: Some(5),
            says_ready: None,
            worker_online: Some(20),
            listens: Some(40),
            alone: None,
            settles: None,
            drains: Some(10),
            counts: Some(3),
            memory_bytes: 0,
        }
    }
}

/// One life as the operating system sees it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) instance: InstanceId,
    pub(crate) plan: Plan,
    /// The app is ended with all it started (`treekill`).
    pub(crate) whole: bool,
    pub(crate) main: bool,
    pub(crate) leftovers: u32,
    pub(crate) asked_at: Option<Mono>,
    pub(crate) exited_at: Option<Mono>,
    pub(crate) killed: bool,
    pub(crate) released: bool,
    pub(crate) drained: bool,
}

impl Process {
    pub(crate) fn alive(&self) -> u32 {
        u32::from(self.main) + self.leftovers
    }
}

/// Something the operating system will do.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// The main process ends.
    MainEnds(Life, ExitStatus),
    /// Everything else of the life ends.
    LeftoversEnd(Life),
    /// The life says something.
    Says(Life, Event),
    /// Something is told about a life, whether it is over or not.
    IsTold(Event),
    /// A process comes to be, or not.
    Begins(InstanceId, Life, Box<Plan>),
}

#[derive(Debug, Default)]
pub(crate) struct Os {
    pub(crate) processes: BTreeMap<Life, Process>,
    /// Lives whose spawn is not answered yet.
    pub(crate) unborn: BTreeSet<Life>,
    agenda: BTreeMap<(Mono, u64), Happening>,
    sequence: u64,
}

pub(crate) fn after(now: Mono, millis: u64) -> Mono {
    Mono(now.0 + millis * 1_000_000)
}

impl Os {
    pub(crate) fn next_at(&self) -> Option<Mono> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn plan(&mut self, at: Mono, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), happening);
    }

    /// What happens up to `now`, one thing at a time.
    pub(crate) fn due(&mut self, now: Mono) -> Option<Happening> {
        let key = *self.agenda.keys().next().filter(|(at, _)| *at <= now)?;
        self.agenda.remove(&key)
    }

    /// The answers to a request for samples.
    pub(crate) fn sample(&self, lives: &[Life]) -> Vec<Event> {
        let alive = lives.iter().filter_map(|life| {
            let process = self.processes.get(life).filter(|it| it.main)?;
            let (life, memory_bytes) = (*life, process.plan.memory_bytes);
            Some(Event::Sampled { life, memory_bytes })
        });
        alive.collect()
    }

    /// The answer to a spawn.
    pub(crate) fn spawn(
        &mut self,
        now: Mono,
        instance: InstanceId,
        life: Life,
        plan: Plan,
    ) -> Event {
        if plan.short {
            return Event::SpawnPostponed {
                life,
                reason: "open a log file: Too many open files".to_owned(),
            };
        }
        if !plan.spawns {
            return Event::SpawnFailed {
                life,
                reason: "execute /srv/app.js: permission denied".to_owned(),
            };
        }
        let pid = self.begin(now, instance, life, plan);
        Event::Spawned {
            life,
            pid,
            version: Some("1.0.0".to_owned()),
        }
    }

    fn begin(&mut self, now: Mono, instance: InstanceId, life: Life, plan: Plan) -> u32 {
        let pid = u32::try_from(1000 + life.0).expect("few lives");
        if let Some((millis, status)) = plan.ends {
            self.plan(after(now, millis), Happening::MainEnds(life, status));
        }
        let reason = "It is a shell script.".to_owned();
        let alone = Event::WorkerAlone { life, reason };
        let words = [
            (plan.says_ready, Event::Ready { life }),
            (plan.worker_online, Event::WorkerOnline { life }),
            (plan.listens, Event::Listening { life }),
            (plan.alone, alone),
            (plan.settles, Event::Settled { life }),
        ];
        for (millis, event) in words {
            if let Some(millis) = millis {
                self.plan(after(now, millis), Happening::Says(life, event));
            }
        }
        let process = Process {
            instance,
            whole: plan.whole,
            main: true,
            leftovers: plan.leftovers,
            plan,
            asked_at: None,
            exited_at: None,
            killed: false,
            released: false,
            drained: false,
        };
        assert!(
            self.processes.insert(life, process).is_none(),
            "a life begins once"
        );
        pid
    }

    pub(crate) fn terminate(&mut self, now: Mono, life: Life, how: Ask) {
        let process = self
            .processes
            .get_mut(&life)
            .expect("a known life is asked");
        process.asked_at.get_or_insert(now);
        let plan = process.plan.clone();
        let (main, tree, status) = match how {
            Ask::Signal(signal, scope) => (true, scope == Scope::Tree, ExitStatus::Signal(signal)),
            Ask::Message => (true, false, ExitStatus::Code(0)),
        };
        if let (true, Some(millis)) = (main && process.main, plan.obeys) {
            self.plan(after(now, millis), Happening::MainEnds(life, status));
        }
        if let (true, Some(millis)) = (tree, plan.leftovers_obey) {
            self.plan(after(now, millis), Happening::LeftoversEnd(life));
        }
    }

    /// A process that is not there yet cannot be killed.
    pub(crate) fn kill(&mut self, now: Mono, life: Life, scope: Scope) {
        let Some(process) = self.processes.get_mut(&life) else {
            return;
        };
        process.killed = true;
        if let Some(millis) = process.plan.dies {
            let status = ExitStatus::Signal(9);
            self.plan(after(now, millis), Happening::MainEnds(life, status));
            if scope == Scope::Tree {
                self.plan(after(now, millis + 1), Happening::LeftoversEnd(life));
            }
        }
    }

    /// The events `happening` leads to, in order.
    pub(crate) fn happen(&mut self, now: Mono, happening: Happening) -> Vec<Event> {
        match happening {
            Happening::MainEnds(life, status) => {
                let process = self.processes.get_mut(&life).expect("a known life ends");
                if !core::mem::take(&mut process.main) {
                    return Vec::new();
                }
                process.exited_at = Some(now);
                vec![Event::Exited { life, status }]
            }
            Happening::LeftoversEnd(life) => {
                let process = self.processes.get_mut(&life).expect("a known life ends");
                process.leftovers = 0;
                let alive = process.alive();
                vec![Event::Probed { life, alive }]
            }
            Happening::IsTold(event) => vec![event],
            Happening::Begins(instance, life, plan) => {
                self.unborn.remove(&life);
                vec![self.spawn(now, instance, life, *plan)]
            }
            Happening::Says(life, event) => {
                let speaks = self.processes.get(&life).is_some_and(|it| it.main);
                if speaks { vec![event] } else { Vec::new() }
            }
        }
    }
}
