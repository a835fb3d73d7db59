//! `restart`: stop and start again, with the options given here applied first.

use super::act::{self, Action};
use super::{change, start};
use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Restarts each target, one after the other; the first that fails ends the command.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    for target in &invocation.targets {
        if start::file::is_meant(&mut client, target)? {
            start::file::run(invocation, &mut client, Action::Restart, target)?;
            continue;
        }
        change::refuse_env_without_file(invocation)?;
        change::announce(invocation);
        let extras = change::of(invocation, true)?;
        act::on_word(invocation, &mut client, Action::Restart, target, &extras)?;
    }
    super::list::print_after(&mut client, invocation)
}
