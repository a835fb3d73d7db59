//! The connections that have not said whose they are, in the order they came, within their bounds.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::cluster::Connection;
use crate::poll::Token;

/// So many connections of one listener are waited for at a time. Beyond, the oldest one of the
/// listener is handed out by its address.
pub(in crate::cluster) const AWAITED: usize = 512;

/// So many are waited for on all listeners. Beyond, the oldest one of the listener that has the most
/// is handed out by its address: who floods one listener takes no place from others.
const AWAITED_IN_ALL: usize = 1024;

/// Connections that have not said whose they are.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Heads {
    awaited: HashMap<Token, Awaited>,
    /// The tokens of each listener's connections by the order in which they came. Holds what
    /// `awaited` holds.
    order: HashMap<Token, BTreeMap<u64, Token>>,
    last: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) listener: Token,
    pub(super) connection: Connection,
    pub(super) until: Instant,
    number: u64,
}

impl Heads {
    pub(super) fn add(
        &mut self,
        token: Token,
        listener: Token,
        connection: Connection,
        until: Instant,
    ) {
        self.last += 1;
        let number = self.last;
        self.order
            .entry(listener)
            .or_default()
            .insert(number, token);
        let awaited = Awaited {
            listener,
            connection,
            until,
            number,
        };
        self.awaited.insert(token, awaited);
    }

    pub(super) fn get(&self, token: Token) -> Option<&Awaited> {
        self.awaited.get(&token)
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<Awaited> {
        let awaited = self.awaited.remove(&token)?;
        if let Some(order) = self.order.get_mut(&awaited.listener) {
            order.remove(&awaited.number);
            if order.is_empty() {
                self.order.remove(&awaited.listener);
            }
        }
        Some(awaited)
    }

    /// The one that has waited longest.
    pub(super) fn oldest(&self) -> Option<Token> {
        let first = self.order.values().filter_map(BTreeMap::first_key_value);
        first.min().map(|(_, token)| *token)
    }

    /// The one that is to go, because there are too many.
    pub(super) fn surplus(&self, listener: Token) -> Option<Token> {
        let of_listener = self.order.get(&listener);
        let crowded = match of_listener {
            Some(order) if order.len() > AWAITED => order,
            _ if self.awaited.len() > AWAITED_IN_ALL => {
                self.order.values().max_by_key(|order| order.len())?
            }
            _ => return None,
        };
        crowded.first_key_value().map(|(_, token)| *token)
    }

    /// All of a listener.
    pub(super) fn of(&self, listener: Token) -> Vec<Token> {
        let order = self.order.get(&listener);
        order.map_or(Vec::new(), |order| order.values().copied().collect())
    }

    /// Whoever is waited for is due now, the older half of them.
    pub(super) fn shorten(&mut self, now: Instant) -> bool {
        let mut all: Vec<(u64, Token)> = Vec::with_capacity(self.awaited.len());
        all.extend(self.awaited.iter().map(|(token, it)| (it.number, *token)));
        all.sort_unstable();
        let half = all.len().div_ceil(2);
        for (_, token) in &all[..half] {
            if let Some(awaited) = self.awaited.get_mut(token) {
                awaited.until = now;
            }
        }
        half > 0
    }

    /// Gives all connections of a listener away, in no order.
    pub(in crate::cluster) fn take_of(&mut self, listener: Token) -> Vec<Connection> {
        let tokens = self.of(listener);
        let taken = tokens.into_iter().filter_map(|token| self.remove(token));
        taken.map(|it| it.connection).collect()
    }

    /// How many connections of a listener are waited for.
    pub(in crate::cluster) fn count_of(&self, listener: Token) -> usize {
        self.order.get(&listener).map_or(0, BTreeMap::len)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use super::*;
    use crate::poll::Slots;

    fn connection() -> Connection {
        Arc::new(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()))
    }

    #[test]
    fn the_crowded_listener_gives_up_its_oldest() {
        let mut slots = Slots::default();
        let (quiet, flooded) = (slots.insert(()), slots.insert(()));
        let (mut heads, now) = (Heads::default(), Instant::now());
        // One descriptor for all: what counts is how many there are.
        let one = connection();
        let mut add = |heads: &mut Heads, listener| {
            let token = slots.insert(());
            heads.add(token, listener, Arc::clone(&one), now);
            token
        };
        let patient = add(&mut heads, quiet);
        let first = add(&mut heads, flooded);
        for _ in 1..AWAITED {
            add(&mut heads, flooded);
        }
        assert_eq!(heads.surplus(flooded), None);
        add(&mut heads, flooded);
        assert_eq!(heads.surplus(flooded), Some(first));
        assert_eq!(heads.surplus(quiet), None);
        assert!(heads.remove(first).is_some() && heads.remove(first).is_none());
        assert_eq!(heads.count_of(flooded), AWAITED);
        assert_eq!(heads.oldest(), Some(patient));
        // Others fill the rest, and still it is not the quiet one that goes.
        let third = slots_of(&mut heads, &one, now, AWAITED_IN_ALL - AWAITED - 1);
        assert_eq!(heads.surplus(third), None);
        let last = slots_of(&mut heads, &one, now, 1);
        let gone = heads.surplus(last).unwrap();
        let of = heads.get(gone).unwrap().listener;
        assert!(of == flooded || of == third, "not the oldest of all");
    }

    /// So many of another listener.
    fn slots_of(heads: &mut Heads, one: &Connection, now: Instant, count: usize) -> Token {
        // Tokens of other slots would be those of the first ones.
        let mut slots = Slots::default();
        for _ in 0..10_000 + heads.awaited.len() {
            slots.insert(());
        }
        let listener = slots.insert(());
        for _ in 0..count {
            let token = slots.insert(());
            heads.add(token, listener, Arc::clone(one), now);
        }
        listener
    }
}
