//! `logs`.

use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Not there yet.
pub(crate) fn run(_invocation: &Invocation) -> Result<(), Failure> {
    Err(Failure::new("not there yet"))
}
