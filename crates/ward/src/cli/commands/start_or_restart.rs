//! `startOrRestart`: starts the apps of a config file and restarts those that run.

use super::act::Action;
use super::start::file;
use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Starts or restarts the apps of the file.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let target = invocation.target().unwrap_or_default();
    file::run(invocation, &mut client, Action::Restart, target)?;
    super::list::print_after(&mut client, invocation)
}
