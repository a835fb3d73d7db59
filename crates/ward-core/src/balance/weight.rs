//! Weighted turns, spread evenly (the "smooth" weighted round robin): before each turn everybody
//! earns its weight, and whoever has its turn pays what all have earned. With weights 3 and 1 that
//! gives the order a b a a, and not a a a b.

use serde::{Deserialize, Serialize};

/// What a worker has earned and not paid for. The credits of all workers of one round sum to zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit(i64);

impl Credit {
    /// What a connection costs with this worker, compared by [`super::turn::choose`]: the one with
    /// the most credit, after it has earned its weight, is the cheapest.
    pub fn cost(self, weight: i64) -> i64 {
        -(self.0 + weight)
    }

    /// A turn begins.
    pub fn earn(&mut self, weight: i64) {
        self.0 += weight;
    }

    /// It was this worker's turn, in which all workers together earned `total`.
    pub fn pay(&mut self, total: i64) {
        self.0 -= total;
    }
}

/// What a connection costs with a worker that has `open` of them, if the one with the fewest gets
/// it. A fresh worker, whose `share` is a part of 100 percent, counts as if it had more.
pub fn cost_of_connections(open: u64, share: i64) -> i64 {
    let open = i64::try_from(open).unwrap_or(i64::MAX / 2) + 1;
    open.saturating_mul(super::slow_start::FULL) / share.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::turn::{Offer, choose};

    fn turns(weights: &[i64], count: usize) -> Vec<usize> {
        let mut credits = vec![Credit::default(); weights.len()];
        let mut next = 0;
        let turn = |_| {
            let offer = |at: usize| Some(Offer::compared(credits[at].cost(weights[at])));
            let chosen = choose(next, weights.len(), offer).unwrap();
            next = (chosen + 1) % weights.len();
            for (credit, weight) in credits.iter_mut().zip(weights) {
                credit.earn(*weight);
            }
            credits[chosen].pay(weights.iter().sum());
            chosen
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn turns_follow_the_weights_and_are_spread() {
        assert_eq!(turns(&[3, 1], 8), [0, 1, 0, 0, 0, 1, 0, 0]);
        assert_eq!(turns(&[1, 1, 1], 6), [0, 1, 2, 0, 1, 2]);
        let many = turns(&[5, 2, 3], 1000);
        let count = |worker| many.iter().filter(|it| **it == worker).count();
        assert_eq!([0, 1, 2].map(count), [500, 200, 300]);
    }

    #[test]
    fn a_fresh_worker_counts_as_if_it_had_more_connections() {
        assert_eq!(
            [10, 100].map(|share| cost_of_connections(0, share)),
            [10, 1]
        );
        assert!(cost_of_connections(u64::MAX, 10) > cost_of_connections(1 << 40, 100));
    }
}
