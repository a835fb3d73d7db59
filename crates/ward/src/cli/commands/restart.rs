//! `restart`: stops and starts apps, after applying the options of the command.

use serde_json::Value;

use super::act::{self, Action};
use super::{change, scale, start};
use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::select::Candidate;
use crate::exit::Failure;

/// Restarts each target, one after the other; the first that fails ends the command.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let mut ids = Vec::new();
    for target in &invocation.targets {
        if start::file::is_meant(&mut client, target)? {
            let acted = start::file::run(invocation, &mut client, Action::Restart, target)?;
            ids.extend(acted);
            continue;
        }
        change::refuse_env_without_file(invocation)?;
        change::announce(invocation);
        let extras = change::of(invocation, true)?;
        let acted = act::on_word(invocation, &mut client, Action::Restart, target, &extras)?;
        count(invocation, &mut client, &acted)?;
        ids.extend(acted);
    }
    super::finish(invocation, &mut client, &ids)
}

/// Scales for `restart app -i 4`; PM2 only stores the number.
fn count(invocation: &Invocation, client: &mut Client, ids: &[u32]) -> Result<(), Failure> {
    let stated = invocation.options.get("instances").and_then(Value::as_i64);
    let Some(wanted) = stated.map(scale::processes) else {
        return Ok(());
    };
    let mut candidates = Candidate::from_records(&client.summaries()?);
    candidates.retain(|candidate| ids.contains(&candidate.id));
    candidates.dedup_by(|one, other| one.name == other.name);
    for candidate in candidates {
        scale::scale(invocation, client, &candidate.name, wanted)?;
    }
    Ok(())
}
