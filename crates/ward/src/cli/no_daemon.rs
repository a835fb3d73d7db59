//! `--no-daemon`: this process is the daemon, runs the command itself, and shows the logs until a
//! signal ends it. If a daemon runs already, the command uses that one and shows its logs.

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

/// The exit code of a command that failed in its thread; 0 if none has failed.
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
        thread::spawn(move || run_command(&own, command));
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

/// Ends this process by the signal once the apps are stopped, as any program in the foreground
/// would end, so that shells and supervisors see it.
fn end_by(signal: Signal) -> Failure {
    let own = rustix::process::getpid();
    // As the first process of a container this one survives; then the exit code names the signal.
    if signal::restore_default(signal).is_ok() {
        rustix::process::kill_process(own, signal).ok();
    }
    Failure {
        code: u8::try_from(128 + signal.as_raw()).unwrap_or(1),
        ..Failure::said()
    }
}

/// Runs the command against the daemon in this process.
fn run_command(invocation: &Invocation, command: fn(&Invocation) -> Result<(), Failure>) {
    let console = &invocation.console;
    if let Err(failure) = command(invocation) {
        super::report(console, &failure);
        FAILED.store(failure.code, Ordering::Release);
        end_daemon(invocation);
        return;
    }
    console.say("[--no-daemon] Continue to stream logs");
    console.say(format!(
        "[--no-daemon] Exit on target PM2 exit pid={}",
        process::id()
    ));
    logs::follow_all(invocation);
    // The reader has closed the logs; the apps run on.
}

/// Ends the daemon after a command that failed.
fn end_daemon(invocation: &Invocation) {
    let client = Client::connect_existing(&invocation.paths);
    if let Ok(Some(mut client)) = client {
        // If the call fails, the daemon has ended already.
        client.call("ward:shutdown", &[json!({})]).ok();
    }
}
