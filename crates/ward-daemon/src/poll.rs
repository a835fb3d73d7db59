//! The event loop of the log thread and the channel thread: epoll, a wake-up from other threads,
//! and slots whose tokens are never mistaken for those of an earlier owner. It knows neither logs
//! nor channels.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};

pub(crate) use rustix::event::epoll::EventFlags as Interest;

/// Names a slot and its owner: an event for a gone owner finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(u64);

/// The token of the wake-up; no slot ever gets it.
const WAKE: u64 = u64::MAX;

impl Token {
    /// Names no slot and never will.
    pub(crate) const NOBODY: Self = Self(WAKE);
}

/// How many events one wait takes.
const BATCH: usize = 64;

/// Waits for many descriptors.
#[derive(Debug)]
pub(crate) struct Poll {
    epoll: OwnedFd,
    waker: Waker,
}

/// Ends the wait of a [`Poll`] from another thread.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Ends the current wait, or the next one.
    pub(crate) fn wake(&self) {
        // It can only fail when the counter is full, and then the wait ends anyway.
        rustix::io::write(&*self.0, &1_u64.to_ne_bytes()).ok();
    }
}

impl Poll {
    /// An empty set.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(
            &epoll,
            &wake,
            epoll::EventData::new_u64(WAKE),
            Interest::IN | Interest::ET,
        )?;
        Ok(Self {
            epoll,
            waker: Waker(Arc::new(wake)),
        })
    }

    /// For other threads.
    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Begins to watch.
    pub(crate) fn add(&self, fd: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0);
        Ok(epoll::add(&self.epoll, fd, data, interest)?)
    }

    /// Watches for something else.
    pub(crate) fn modify(&self, fd: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0);
        Ok(epoll::modify(&self.epoll, fd, data, interest)?)
    }

    /// Ends watching. Needed although the descriptor is closed next: a copy of it may live in a
    /// child, and epoll watches the description.
    pub(crate) fn remove(&self, fd: impl AsFd) {
        // The only failure is that it is not watched, which is what is asked for.
        epoll::delete(&self.epoll, fd).ok();
    }

    /// Waits and puts what is ready into `ready`; nothing when woken or when `limit` has passed.
    pub(crate) fn wait(
        &self,
        limit: Option<Duration>,
        ready: &mut Vec<(Token, Interest)>,
    ) -> io::Result<()> {
        ready.clear();
        let mut space = [MaybeUninit::uninit(); BATCH];
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let events = match epoll::wait(&self.epoll, &mut space, limit.as_ref()) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for event in events {
            let token = event.data.u64();
            if token != WAKE {
                ready.push((Token(token), event.flags));
            }
        }
        Ok(())
    }
}

/// A set of values with stable, never reused tokens.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Puts a value in and names it.
    pub(crate) fn insert(&mut self, value: T) -> Token {
        let index = if let Some(index) = self.free.pop() {
            index
        } else {
            self.slots.push((0, None));
            u32::try_from(self.slots.len() - 1).expect("fewer slots than descriptors fit in u32")
        };
        let slot = &mut self.slots[index as usize];
        slot.1 = Some(value);
        Token(u64::from(slot.0) << 32 | u64::from(index))
    }

    /// The value, unless it is gone.
    pub(crate) fn get(&self, token: Token) -> Option<&T> {
        let slot = self.slots.get(Self::index(token))?;
        (slot.0 == Self::generation(token))
            .then_some(slot.1.as_ref())
            .flatten()
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let slot = self.slots.get_mut(Self::index(token))?;
        (slot.0 == Self::generation(token))
            .then_some(slot.1.as_mut())
            .flatten()
    }

    /// Takes the value out; its token is void from now on.
    pub(crate) fn remove(&mut self, token: Token) -> Option<T> {
        let index = Self::index(token);
        let slot = self.slots.get_mut(index)?;
        if slot.0 != Self::generation(token) {
            return None;
        }
        let value = slot.1.take()?;
        // The highest generation would make the token of the wake-up.
        slot.0 = (slot.0 + 1) % (u32::MAX - 1);
        self.free.push(u32::try_from(index).unwrap_or(u32::MAX));
        Some(value)
    }

    /// Whether a value satisfies a condition.
    pub(crate) fn any(&self, wanted: impl FnMut(&T) -> bool) -> bool {
        self.slots
            .iter()
            .filter_map(|slot| slot.1.as_ref())
            .any(wanted)
    }

    /// The tokens of all values that satisfy a condition.
    pub(crate) fn tokens(&self, mut wanted: impl FnMut(&T) -> bool) -> Vec<Token> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, (_, value))| value.as_ref().is_some_and(&mut wanted))
            .map(|(index, (generation, _))| Token(u64::from(*generation) << 32 | index as u64))
            .collect()
    }

    fn index(token: Token) -> usize {
        let index = token.0 & u64::from(u32::MAX);
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    fn generation(token: Token) -> u32 {
        (token.0 >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_an_earlier_owner_finds_nothing() {
        let mut slots = Slots::default();
        let first = slots.insert("first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second");
        assert_ne!(first, second);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get_mut(second), Some(&mut "second"));
        assert_eq!(slots.tokens(|_| true), [second]);
    }

    #[test]
    fn a_wake_up_ends_the_wait_without_events() {
        let poll = Poll::new().unwrap();
        let waker = poll.waker();
        let thread = std::thread::spawn(move || waker.wake());
        let mut ready = Vec::new();
        poll.wait(Some(Duration::from_secs(10)), &mut ready)
            .unwrap();
        assert!(ready.is_empty());
        thread.join().unwrap();
    }
}
