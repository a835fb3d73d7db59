//! `doctor`: looks at the home, the saved list, the daemon and its apps, and says what is wrong and what
//! mends it. It changes nothing and starts no daemon.

use serde_json::json;
use ward_wire::text::printable;

use crate::cli::args::Invocation;
use crate::cli::doctor::{self, Level, Report};
use crate::cli::out::json::to_terminal;
use crate::exit::Failure;

/// Prints facts and findings. Problems, other than notes, are a failure.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let report = doctor::examine(invocation, invocation.is_set("security"));
    if invocation.is_set("json") {
        invocation
            .console
            .data(to_terminal(&as_json(&report)) + "\n");
    } else {
        invocation.console.line(as_text(&report));
    }
    if report.has_problems() {
        return Err(Failure::said());
    }
    Ok(())
}

fn as_json(report: &Report) -> serde_json::Value {
    let facts: serde_json::Map<_, _> = report
        .facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({ "level": finding.level.word(), "text": finding.text, "mend": finding.mend })
        })
        .collect();
    json!({ "ok": !report.has_problems(), "facts": facts, "findings": findings })
}

fn as_text(report: &Report) -> String {
    let mut lines: Vec<String> = report
        .facts
        .iter()
        .map(|(name, value)| format!("{name}: {}", printable(value)))
        .collect();
    for level in [Level::Problem, Level::Note] {
        for finding in report
            .findings
            .iter()
            .filter(|finding| finding.level == level)
        {
            lines.push(String::new());
            lines.push(format!("{}: {}", level.word(), printable(&finding.text)));
            let mend = finding.mend.as_deref();
            lines.extend(mend.map(|mend| format!("  {}", printable(mend))));
        }
    }
    lines.push(String::new());
    lines.push(match report.count(Level::Problem) {
        0 => "No problem was found.".to_owned(),
        1 => "1 problem was found.".to_owned(),
        count => format!("{count} problems were found."),
    });
    lines.join("\n")
}
