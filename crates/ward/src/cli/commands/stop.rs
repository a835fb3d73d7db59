//! `stop`: the apps end and stay in the list.

use super::act::{self, Action, Extras};
use super::start::file;
use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::exit::Failure;

/// Stops each target, one after the other; the first that fails ends the command.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    for target in &invocation.targets {
        if file::is_meant(&mut client, target)? {
            file::run(invocation, &mut client, Action::Stop, target)?;
        } else {
            let none = Extras::new();
            let ids = act::on_word(invocation, &mut client, Action::Stop, target, &none)?;
            warn_of_cron(invocation, &mut client, &ids)?;
        }
    }
    super::list::print_after(&mut client, invocation)
}

/// Warns that a planned restart (`--cron`) also starts a stopped app.
fn warn_of_cron(invocation: &Invocation, client: &mut Client, ids: &[u32]) -> Result<(), Failure> {
    let mut warned = Vec::new();
    for record in client.summaries()? {
        let env = &record["pm2_env"];
        let stopped = ids.iter().any(|id| record["pm_id"] == *id);
        let (Some(pattern), Some(name)) = (env["cron_restart"].as_str(), env["name"].as_str())
        else {
            continue;
        };
        if stopped && pattern != "0" && !warned.contains(&name.to_owned()) {
            warned.push(name.to_owned());
            invocation.console.warn(format!(
                "App {name} stopped but CRON RESTART is still UP {pattern}"
            ));
        }
    }
    Ok(())
}
