//! The event loop of the log thread and the channel thread: epoll, a wake-up from other threads,
//! and slots whose tokens are never mistaken for those of an earlier owner. It knows neither logs
//! nor channels.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use slotmap::{DefaultKey, Key as _, KeyData, SlotMap};

pub(crate) use rustix::event::epoll::EventFlags as Interest;

/// Names a slot and its owner: an event for a gone owner finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(DefaultKey);

impl Token {
    /// Names no slot and never will.
    pub(crate) fn nobody() -> Self {
        Self(DefaultKey::null())
    }

    /// As the kernel keeps it.
    fn data(self) -> epoll::EventData {
        epoll::EventData::new_u64(self.0.data().as_ffi())
    }
}

/// The wake-up; no slot ever has this key, for a slot map has fewer than 2³² - 1 slots.
const WAKE: u64 = u64::MAX;

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
        Ok(epoll::add(&self.epoll, fd, token.data(), interest)?)
    }

    /// Watches for something else.
    pub(crate) fn modify(&self, fd: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, token.data(), interest)?)
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
            let data = event.data.u64();
            if data != WAKE {
                ready.push((Token(KeyData::from_ffi(data).into()), event.flags));
            }
        }
        Ok(())
    }
}

/// A set of values with stable, never reused tokens.
#[derive(Debug)]
pub(crate) struct Slots<T>(SlotMap<DefaultKey, T>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(SlotMap::new())
    }
}

impl<T> Slots<T> {
    /// Puts a value in and names it.
    pub(crate) fn insert(&mut self, value: T) -> Token {
        Token(self.0.insert(value))
    }

    /// The value, unless it is gone.
    pub(crate) fn get(&self, token: Token) -> Option<&T> {
        self.0.get(token.0)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        self.0.get_mut(token.0)
    }

    /// Takes the value out; its token is void from now on.
    pub(crate) fn remove(&mut self, token: Token) -> Option<T> {
        self.0.remove(token.0)
    }

    /// Whether a value satisfies a condition.
    pub(crate) fn any(&self, wanted: impl FnMut(&T) -> bool) -> bool {
        self.0.values().any(wanted)
    }

    /// The tokens of all values that satisfy a condition.
    pub(crate) fn tokens(&self, mut wanted: impl FnMut(&T) -> bool) -> Vec<Token> {
        let found = self.0.iter().filter(|(_, value)| wanted(value));
        found.map(|(key, _)| Token(key)).collect()
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
