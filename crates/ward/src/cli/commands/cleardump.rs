//! `cleardump`: empties the saved list. The previous list stays as the backup.

use ward_home::dump;

use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Writes `[]`. No daemon is needed.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    invocation.paths.make()?;
    dump::write(&invocation.paths, &[], true).map_err(|error| super::save::failure(&error))?;
    invocation.console.say(format!(
        "Successfully created {}",
        invocation.paths.dump.display()
    ));
    Ok(())
}
