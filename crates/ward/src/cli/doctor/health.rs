//! Whether daemon, saved list and apps are well.

use serde_json::Value;
use ward_home::{Paths, dump, file};

use super::Report;
use crate::cli::out::record::Record;

/// Looks at what would fail or has failed.
pub(super) fn examine(report: &mut Report, paths: &Paths, records: Option<&[Value]>) {
    match file::read(&paths.dump, file::LARGEST_DUMP) {
        Err(error) if error.is_missing() => report.fact("saved apps", "none"),
        Err(error) => {
            let text = format!(
                "the saved list {} cannot be read: {error}",
                paths.dump.display()
            );
            report.problem(text, "ward save --force".to_owned());
        }
        Ok(text) => match dump::decode(&text) {
            Ok(entries) => report.fact("saved apps", entries.len().to_string()),
            Err(error) => {
                let path = paths.dump.display();
                let text = format!("the saved list {path} is broken: {error}");
                report.problem(
                    text,
                    "ward resurrect takes the backup; ward save replaces it".to_owned(),
                );
            }
        },
    }
    for record in records.into_iter().flatten().map(Record::new) {
        if record.status() == "errored" {
            let reason = record
                .shown("failure")
                .unwrap_or_else(|| "see its logs".to_owned());
            let text = format!("{} does not run: {reason}", record.name());
            report.problem(text, format!("ward describe {}", record.id()));
        }
    }
}
