//! What a daemon does whose home was deleted, renamed or emptied. Its apps run on. It makes the home
//! anew in the same place, so that the next command finds this daemon and starts no second one; if
//! there is another one already, it says so, stays out of its files, and tries again.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::UnixListener;
use tokio::task::AbortHandle;

use super::{HeldHome, HomeWatch, Missing, Sockets};
use crate::daemon::DaemonError;
use crate::daemon::rpc;
use crate::daemon::run::Daemon;
use crate::daemon::settings::Settings;

/// How long files are missing before they are made anew: whoever empties the folder deletes it next,
/// and could not if it filled again meanwhile. A folder that is gone is made anew at once.
const SETTLED: Duration = Duration::from_millis(100);

/// The longest pause between two tries, each twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The home, and what is needed to make it anew.
#[derive(Debug)]
pub(in crate::daemon) struct Home {
    held: HeldHome,
    settings: Settings,
    pub(in crate::daemon) watch: Rc<HomeWatch>,
    clients: rpc::Shared,
    /// Takes connections from the socket for requests.
    accepting: AbortHandle,
    /// The new socket for subscribers, until the loop takes it.
    subscribers: Option<UnixListener>,
    lost: Option<Lost>,
    /// What is said when the new log file is open.
    restored: Option<String>,
}

/// A home that is not ours at the moment.
#[derive(Debug)]
struct Lost {
    what: Missing,
    retry_at: Instant,
    pause: Duration,
    /// The reason why it cannot be taken, once it was said.
    said: Option<String>,
}

impl Home {
    /// Accepts requests from now on; the socket for subscribers is the loop's matter.
    pub(in crate::daemon) fn open(
        (held, sockets): (HeldHome, Sockets),
        settings: Settings,
        clients: rpc::Shared,
    ) -> std::io::Result<(Self, UnixListener)> {
        settings.own_sockets(&held.paths)?;
        let accept = rpc::accept(sockets.rpc, clients.clone());
        let home = Self {
            held,
            settings,
            watch: Rc::new(HomeWatch::new()),
            accepting: tokio::task::spawn_local(accept).abort_handle(),
            clients,
            subscribers: None,
            lost: None,
            restored: None,
        };
        Ok((home, sockets.events))
    }

    /// When the home is looked at without being asked to: only while something of it is lost.
    pub(in crate::daemon) fn deadline(&self) -> Option<Instant> {
        self.lost.as_ref().map(|lost| lost.retry_at)
    }

    /// The socket for subscribers, if there is a new one.
    pub(in crate::daemon) fn new_subscribers(&mut self) -> Option<UnixListener> {
        self.subscribers.take()
    }

    /// Removes what of the home ends with the daemon.
    pub(in crate::daemon) fn release(&self) {
        self.held.release();
    }

    /// Uses new sockets. Connections that are open stay.
    fn serve(&mut self, sockets: Sockets) -> std::io::Result<()> {
        self.accepting.abort();
        let accept = rpc::accept(sockets.rpc, self.clients.clone());
        self.accepting = tokio::task::spawn_local(accept).abort_handle();
        self.subscribers = Some(sockets.events);
        self.settings.own_sockets(&self.held.paths)
    }
}

impl Daemon {
    /// Looks at the home for the first time.
    pub(in crate::daemon) fn watch_home(&mut self) {
        if let Err(error) = self.home.watch.look_at(&self.identity.paths.home) {
            let text = format!("cannot notice that the home is deleted: {error}");
            self.planes.say(true, &text);
        }
    }

    /// Something in the home is gone, or another try is due.
    pub(in crate::daemon) fn look_after_home(&mut self, due: bool) {
        if let Some(text) = self.home.restored.take() {
            self.planes.say(true, &text);
        }
        let now = Instant::now();
        let Some(what) = self.home.held.missing() else {
            self.home.lost = None;
            return;
        };
        let settled = due || what == Missing::Folder;
        if self.home.lost.is_none() {
            self.planes.say(true, &self.described(&what));
        }
        let lost = self.home.lost.get_or_insert_with(|| Lost {
            what: what.clone(),
            retry_at: now,
            pause: SETTLED,
            said: None,
        });
        lost.what = what;
        if !due {
            lost.pause = SETTLED;
            lost.retry_at = now + SETTLED;
        }
        if settled && (!due || lost.retry_at <= now) {
            self.restore_home();
        }
    }

    fn described(&self, what: &Missing) -> String {
        match what {
            Missing::Folder => format!(
                "the home {} was deleted or replaced while the daemon ran",
                self.identity.paths.home.display()
            ),
            Missing::File(path) => {
                format!(
                    "{} was deleted or replaced while the daemon ran",
                    path.display()
                )
            }
        }
    }

    fn restore_home(&mut self) {
        let taken = self.home.held.take_again();
        // Watched first: what goes missing from now on is noticed, whoever holds the home.
        self.home.watch.look_at(&self.identity.paths.home).ok();
        match taken.and_then(|sockets| {
            let served = self.home.serve(sockets);
            served.map_err(crate::daemon::failed("give the sockets to their owner"))
        }) {
            Ok(()) => self.home_restored(),
            Err(error) => self.home_stays_lost(&error),
        }
    }

    fn home_restored(&mut self) {
        let lost = self.home.lost.take();
        let what = lost.map(|lost| self.described(&lost.what));
        let text =
            "; its sockets and pid file were made anew, the saved list is as the folder has it";
        self.home.restored = what.map(|what| what + text);
        // The log file may be gone as well: it is said once the new one is open.
        let (reopened, watch) = (self.reopen_logs(), Rc::clone(&self.home.watch));
        tokio::task::spawn_local(async move {
            reopened.await.ok();
            watch.ask();
        });
    }

    fn home_stays_lost(&mut self, error: &DaemonError) {
        let Some(lost) = &mut self.home.lost else {
            return;
        };
        lost.retry_at = Instant::now() + lost.pause;
        lost.pause = (lost.pause * 2).min(LONGEST_PAUSE);
        let text = format!(
            "cannot take the home {} again: {error}; the apps of this daemon, process {}, run on, \
             and it tries again. SIGTERM ends it and them",
            self.identity.paths.home.display(),
            std::process::id()
        );
        if lost.said.as_ref() != Some(&text) {
            lost.said = Some(text.clone());
            self.planes.say(true, &text);
        }
    }
}
