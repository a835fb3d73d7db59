//! `startOrRestart`: a config file; what runs is restarted.

use super::act::Action;
use super::start::file;
use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Acts on the file.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let target = invocation.target().unwrap_or_default();
    file::run(invocation, &mut client, Action::Restart, target)?;
    super::list::print_after(&mut client, invocation)
}
