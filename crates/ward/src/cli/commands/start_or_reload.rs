//! `startOrReload`, also called `startOrGracefulReload`: starts the apps of a config file and
//! reloads those that run.

use super::act::Action;
use super::reload::Lock;
use super::start::file;
use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Starts or reloads the apps of the file.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let _lock = Lock::take(invocation)?;
    let target = invocation.target().unwrap_or_default();
    file::run(invocation, &mut client, Action::Reload, target)?;
    super::list::print_after(&mut client, invocation)
}
