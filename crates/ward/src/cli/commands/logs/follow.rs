//! The stream of `logs`: reads the daemon's bus until nobody reads our output any more. A daemon
//! that goes away is waited for, without a word.

use std::io;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use ward_wire::bus::{Choice, Event};

use super::Output;
use super::printer::Printer;
use crate::cli::client::Subscription;
use crate::cli::out::screen;

/// Time between two attempts to reach a daemon that is gone.
const RETRY_MS: i64 = 100;

/// A subscription that outlives the daemon.
#[derive(Debug)]
pub(crate) struct Follower {
    socket: PathBuf,
    /// Told anew to each daemon.
    choice: Choice,
    subscription: Option<Subscription>,
}

/// What became of one wait.
enum Wait {
    /// There may be something to read, or time to try again.
    Go,
    /// Our reader is gone.
    Over,
}

impl Follower {
    /// Subscribes. When the daemon has answered a call that was made after this, nothing it publishes
    /// is missed any more.
    pub(crate) fn subscribe(socket: &Path) -> Self {
        let choice = Choice::default();
        Self {
            socket: socket.to_owned(),
            subscription: Subscription::connect(socket, &choice).ok(),
            choice,
        }
    }

    /// Asks for no more than this.
    pub(crate) fn choose(&mut self, choice: Choice) {
        let subscription = self.subscription.as_mut();
        if subscription.is_some_and(|it| it.choose(&choice).is_err()) {
            self.subscription = None;
        }
        self.choice = choice;
    }

    /// Prints what comes. Events from before `since_ms` were in the files already. `write` gets the
    /// output and says whether to go on.
    pub(crate) fn follow(
        mut self,
        printer: &mut Printer,
        since_ms: u64,
        mut write: impl FnMut(Output) -> bool,
    ) {
        while let Wait::Go = self.wait() {
            if !self.fill() {
                continue;
            }
            let mut output = Output::default();
            let now_ms = u64::try_from(screen::now_ms()).unwrap_or(0);
            while let Some(event) = self.next_event() {
                let at = event.payload.get("at").and_then(Value::as_u64);
                if at.is_none_or(|at| at >= since_ms) {
                    printer.print(&event.topic, &event.payload, now_ms, &mut output);
                }
            }
            if !write(output) {
                return;
            }
        }
    }

    fn wait(&self) -> Wait {
        let stdout = io::stdout();
        let mut fds = vec![PollFd::new(&stdout, PollFlags::empty())];
        let mut timeout = None;
        match &self.subscription {
            Some(subscription) => fds.push(PollFd::new(subscription, PollFlags::IN)),
            None => {
                timeout = Some(Timespec {
                    tv_sec: 0,
                    tv_nsec: RETRY_MS * 1_000_000,
                });
            }
        }
        // An interrupted wait is a wait that ended early.
        let ended = poll(&mut fds, timeout.as_ref()).is_ok();
        let gone = PollFlags::ERR | PollFlags::NVAL;
        if ended && fds[0].revents().intersects(gone) {
            Wait::Over
        } else {
            Wait::Go
        }
    }

    /// Reads once, or connects once. Whether there may be something new.
    fn fill(&mut self) -> bool {
        let Some(subscription) = &mut self.subscription else {
            self.subscription = Subscription::connect(&self.socket, &self.choice).ok();
            return false;
        };
        let goes_on = subscription.receive().is_ok();
        if !goes_on {
            self.subscription = None;
        }
        goes_on
    }

    /// The next whole event. A daemon that sends nonsense lengths is left and called again.
    fn next_event(&mut self) -> Option<Event> {
        let next = self.subscription.as_mut()?.buffered();
        if next.is_err() {
            self.subscription = None;
        }
        next.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
