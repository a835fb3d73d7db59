//! `describe <name|id>`: prints everything about the matching apps.

use std::env;

use crate::cli::args::Invocation;
use crate::cli::out::color::Paint;
use crate::cli::out::describe::{self, DescribeOptions};
use crate::cli::out::record::Record;
use crate::cli::out::screen;
use crate::exit::Failure;

/// Prints one group of blocks per match.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let wanted = invocation.target().unwrap_or_default();
    let records = super::connect(invocation)?.records()?;
    let local: Vec<(String, String)> = env::vars_os()
        .map(|(key, value)| {
            let key = key.to_string_lossy().into_owned();
            (key, value.to_string_lossy().into_owned())
        })
        .collect();
    let options = DescribeOptions {
        paint: Paint {
            on: invocation.console.color(),
        },
        terminal: screen::columns(),
        now_ms: screen::now_ms(),
        program: &invocation.program,
        local: &local,
    };
    let texts: Vec<String> = records
        .iter()
        .filter(|value| {
            let record = Record::new(value);
            record.name() == wanted || record.id().to_string() == wanted
        })
        .map(|value| describe::render(value, &options))
        .collect();
    if texts.is_empty() {
        invocation
            .console
            .warn_aside(format!("{wanted} doesn't exist"));
        return Err(Failure::said());
    }
    let text = texts.concat();
    invocation
        .console
        .line(text.strip_suffix('\n').unwrap_or(&text));
    Ok(())
}
