//! `sendSignal`: sends a signal to the processes of an app.

use std::path::Path;

use serde_json::json;
use ward_core::signal;
use ward_wire::text::printable;

use crate::cli::args::Invocation;
use crate::cli::select::{self, Candidate};
use crate::exit::Failure;

/// Sends the signal and prints the list.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let [signal, target, ..] = invocation.targets.as_slice() else {
        return Err(Failure::new("sendSignal needs a signal and an app"));
    };
    let console = &invocation.console;
    let mut client = super::connect(invocation)?;
    let records = client.records()?;
    let named = records
        .iter()
        .any(|record| record["name"] == target.as_str());
    let by_id = select::is_number(target) && !named;
    let kind = if by_id { "id" } else { "name" };
    console.say(format!("Sending signal to process {kind} {target}"));
    let Some(signal) = name_of(signal) else {
        if by_id {
            console.aside("Error when sending signal (signal unknown)");
        } else {
            console.aside(format!("Unknown signal: {signal}"));
        }
        return Err(Failure::said());
    };
    let mut requests = Vec::new();
    if by_id {
        requests.push(json!({"signal": signal, "process_id": target}));
    } else if !named {
        let script = select::resolve(&super::cwd()?, target);
        let of_script = Candidate::from_records(&records)
            .into_iter()
            .filter(|candidate| Path::new(&candidate.script) == script);
        requests.extend(of_script.map(|it| json!({"signal": signal, "process_id": it.id})));
    }
    let method = if requests.is_empty() {
        requests.push(json!({"signal": signal, "process_name": target}));
        "sendSignalToProcessName"
    } else {
        "sendSignalToProcessId"
    };
    for request in requests {
        if let Err(error) = client.call(method, &[request]) {
            console.aside(error.to_string());
            return Err(Failure::said());
        }
    }
    console.line(format!(
        "successfully sent signal {signal} to process {kind} {}",
        printable(target)
    ));
    super::list::print_after(&mut client, invocation)
}

/// The full name of a signal given as `SIGUSR2`, `usr2` or `12`.
fn name_of(text: &str) -> Option<String> {
    signal::number(text).map(signal::name)
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, name) in [
            ("SIGUSR2", Some("SIGUSR2")),
            ("USR2", Some("SIGUSR2")),
            ("usr2", Some("SIGUSR2")),
            ("12", Some("SIGUSR2")),
            ("9", Some("SIGKILL")),
            ("SIGFOO", None),
            ("0", None),
        ] {
            assert_eq!(name_of(text).as_deref(), name, "{text}");
        }
    }
}
