//! The end of one life: ask, wait, kill, wait, and the same for what the main process leaves
//! behind. Knows nothing of instances: whoever owns the life decides what follows.
#![warn(clippy::wildcard_enum_match_arm)]

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Ask, Scope};
use crate::context::Context;
use crate::id::Life;
use crate::time::Mono;

/// How a life is ended, fixed when the end begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopPolicy {
    /// The first, polite request is the IPC message `shutdown`.
    pub with_message: bool,
    /// Otherwise this signal; leftovers always get it.
    pub signal: i32,
    /// All processes of the life, or the main one alone.
    pub tree: bool,
    /// Time between the polite request and SIGKILL.
    pub grace: Duration,
    /// How long SIGKILL may take before it counts as refused.
    pub patience: Duration,
}

/// A life that is ending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Termination {
    /// The life that ends.
    pub life: Life,
    /// Its main process; not known while the spawn is not answered.
    pub pid: Option<u32>,
    /// The main process has ended; only leftovers of its tree can be alive.
    pub main_gone: bool,
    /// The step between asking and killing that was reached.
    pub phase: Phase,
    /// The way it is ended, fixed at the beginning of the end.
    pub stop_policy: StopPolicy,
}

/// The steps from asking to killing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// A worker finishes its work before anybody asks it to end.
    Draining {
        /// The moment at which it is asked to end, finished or not.
        until: Mono,
    },
    /// Nobody was asked yet, because nobody is known to be left.
    Counting {
        /// The moment at which it is killed, should no count arrive.
        kill_at: Mono,
    },
    /// Asked politely.
    Asked {
        /// The moment at which it is killed if it still runs.
        kill_at: Mono,
        /// The whole tree was asked, not only the main process.
        tree: bool,
    },
    /// SIGKILL is on its way.
    Killed {
        /// The moment at which it is given up.
        give_up_at: Mono,
    },
}

/// The effect of an event on the end of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not over yet.
    Going,
    /// Nothing of the life is alive.
    Gone,
    /// Not even SIGKILL helps.
    Stuck,
}

impl StopPolicy {
    fn scope(self) -> Scope {
        if self.tree { Scope::Tree } else { Scope::Main }
    }
}

impl Termination {
    /// Asks a living process to end. Without a pid the question waits for the spawn's answer.
    pub(crate) fn ask(
        life: Life,
        pid: Option<u32>,
        stop_policy: StopPolicy,
        cx: &mut Context<'_>,
    ) -> Self {
        let mut termination = Self {
            life,
            pid: None,
            main_gone: false,
            phase: Phase::Asked {
                kill_at: cx.now.mono + stop_policy.grace,
                tree: false,
            },
            stop_policy,
        };
        if let Some(pid) = pid {
            termination.born(pid, cx);
        }
        termination
    }

    /// Lets a worker finish first, for at most `patience`.
    pub(crate) fn drain(
        life: Life,
        pid: u32,
        stop_policy: StopPolicy,
        patience: Duration,
        cx: &mut Context<'_>,
    ) -> Self {
        cx.act(Action::Drain { life });
        Self {
            life,
            pid: Some(pid),
            main_gone: false,
            phase: Phase::Draining {
                until: cx.now.mono + patience,
            },
            stop_policy,
        }
    }

    /// The worker was told to finish only now, and has until then.
    pub(crate) fn drain_began(&mut self, at_latest: Mono) {
        if let Phase::Draining { until } = &mut self.phase {
            *until = at_latest;
        }
    }

    /// The worker has finished.
    pub(crate) fn drained(&mut self, cx: &mut Context<'_>) {
        if let Phase::Draining { .. } = self.phase
            && !self.main_gone
        {
            self.request(self.stop_policy.with_message, cx);
        }
    }

    /// The main process has ended by itself: is something left? `None`: nobody cares.
    pub(crate) fn sweep(
        life: Life,
        pid: u32,
        stop_policy: StopPolicy,
        cx: &mut Context<'_>,
    ) -> Option<Self> {
        if !stop_policy.tree {
            return None;
        }
        cx.act(Action::Probe { life });
        Some(Self {
            life,
            pid: Some(pid),
            main_gone: true,
            phase: Phase::Counting {
                kill_at: cx.now.mono + stop_policy.grace,
            },
            stop_policy,
        })
    }

    /// The process of this life came to be after all; now it can be asked.
    pub(crate) fn born(&mut self, pid: u32, cx: &mut Context<'_>) {
        if self.pid.is_some() {
            return;
        }
        self.pid = Some(pid);
        match self.phase {
            Phase::Asked { .. } => self.request(self.stop_policy.with_message, cx),
            // It was killed before it was there.
            Phase::Killed { .. } => cx.act(Action::Kill {
                life: self.life,
                scope: self.stop_policy.scope(),
            }),
            Phase::Draining { .. } | Phase::Counting { .. } => {}
        }
    }

    fn request(&mut self, by_message: bool, cx: &mut Context<'_>) {
        let how = if by_message {
            Ask::Message
        } else {
            Ask::Signal(self.stop_policy.signal, self.stop_policy.scope())
        };
        cx.act(Action::Terminate {
            life: self.life,
            how,
        });
        self.phase = Phase::Asked {
            kill_at: cx.now.mono + self.stop_policy.grace,
            tree: self.stop_policy.tree && !by_message,
        };
    }

    /// The main process ended.
    pub(crate) fn exited(&mut self, cx: &mut Context<'_>) -> Progress {
        if self.main_gone {
            return Progress::Going;
        }
        self.main_gone = true;
        if !self.stop_policy.tree {
            return Progress::Gone;
        }
        match self.phase {
            Phase::Asked {
                kill_at,
                tree: false,
            } => self.phase = Phase::Counting { kill_at },
            Phase::Draining { .. } => {
                let kill_at = cx.now.mono + self.stop_policy.grace;
                self.phase = Phase::Counting { kill_at };
            }
            Phase::Asked { tree: true, .. } | Phase::Counting { .. } | Phase::Killed { .. } => {}
        }
        cx.act(Action::Probe { life: self.life });
        Progress::Going
    }

    /// So many processes are alive.
    pub(crate) fn probed(&mut self, alive: u32, cx: &mut Context<'_>) -> Progress {
        if !self.main_gone {
            return Progress::Going;
        }
        if alive == 0 {
            return Progress::Gone;
        }
        match self.phase {
            Phase::Counting { .. } => self.request(false, cx),
            Phase::Draining { .. } | Phase::Asked { .. } | Phase::Killed { .. } => {}
        }
        Progress::Going
    }

    /// Time passed.
    pub(crate) fn ticked(&mut self, cx: &mut Context<'_>) -> Progress {
        if self.deadline() > cx.now.mono {
            return Progress::Going;
        }
        match self.phase {
            Phase::Draining { .. } => {
                self.drained(cx);
                Progress::Going
            }
            Phase::Counting { .. } | Phase::Asked { .. } => {
                self.kill(cx);
                Progress::Going
            }
            Phase::Killed { .. } => Progress::Stuck,
        }
    }

    fn kill(&mut self, cx: &mut Context<'_>) {
        cx.act(Action::Kill {
            life: self.life,
            scope: self.stop_policy.scope(),
        });
        self.phase = Phase::Killed {
            give_up_at: cx.now.mono + self.stop_policy.patience,
        };
        if self.main_gone {
            cx.act(Action::Probe { life: self.life });
        }
    }

    /// When time alone changes something.
    pub(crate) const fn deadline(&self) -> Mono {
        match self.phase {
            Phase::Draining { until } => until,
            Phase::Counting { kill_at } | Phase::Asked { kill_at, .. } => kill_at,
            Phase::Killed { give_up_at } => give_up_at,
        }
    }
}
