//! `list`, for now as plain lines.

use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::exit::Failure;

/// Prints the list.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    print_after(&mut client, invocation)
}

/// Prints the list at the end of another command.
pub(crate) fn print_after(client: &mut Client, invocation: &Invocation) -> Result<(), Failure> {
    for record in client.records()? {
        invocation.console.line(format!(
            "{} {} {} {}",
            record["pm_id"],
            record["name"].as_str().unwrap_or_default(),
            record["pid"],
            record["pm2_env"]["status"].as_str().unwrap_or_default()
        ));
    }
    Ok(())
}
