//! The daemon: turns the world into events for the core and performs its actions.

mod handle;
mod held_replies;
mod home;
mod jobs;
mod launches;
mod lists;
mod messages;
mod meter;
mod methods;
mod node_versions;
mod notices;
mod origin;
mod parts;
mod pending;
mod perform;
mod pid_files;
mod processes;
mod questions;
mod refusals;
mod replies;
mod reports;
mod rpc;
mod run;
mod sampling;
pub(crate) mod settings;
mod shutdown;
mod sources;
mod told;
mod watched;
mod workers;

use std::cell::Cell;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{OwnedFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::task::LocalSet;
use ward_home::{HomeError, Paths, READY};
use ward_sys::daemonize::{LOCK_VARIABLE, READY_VARIABLE, Ready};
use ward_sys::lock::Lock;
use ward_sys::signal::Signal;
use ward_sys::{fdpass, reap, signal};

use self::home::HeldHome;

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The home folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Another daemon holds the lock of the home.
    #[error("a daemon runs already for this home")]
    Running,
    /// A step of the start failed, or the event loop did.
    #[error("cannot {step}: {source}")]
    Step {
        /// What failed; completes "cannot …".
        step: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Descriptors there is room for from the beginning: about 150 apps have so many.
const ROOM: i32 = 1024;

fn failed(step: impl Into<String>) -> impl FnOnce(io::Error) -> DaemonError {
    let step = step.into();
    move |source| DaemonError::Step { step, source }
}

/// Runs the daemon in this process until it is told to end, and tells whoever started it how the
/// start went.
pub fn main(paths: &Paths) -> ExitCode {
    origin::leave_app();
    let ready = fd_in(READY_VARIABLE).and_then(|number| Ready::take(number).ok());
    let client = fd_in("NODE_CHANNEL_FD").and_then(|number| fdpass::inherit(number).ok());
    let lock = fd_in(LOCK_VARIABLE).and_then(|number| fdpass::inherit(number).ok());
    // Whoever started us may be gone already; that changes nothing.
    let ready = Cell::new(ready);
    let say = |word: &str| ready.take().map(|ready| ready.say(word).ok());
    let served = serve(paths, lock.map(Lock::adopt), || {
        say(READY);
        client.map(|client| greet(client).ok());
    });
    match served {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.to_string());
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Runs the daemon in the foreground (`--no-daemon`), and says which signal ended it, if it was one.
/// `ready` is called when it accepts.
///
/// # Errors
///
/// The home cannot be used or has a daemon, or the event loop cannot start.
pub fn foreground(paths: &Paths, ready: impl FnOnce()) -> Result<Option<Signal>, DaemonError> {
    serve(paths, None, ready)
}

fn serve(
    paths: &Paths,
    lock: Option<Lock>,
    ready: impl FnOnce(),
) -> Result<Option<Signal>, DaemonError> {
    signal::ignore_meaningless();
    ward_sys::limits::keep_little_memory();
    // Later is slower, no more.
    ward_sys::limits::make_room_for_descriptors(ROOM).ok();
    // What is written here is for the user alone; apps get the usual mask back.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    reap::become_subreaper().map_err(failed("become a sub-reaper"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // For large requests: nested JSON is the deepest it goes. Without any, there is no thread.
        .max_blocking_threads(2)
        .thread_stack_size(1024 * 1024)
        .thread_keep_alive(Duration::from_millis(500))
        .build();
    let runtime = runtime.map_err(failed("start the event loop"))?;
    LocalSet::new().block_on(&runtime, async {
        let held = HeldHome::take(paths, lock)?;
        run::run(paths.clone(), held, ready)
            .await
            .map_err(failed("run"))
    })
}

/// A descriptor number from the environment.
fn fd_in(variable: &str) -> Option<RawFd> {
    env::var(variable)
        .ok()?
        .parse()
        .ok()
        .filter(|number| *number > 2)
}

/// The line PM2's JavaScript client waits for when ward stands in the place of its daemon program.
fn greet(client: OwnedFd) -> io::Result<()> {
    let line = json!({
        "online": true, "success": true, "pid": std::process::id(), "pm2_version": ward_home::PM2_VERSION,
    });
    writeln!(fs::File::from(client), "{line}")
}

/// To standard error, which is the daemon's log.
#[expect(
    clippy::print_stderr,
    reason = "the daemon's last words, its log thread is gone"
)]
fn complain(failure: &DaemonError) {
    eprintln!("ward daemon: {failure}");
}
