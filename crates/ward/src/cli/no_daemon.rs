//! `--no-daemon`: this process is the daemon, does the command itself, and shows the logs until it
//! is told to end. When a daemon runs already, its logs are shown.

use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use serde_json::json;
use ward_daemon::DaemonError;
use ward_sys::signal::{self, Signal};

use super::args::Invocation;
use super::client::Client;
use super::commands::logs;
use crate::exit::Failure;

/// Exit code of a command that failed in its thread; 0 while none has.
static FAILED: AtomicU8 = AtomicU8::new(0);

/// Runs `command` with the daemon in the foreground.
pub(super) fn run(
    invocation: &Invocation,
    command: fn(&Invocation) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let console = &invocation.console;
    if Client::connect_existing(&invocation.paths)?.is_some() {
        command(invocation)?;
        console.say("[--no-daemon] Continue to stream logs");
        logs::follow_all(invocation);
        return Ok(());
    }
    console.line(format!(
        "{} launched in no-daemon mode (end it with Ctrl-C or SIGTERM)",
        invocation.program
    ));
    let own = invocation.clone();
    let signal = ward_daemon::foreground(&invocation.paths, move || {
        thread::spawn(move || work(&own, command));
    });
    let signal = signal.map_err(|error| match error {
        DaemonError::Home(error) => error.into(),
        other => Failure::new(other.to_string()),
    })?;
    match FAILED.load(Ordering::Acquire) {
        0 => signal.map_or(Ok(()), |signal| Err(end_by(signal))),
        code => Err(Failure {
            code,
            ..Failure::said()
        }),
    }
}

/// The apps are stopped; now the signal does what it does to any program in the foreground, so that
/// shells and supervisors see it.
fn end_by(signal: Signal) -> Failure {
    let own = rustix::process::getpid();
    // The first process of a container survives this; its exit code says the same.
    if signal::restore_default(signal).is_ok() {
        rustix::process::kill_process(own, signal).ok();
    }
    Failure {
        code: u8::try_from(128 + signal.as_raw()).unwrap_or(1),
        ..Failure::said()
    }
}

/// The command, against the daemon in this very process.
fn work(invocation: &Invocation, command: fn(&Invocation) -> Result<(), Failure>) {
    let console = &invocation.console;
    if let Err(failure) = command(invocation) {
        super::report(console, &failure);
        FAILED.store(failure.code, Ordering::Release);
        end(invocation);
        return;
    }
    console.say("[--no-daemon] Continue to stream logs");
    console.say(format!(
        "[--no-daemon] Exit on target PM2 exit pid={}",
        process::id()
    ));
    logs::follow_all(invocation);
    // The reader of the logs is gone; the apps are not.
}

/// A command that failed leaves nothing behind.
fn end(invocation: &Invocation) {
    let client = Client::connect_existing(&invocation.paths);
    if let Ok(Some(mut client)) = client {
        // Without an answer there is nobody left to end.
        client.call("ward:shutdown", &[json!({})]).ok();
    }
}
