//! `save`: writes the list to `dump.pm2`.

use std::env;

use serde_json::json;
use ward_home::dump::{self, Entry, StoreError};

use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::exit::Failure;

/// Saves every instance. An empty list is no failure.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let console = &invocation.console;
    console.say("Saving current process list...");
    let entries = entries(&mut client)?;
    let force = invocation.is_set("force") || env::var_os("FORCE").is_some();
    if entries.is_empty() && !force {
        console.warn("PM2 is not managing any process, skipping save...");
        console.warn("To force saving use: pm2 save --force");
        if invocation.paths.dump.exists() {
            return Ok(());
        }
    }
    match dump::write(&invocation.paths, &entries, force) {
        Ok(()) if entries.is_empty() && !force => Ok(()),
        Ok(()) => {
            console.say(format!(
                "Successfully saved in {}",
                invocation.paths.dump.display()
            ));
            Ok(())
        }
        Err(error) => Err(failure(&error)),
    }
}

/// A list that could not be written or read.
pub(super) fn failure(error: &StoreError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        StoreError::WouldEmpty => failure.with_hint("use --force to save an empty list"),
        StoreError::Write { .. } => failure.with_hint("the list saved before is untouched"),
        StoreError::Read { .. } => failure,
    }
}

fn entries(client: &mut Client) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for record in client.records()? {
        // An instance that was deleted in between has no declaration; its record is enough.
        let spec = client.call("ward:spec", &[json!({"id": record["pm_id"]})]);
        entries.extend(dump::entry(&record, spec.ok().as_ref()));
    }
    Ok(entries)
}
