//! The end of one life: ask, wait, kill, wait, and the same for what the main process leaves
//! behind. Knows nothing of instances: whoever owns the life decides what follows.
#![warn(clippy::wildcard_enum_match_arm)]

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Ask, Scope};
use crate::id::Life;
use crate::time::Mono;
use crate::turn::Turn;

/// How a life is ended, fixed when the end begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// The first, polite request is the IPC message `shutdown`.
    pub with_message: bool,
    /// Otherwise this signal; leftovers always get it.
    pub signal: i32,
    /// All processes of the life, or the main one alone.
    pub tree: bool,
    /// How long politeness lasts.
    pub grace: Duration,
    /// How long SIGKILL may take before it counts as refused.
    pub patience: Duration,
}

/// A life that is ending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Which.
    pub life: Life,
    /// Its main process; not known while the spawn is not answered.
    pub pid: Option<u32>,
    /// The main process has ended; only leftovers of its tree can be alive.
    pub main_gone: bool,
    /// Where on the ladder.
    pub phase: Phase,
    /// How.
    pub manner: Manner,
}

/// Where on the ladder from asking to killing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// A worker finishes its work before anybody asks it to end.
    Draining {
        /// Asked then, finished or not.
        until: Mono,
    },
    /// Nobody was asked yet, because nobody is known to be left.
    Counting {
        /// Killed then, should no count arrive.
        kill_at: Mono,
    },
    /// Asked politely.
    Asked {
        /// Killed then.
        kill_at: Mono,
        /// The whole tree was asked, not only the main process.
        tree: bool,
    },
    /// SIGKILL is on its way.
    Killed {
        /// Given up then.
        give_up_at: Mono,
    },
}

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not over yet.
    Going,
    /// Nothing of the life is alive.
    Gone,
    /// Not even SIGKILL helps.
    Stuck,
}

impl Manner {
    fn scope(self) -> Scope {
        if self.tree { Scope::Tree } else { Scope::Main }
    }
}

impl Ending {
    /// Asks a living process to end. Without a pid the question waits for the spawn's answer.
    pub(crate) fn ask(life: Life, pid: Option<u32>, manner: Manner, turn: &mut Turn<'_>) -> Self {
        let mut ending = Self {
            life,
            pid: None,
            main_gone: false,
            phase: Phase::Asked {
                kill_at: turn.now.mono + manner.grace,
                tree: false,
            },
            manner,
        };
        if let Some(pid) = pid {
            ending.born(pid, turn);
        }
        ending
    }

    /// Lets a worker finish first, for at most `patience`.
    pub(crate) fn drain(
        life: Life,
        pid: u32,
        manner: Manner,
        patience: Duration,
        turn: &mut Turn<'_>,
    ) -> Self {
        turn.act(Action::Drain { life });
        Self {
            life,
            pid: Some(pid),
            main_gone: false,
            phase: Phase::Draining {
                until: turn.now.mono + patience,
            },
            manner,
        }
    }

    /// The worker has finished.
    pub(crate) fn drained(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Draining { .. } = self.phase
            && !self.main_gone
        {
            self.request(self.manner.with_message, turn);
        }
    }

    /// The main process has ended by itself: is something left? `None`: nobody cares.
    pub(crate) fn sweep(life: Life, pid: u32, manner: Manner, turn: &mut Turn<'_>) -> Option<Self> {
        if !manner.tree {
            return None;
        }
        turn.act(Action::Probe { life });
        Some(Self {
            life,
            pid: Some(pid),
            main_gone: true,
            phase: Phase::Counting {
                kill_at: turn.now.mono + manner.grace,
            },
            manner,
        })
    }

    /// The process of this life came to be after all; now it can be asked.
    pub(crate) fn born(&mut self, pid: u32, turn: &mut Turn<'_>) {
        if self.pid.is_some() {
            return;
        }
        self.pid = Some(pid);
        match self.phase {
            Phase::Asked { .. } => self.request(self.manner.with_message, turn),
            Phase::Draining { .. } | Phase::Counting { .. } | Phase::Killed { .. } => {}
        }
    }

    fn request(&mut self, by_message: bool, turn: &mut Turn<'_>) {
        let how = if by_message {
            Ask::Message
        } else {
            Ask::Signal(self.manner.signal, self.manner.scope())
        };
        turn.act(Action::Terminate {
            life: self.life,
            how,
        });
        self.phase = Phase::Asked {
            kill_at: turn.now.mono + self.manner.grace,
            tree: self.manner.tree && !by_message,
        };
    }

    /// The main process ended.
    pub(crate) fn exited(&mut self, turn: &mut Turn<'_>) -> Progress {
        if self.main_gone {
            return Progress::Going;
        }
        self.main_gone = true;
        if !self.manner.tree {
            return Progress::Gone;
        }
        match self.phase {
            Phase::Asked {
                kill_at,
                tree: false,
            } => self.phase = Phase::Counting { kill_at },
            Phase::Draining { .. } => {
                let kill_at = turn.now.mono + self.manner.grace;
                self.phase = Phase::Counting { kill_at };
            }
            Phase::Asked { tree: true, .. } | Phase::Counting { .. } | Phase::Killed { .. } => {}
        }
        turn.act(Action::Probe { life: self.life });
        Progress::Going
    }

    /// So many processes are alive.
    pub(crate) fn probed(&mut self, alive: u32, turn: &mut Turn<'_>) -> Progress {
        if !self.main_gone {
            return Progress::Going;
        }
        if alive == 0 {
            return Progress::Gone;
        }
        match self.phase {
            Phase::Counting { .. } => self.request(false, turn),
            Phase::Draining { .. } | Phase::Asked { .. } | Phase::Killed { .. } => {}
        }
        Progress::Going
    }

    /// Time passed.
    pub(crate) fn ticked(&mut self, turn: &mut Turn<'_>) -> Progress {
        if self.deadline() > turn.now.mono {
            return Progress::Going;
        }
        match self.phase {
            Phase::Draining { .. } => {
                self.drained(turn);
                Progress::Going
            }
            Phase::Counting { .. } | Phase::Asked { .. } => {
                self.kill(turn);
                Progress::Going
            }
            Phase::Killed { .. } => Progress::Stuck,
        }
    }

    fn kill(&mut self, turn: &mut Turn<'_>) {
        turn.act(Action::Kill {
            life: self.life,
            scope: self.manner.scope(),
        });
        self.phase = Phase::Killed {
            give_up_at: turn.now.mono + self.manner.patience,
        };
        if self.main_gone {
            turn.act(Action::Probe { life: self.life });
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
