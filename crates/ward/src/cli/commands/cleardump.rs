//! `cleardump`: an empty saved list. The list before it stays as the backup.

use crate::cli::args::Invocation;
use crate::cli::store;
use crate::daemon::launch;
use crate::exit::Failure;

/// Writes `[]`. No daemon is needed.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    launch::make_home(&invocation.paths)?;
    store::write(&invocation.paths, &[], true).map_err(|error| super::save::failure(&error))?;
    invocation.console.say(format!(
        "Successfully created {}",
        invocation.paths.dump.display()
    ));
    Ok(())
}
