//! `help`: the same as `--help`.

use crate::cli::args::{Invocation, commands};
use crate::cli::help;
use crate::exit::Failure;

/// Prints the help of a command, or of all commands.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let Some(name) = invocation.target() else {
        help::print_all(invocation);
        return Ok(());
    };
    let Some(command) = commands::find(name) else {
        help::suggest(invocation, name);
        return Err(Failure::new(format!("no command is called {name}")));
    };
    help::print_command(invocation, command);
    Ok(())
}
