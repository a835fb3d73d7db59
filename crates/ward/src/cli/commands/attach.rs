//! `attach`: sends the lines of this terminal to an app and prints the output of the app.

use std::io::{self, BufRead};
use std::thread;

use ward_wire::bus::{AppName, Choice};

use super::send;
use crate::cli::args::Invocation;
use crate::cli::client::Subscription;
use crate::cli::select::{self, Candidate};
use crate::exit::Failure;

/// Runs until the input ends or Ctrl-C ends the command.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let id = invocation.target().unwrap_or_default();
    let console = &invocation.console;
    if !select::is_number(id) {
        console.aside("pm_id must be a process number (not a process name)");
        return Err(Failure::said());
    }
    let mut client = super::connect(invocation)?;
    let known = Candidate::from_records(&client.summaries()?);
    if !known.iter().any(|candidate| id.parse() == Ok(candidate.id)) {
        return Err(unknown(id));
    }
    let followed: u32 = id.parse().map_err(|_| unknown(id))?;
    let choice = Choice {
        topics: vec!["log:*".to_owned()],
        apps: vec![AppName::Id(followed)],
        ..Choice::default()
    };
    let subscription = Subscription::open(&invocation.paths, &choice)?;
    let output = console.clone();
    // The process ends when the input does; nothing waits for this thread.
    thread::spawn(move || {
        for event in subscription {
            let ours = event.payload["process"]["pm_id"] == followed;
            if ours && matches!(event.topic.as_str(), "log:out" | "log:err") {
                output.data(event.payload["data"].as_str().unwrap_or_default());
            }
        }
    });
    let separator = invocation.targets.get(1).map_or("\n", String::as_str);
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::new(format!("cannot read the input: {error}")))?;
        send::line_to(&mut client, id, &format!("{line}{separator}"))?;
    }
    Ok(())
}

fn unknown(id: &str) -> Failure {
    Failure::new(format!("Process with ID <{id}> unknown."))
}
