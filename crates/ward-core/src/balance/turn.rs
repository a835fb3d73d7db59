//! Whose turn it is.

/// What a worker says when it is asked whether it takes the next connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The cheapest one gets it; of equals the first one that was asked.
    cost: i64,
    /// Others are asked, too, before it has its turn.
    compared: bool,
}

impl Offer {
    /// It takes the connection, whatever others offer.
    pub const AT_ONCE: Self = Self {
        cost: 0,
        compared: false,
    };

    /// It takes the connection unless others are cheaper.
    pub const fn compared(cost: i64) -> Self {
        Self {
            cost,
            compared: true,
        }
    }
}

/// Asks `count` workers for their offers, beginning with number `next`; returns the number of the
/// one that has its turn. None if nobody can take a connection.
pub fn choose(
    next: usize,
    count: usize,
    mut offer: impl FnMut(usize) -> Option<Offer>,
) -> Option<usize> {
    let mut found: Option<(usize, i64)> = None;
    for step in 0..count {
        let at = (next + step) % count;
        let Some(Offer { cost, compared }) = offer(at) else {
            continue;
        };
        if found.is_none_or(|(_, best)| cost < best) {
            found = Some((at, cost));
        }
        if !compared {
            break;
        }
    }
    found.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_next_and_can_has_its_turn() {
        let able =
            |able: &'static [usize]| move |at: usize| able.contains(&at).then_some(Offer::AT_ONCE);
        assert_eq!(choose(1, 3, able(&[0, 1, 2])), Some(1));
        assert_eq!(choose(1, 3, able(&[0])), Some(0));
        assert_eq!(choose(1, 3, able(&[])), None);
        assert_eq!(choose(0, 0, able(&[])), None);
    }

    #[test]
    fn those_after_the_one_that_has_its_turn_are_not_asked() {
        let mut asked = Vec::new();
        choose(2, 4, |at| {
            asked.push(at);
            (at != 2).then_some(Offer::AT_ONCE)
        });
        assert_eq!(asked, [2, 3]);
    }

    #[test]
    fn the_cheapest_has_its_turn_and_of_equals_the_next() {
        let costs = [5, 3, 3];
        let offer = |at: usize| Some(Offer::compared(costs[at]));
        assert_eq!(choose(0, 3, offer), Some(1));
        assert_eq!(choose(2, 3, offer), Some(2));
    }
}
