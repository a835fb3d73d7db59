//! Workers that were refused a port somebody else has. Which process that is, is read from `/proc`
//! by the launch plane. Until it has answered, the worker's refusal is not told to the core, and its
//! exit neither: the reason of a failed start is complete, and comes before the failure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ward_core::event::ExitStatus;
use ward_core::id::Life;

use crate::channel::Credit;
use crate::cluster::port_holders::PortHolder;
use crate::launch::{LaunchHandle, Question};

/// How long it is believed that nobody else has come to a port. To look takes long where there are
/// many processes, and apps that cannot have a port try again and again.
const REMEMBERED: Duration = Duration::from_secs(5);

/// A refusal that waits longer is told without its holder. A search takes milliseconds; seconds only
/// on a machine with much more work than processors, or when reading `/proc` hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ports that are looked up, and what is known of others.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    ports: HashMap<u16, Port>,
    /// Bounded by what a worker may say that is not dealt with: each has its credit.
    waiting: Vec<Refusal>,
    /// Ends of processes that wait for a refusal before them.
    exits: HashMap<Life, ExitStatus>,
}

/// A port that was asked about.
#[derive(Debug)]
struct Port {
    at: Instant,
    holder: Search,
}

/// The search for the holder of a port.
#[derive(Clone, Debug)]
enum Search {
    UnderWay,
    /// The process that has it, unless it could not be found.
    Done(Option<PortHolder>),
}

/// A refusal that is not told yet.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) life: Life,
    /// Where it wanted to listen, for people.
    pub(super) place: String,
    pub(super) port: u16,
    until: Instant,
    _credit: Option<Credit>,
}

/// A refusal that can be told now, and the end of its process if that waited for it.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) refusal: Refusal,
    pub(super) holder: Option<PortHolder>,
    pub(super) exit: Option<ExitStatus>,
}

impl Refusals {
    /// A worker was refused a port. It is told by [`Self::found`] or [`Self::overdue`], or at once if
    /// the holder is known.
    pub(super) fn refused(
        &mut self,
        life: Life,
        (place, port): (String, u16),
        credit: Option<Credit>,
        launch: &mut LaunchHandle,
    ) -> Vec<Explained> {
        let now = Instant::now();
        let kept = |it: &Port| match it.holder {
            Search::UnderWay => PATIENCE,
            Search::Done(_) => REMEMBERED,
        };
        self.ports.retain(|_, it| now < it.at + kept(it));
        self.waiting.push(Refusal {
            life,
            place,
            port,
            until: now + PATIENCE,
            _credit: credit,
        });
        let known = self.ports.entry(port).or_insert_with(|| {
            launch.ask(Question::PortHolder(port));
            let holder = Search::UnderWay;
            Port { at: now, holder }
        });
        if let Search::Done(holder) = known.holder.clone() {
            return self.tell(|it| it.port == port, holder.as_ref());
        }
        Vec::new()
    }

    /// The holder of a port was looked for.
    pub(super) fn found(&mut self, port: u16, holder: Option<PortHolder>) -> Vec<Explained> {
        let told = self.tell(|it| it.port == port, holder.as_ref());
        let (at, holder) = (Instant::now(), Search::Done(holder));
        self.ports.insert(port, Port { at, holder });
        told
    }

    /// Refusals that have waited long enough.
    pub(super) fn overdue(&mut self) -> Vec<Explained> {
        let now = Instant::now();
        self.tell(|it| it.until <= now, None)
    }

    /// When [`Self::overdue`] has something to tell.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|it| it.until).min()
    }

    /// A process has ended. Its exit is kept, to be told after the refusal, if one waits.
    pub(super) fn keeps_exit(&mut self, life: Life, status: ExitStatus) -> bool {
        let keeps = self.waiting.iter().any(|it| it.life == life);
        if keeps {
            self.exits.insert(life, status);
        }
        keeps
    }

    fn tell(
        &mut self,
        which: impl Fn(&Refusal) -> bool,
        holder: Option<&PortHolder>,
    ) -> Vec<Explained> {
        let now: Vec<Refusal> = self.waiting.extract_if(.., |it| which(it)).collect();
        let told = now.into_iter().map(|refusal| Explained {
            holder: holder.cloned(),
            exit: None,
            refusal,
        });
        let mut told: Vec<Explained> = told.collect();
        // With the last refusal of a life goes its exit.
        for told in told.iter_mut().rev() {
            let life = told.refusal.life;
            if !self.waiting.iter().any(|it| it.life == life) {
                told.exit = self.exits.remove(&life);
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const ONE: Life = Life(1);
    const TWO: Life = Life(2);

    fn holder() -> PortHolder {
        PortHolder {
            pid: 7,
            command: "nginx".to_owned(),
        }
    }

    fn pids(told: &[Explained]) -> Vec<(Life, Option<u32>, Option<ExitStatus>)> {
        let pid = |told: &Explained| told.holder.as_ref().map(|it| it.pid);
        told.iter()
            .map(|told| (told.refusal.life, pid(told), told.exit))
            .collect()
    }

    #[test]
    fn an_exit_comes_after_the_last_refusal_of_its_life() {
        let (answers, _kept) = mpsc::unbounded_channel();
        let mut launch = LaunchHandle::new(answers);
        let mut refusals = Refusals::default();
        let mut refused = |refusals: &mut Refusals, life, port| {
            refusals.refused(life, ("there".to_owned(), port), None, &mut launch)
        };
        assert!(refused(&mut refusals, ONE, 80).is_empty());
        assert!(refused(&mut refusals, ONE, 81).is_empty());
        let status = ExitStatus::Code(1);
        assert!(refusals.keeps_exit(ONE, status));
        assert!(!refusals.keeps_exit(TWO, status), "nothing waits for it");
        let told = refusals.found(80, Some(holder()));
        assert_eq!(pids(&told), [(ONE, Some(7), None)]);
        let told = refusals.found(81, None);
        assert_eq!(pids(&told), [(ONE, None, Some(status))]);
        // What is known is told at once.
        assert_eq!(
            pids(&refused(&mut refusals, TWO, 80)),
            [(TWO, Some(7), None)]
        );
        assert_eq!(refusals.deadline(), None);
    }

    #[test]
    fn a_refusal_does_not_wait_for_ever() {
        let (answers, _kept) = mpsc::unbounded_channel();
        let mut launch = LaunchHandle::new(answers);
        let mut refusals = Refusals::default();
        refusals.refused(ONE, ("there".to_owned(), 80), None, &mut launch);
        assert!(refusals.overdue().is_empty());
        refusals.waiting[0].until = Instant::now();
        assert_eq!(pids(&refusals.overdue()), [(ONE, None, None)]);
    }
}
