//! One file per command, of the command's name. Each has a function `run`, to which the table of
//! commands points.

pub(crate) mod act;
pub(crate) mod attach;
pub(crate) mod change;
pub(crate) mod cleardump;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod flush;
pub(crate) mod fork_mode;
pub(crate) mod help;
pub(crate) mod id;
pub(crate) mod jlist;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod pause;
pub(crate) mod pid;
pub(crate) mod ping;
pub(crate) mod prettylist;
pub(crate) mod reload;
pub(crate) mod reload_logs;
pub(crate) mod report;
pub(crate) mod reset;
pub(crate) mod restart;
pub(crate) mod resurrect;
pub(crate) mod save;
pub(crate) mod scale;
pub(crate) mod send;
pub(crate) mod send_signal;
pub(crate) mod slist;
pub(crate) mod start;
pub(crate) mod start_or_reload;
pub(crate) mod start_or_restart;
pub(crate) mod stop;
pub(crate) mod trigger;
pub(crate) mod version;

use core::time::Duration;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::args::Invocation;
use super::client::Client;
use crate::exit::Failure;

/// Connects to the daemon, starting it if there is none. `--timeout` sets the deadline of each
/// call.
pub(crate) fn connect(invocation: &Invocation) -> Result<Client, Failure> {
    let mut client = Client::connect_or_start(&invocation.paths)?;
    if let Some(patience) = invocation.timeout() {
        client.set_patience(patience);
    }
    if client.has_started_daemon() && std::env::var_os("PM2_DISCRETE_MODE").is_none() {
        let home = invocation.paths.home.display();
        let console = &invocation.console;
        console.notice(format!("Spawning PM2 daemon with pm2_home={home}"));
        console.notice("PM2 Successfully daemonized");
    }
    Ok(client)
}

/// The working directory of the command.
pub(crate) fn cwd() -> Result<PathBuf, Failure> {
    let folder = std::env::current_dir()
        .map_err(|error| Failure::new(format!("cannot read the current directory: {error}")))?;
    if folder.to_str().is_none() {
        let shown = folder.to_string_lossy();
        return Err(Failure::new(format!(
            "cannot work in {:?}: its path is not UTF-8, and the records of apps hold text only",
            ward_wire::text::printable(&shown)
        )));
    }
    Ok(folder)
}

/// Ends a command that starts apps: prints the list, or with `--attach` the logs.
fn finish(invocation: &Invocation, client: &mut Client, ids: &[u32]) -> Result<(), Failure> {
    list::print_after(client, invocation)?;
    if invocation.is_set("attach") {
        let shown: Vec<String> = ids.iter().map(u32::to_string).collect();
        invocation.console.notice(format!(
            "Log streaming apps id: {}, exit with Ctrl-C",
            shown.join(" ")
        ));
        logs::attach(invocation, ids);
    }
    Ok(())
}

/// Sets the daemon's own deadline a little before the client's, so that the daemon reports which
/// apps did not get ready.
fn set_deadline(request: &mut Map<String, Value>, client: &Client) {
    let limit = client.patience().saturating_sub(Duration::from_millis(250));
    let limit = limit.max(client.patience() / 2);
    let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    request.insert("deadline_ms".to_owned(), json!(milliseconds));
}
