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
        for (at, app) in (self.book.next_id..).zip(in_turns(&counts)) {
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
    use super::*;

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
