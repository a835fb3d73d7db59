//! `delete`: stops apps and removes them from the list.

use super::act::{self, Action, Extras};
use super::start::file;
use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Deletes each target, one after the other; the first that fails ends the command.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    for target in &invocation.targets {
        if file::is_meant(&mut client, target)? {
            file::run(invocation, &mut client, Action::Delete, target)?;
        } else {
            act::on_word(
                invocation,
                &mut client,
                Action::Delete,
                target,
                &Extras::new(),
            )?;
        }
    }
    super::list::print_after(&mut client, invocation)
}
