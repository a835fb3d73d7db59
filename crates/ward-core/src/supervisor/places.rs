//! Which ids the instances of apps get that are started together.

use crate::id::InstanceId;
use crate::supervisor::Supervisor;

/// PM2's command line starts so many apps of a file at once.
const LANES: usize = 2;

impl Supervisor {
    /// The ids for apps that are prepared together, one list for each, from their declared
    /// `instances`. Two apps at a time get their instances in turns: that is the order in which PM2
    /// mostly ends up, and scripts know processes by these ids. There it depends on who is faster,
    /// here it does not.
    pub fn places(&self, instances: &[Option<i64>]) -> Vec<Vec<InstanceId>> {
        let counts: Vec<u32> = instances.iter().map(|said| self.count(*said)).collect();
        let mut places = vec![Vec::new(); counts.len()];
        for (at, app) in (self.state.next_id..).zip(in_turns(&counts)) {
            if let Some(ids) = places.get_mut(app) {
                ids.push(InstanceId(at));
            }
        }
        places
    }
}

/// The app of each next instance.
fn in_turns(counts: &[u32]) -> Vec<usize> {
    let mut waiting = counts
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, count)| *count > 0);
    let mut lanes: [Option<(usize, u32)>; LANES] = [None; LANES];
    let mut turns = Vec::new();
    loop {
        let before = turns.len();
        for lane in &mut lanes {
            if let Some((app, left)) = lane.take().or_else(|| waiting.next()) {
                turns.push(app);
                *lane = (left > 1).then(|| (app, left - 1));
            }
        }
        if turns.len() == before {
            return turns;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::Action;
    use crate::defaults::Defaults;
    use crate::event::Event;
    use crate::id::RequestId;
    use crate::record::spec_from;
    use crate::request::Request;
    use crate::time::Now;

    fn prepare(supervisor: &mut Supervisor, name: &str, places: &[u32]) {
        let record = json!({"name": name, "pm_exec_path": "/srv/a.js", "instances": 2, "env": {}});
        let spec = spec_from(record.as_object().unwrap()).unwrap();
        let places = places.iter().copied().map(InstanceId).collect();
        let event = Event::Requested {
            id: RequestId(1),
            request: Request::PrepareAt(Box::new(spec), places),
        };
        let mut actions = Vec::new();
        supervisor.handle(Now::default(), event, &mut actions);
        let spawned = |action: &&Action| matches!(action, Action::Spawn { .. });
        assert_eq!(actions.iter().filter(spawned).count(), 2);
    }

    /// `name`, its number, in the order of ids.
    fn listed(supervisor: &Supervisor) -> Vec<String> {
        let shown =
            |it: &crate::instance::Instance| format!("{} {}{}", it.id, it.spec.name, it.number);
        supervisor.instances().map(shown).collect()
    }

    #[test]
    fn apps_that_begin_together_get_the_ids_they_were_promised() {
        let mut supervisor = Supervisor::new(Defaults::default());
        let places = supervisor.places(&[Some(2), Some(2)]);
        let places = places.iter().map(|ids| ids.iter().map(|id| id.0).collect());
        for (name, ids) in ["a", "b"].iter().zip(places.collect::<Vec<Vec<u32>>>()) {
            prepare(&mut supervisor, name, &ids);
        }
        assert_eq!(listed(&supervisor), ["0 a0", "1 b0", "2 a1", "3 b1"]);
        let next = supervisor.places(&[None, Some(2)]);
        let next: Vec<Vec<u32>> = next
            .iter()
            .map(|ids| ids.iter().map(|id| id.0).collect())
            .collect();
        assert_eq!(next, [vec![4], vec![5, 6]]);
    }

    #[test]
    fn an_id_that_is_not_free_is_not_given() {
        let mut supervisor = Supervisor::new(Defaults::default());
        prepare(&mut supervisor, "a", &[0, 2]);
        prepare(&mut supervisor, "b", &[2, 1]);
        assert_eq!(listed(&supervisor), ["0 a0", "1 b1", "2 a1", "3 b0"]);
    }

    /// As seen under PM2 7.0.4, each the order seen most often.
    #[test]
    fn two_apps_at_a_time_take_turns() {
        for (counts, wanted) in [
            (&[][..], ""),
            (&[3], "aaa"),
            (&[1, 1, 1], "abc"),
            (&[2, 2], "abab"),
            (&[3, 2, 1], "ababac"),
            (&[1, 2, 3], "abcbcc"),
            (&[2, 2, 2], "ababcc"),
            (&[4, 2, 2], "ababacac"),
            (&[2, 2, 2, 2], "ababcdcd"),
        ] {
            let letters = in_turns(counts)
                .into_iter()
                .filter_map(|app| "abcd".chars().nth(app));
            assert_eq!(letters.collect::<String>(), wanted, "{counts:?}");
        }
    }
}
