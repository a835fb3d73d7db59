//! How many parts of a job run at once. Nothing else in ward decides that.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::request::Verb;

/// How many instances are deleted at once, whatever is asked for (as in PM2).
const DELETED_AT_ONCE: usize = 10;

/// So few instances are acted on one after the other (as in PM2).
const FEW: usize = 2;

/// Of more instances, so many at once, unless the client says otherwise (as in PM2).
const USUAL: usize = 2;

/// The parts of a job in lanes. A lane has the parts of one app that declares how many of its workers
/// are replaced at once, or the parts of all other apps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    /// How many parts run at once, of all lanes.
    limit: usize,
    running: BTreeMap<usize, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lane {
    /// How many of its parts run at once.
    limit: usize,
    running: usize,
    waiting: VecDeque<usize>,
}

impl Lane {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            running: 0,
            waiting: VecDeque::new(),
        }
    }
}

impl Lanes {
    /// One lane for all of `count` parts.
    pub(super) fn one(count: usize, limit: usize) -> Self {
        let mut lane = Lane::new(limit);
        lane.waiting.extend(0..count);
        Self {
            all: vec![lane],
            limit,
            running: BTreeMap::new(),
        }
    }

    /// Lanes for an action. `declared`: for each part the name of its app and the number of workers
    /// that app declares to be replaced at once. What a client states holds for all of them.
    ///
    /// Apps that declare a number each have a lane; together they run no more parts at once than the
    /// boldest of them would alone, so that many careful apps do not all double at the same time.
    pub(super) fn of_act(
        verb: Verb,
        stated: Option<usize>,
        declared: &[Option<(&str, usize)>],
    ) -> Self {
        let usual = usual(verb, stated, declared.len());
        if stated.is_some() || !verb.reloads() {
            return Self::one(declared.len(), usual);
        }
        let mut lanes: Vec<Lane> = Vec::new();
        let mut of_app: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for (part, declared) in declared.iter().enumerate() {
            let limit = declared.map_or(usual, |(_, limit)| limit.max(1));
            let lane = *of_app
                .entry(declared.map(|(app, _)| app))
                .or_insert_with(|| {
                    lanes.push(Lane::new(limit));
                    lanes.len() - 1
                });
            if let Some(lane) = lanes.get_mut(lane) {
                lane.waiting.push_back(part);
            }
        }
        let limit = lanes.iter().map(|lane| lane.limit).max().unwrap_or(usual);
        Self {
            all: lanes,
            limit,
            running: BTreeMap::new(),
        }
    }

    /// Begins the next part, if one may run: of those that may, the first.
    pub(super) fn begin(&mut self) -> Option<usize> {
        if self.running.len() >= self.limit {
            return None;
        }
        let free = |(_, lane): &(usize, &mut Lane)| lane.running < lane.limit;
        let lanes = self.all.iter_mut().enumerate().filter(free);
        let (at, lane) = lanes
            .filter(|(_, lane)| !lane.waiting.is_empty())
            .min_by_key(|(_, lane)| lane.waiting.front().copied())?;
        let part = lane.waiting.pop_front()?;
        lane.running += 1;
        self.running.insert(part, at);
        Some(part)
    }

    /// A part that ran is done.
    pub(super) fn end(&mut self, part: usize) {
        let lane = self.running.remove(&part);
        if let Some(lane) = lane.and_then(|at| self.all.get_mut(at)) {
            lane.running -= 1;
        }
    }

    /// What waits is not to be done any more.
    pub(super) fn give_up(&mut self) {
        for lane in &mut self.all {
            lane.waiting.clear();
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.all.iter().any(|lane| !lane.waiting.is_empty())
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// How many are neither done nor running.
    pub(super) fn waiting(&self) -> usize {
        self.all.iter().map(|lane| lane.waiting.len()).sum()
    }
}

/// How many at once of `count` instances, whatever their apps declare: PM2's rule, so that a rolling
/// action stays rolling.
fn usual(verb: Verb, stated: Option<usize>, count: usize) -> usize {
    if verb == Verb::Delete {
        return DELETED_AT_ONCE;
    }
    if count <= FEW {
        return 1;
    }
    stated.filter(|stated| *stated > 0).unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many parts begin before one is done.
    fn together(verb: Verb, stated: Option<usize>, count: usize) -> usize {
        let mut lanes = Lanes::of_act(verb, stated, &vec![None; count]);
        core::iter::from_fn(|| lanes.begin()).count()
    }

    #[test]
    fn without_a_declaration_it_is_as_in_pm2() {
        for (verb, stated, count, wanted) in [
            (Verb::Restart, None, 1, 1),
            (Verb::Restart, None, 2, 1),
            (Verb::Restart, None, 3, 2),
            (Verb::Restart, Some(2), 2, 1),
            (Verb::Restart, Some(0), 5, 2),
            (Verb::Restart, Some(4), 5, 4),
            (Verb::Reload, Some(4), 5, 4),
            (Verb::Delete, None, 12, 10),
            (Verb::Delete, Some(1), 12, 10),
        ] {
            let begun = together(verb, stated, count);
            assert_eq!(begun, wanted, "{verb:?} {stated:?} of {count}");
        }
    }

    #[test]
    fn each_app_decides_about_its_own_workers() {
        let declared = [
            Some(("careful", 1)),
            Some(("careful", 1)),
            Some(("bold", 3)),
            Some(("bold", 3)),
            Some(("bold", 3)),
            None,
        ];
        let mut lanes = Lanes::of_act(Verb::Reload, None, &declared);
        let begin =
            |lanes: &mut Lanes| -> Vec<usize> { core::iter::from_fn(|| lanes.begin()).collect() };
        assert_eq!(begin(&mut lanes), [0, 2, 3]);
        lanes.end(2);
        assert_eq!(begin(&mut lanes), [4], "the careful app has one under way");
        lanes.end(0);
        assert_eq!(begin(&mut lanes), [1]);
        lanes.end(1);
        assert_eq!(begin(&mut lanes), [5]);
        for part in [3, 4, 5] {
            lanes.end(part);
        }
        assert!(!lanes.is_waiting() && lanes.running() == 0);
    }

    #[test]
    fn what_the_client_states_holds_for_all_apps() {
        let declared = [Some(("bold", 3)), Some(("bold", 3)), Some(("bold", 3))];
        let mut lanes = Lanes::of_act(Verb::Reload, Some(1), &declared);
        assert_eq!(core::iter::from_fn(|| lanes.begin()).count(), 1);
        let mut lanes = Lanes::of_act(Verb::Restart, None, &declared);
        assert_eq!(core::iter::from_fn(|| lanes.begin()).count(), 2);
    }
}
