//! Variables that look like secrets, in files that others can read. Names only: a value is never shown.

use std::path::PathBuf;

use serde_json::Value;
use ward_home::dump::Entry;

use super::Report;
use super::access::is_public;

/// Parts of names that secrets have, in capitals.
const PARTS: [&str; 11] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "DATABASE_URL",
];

/// The most names that are shown of one file.
const SHOWN: usize = 10;

/// Whether a variable of this name mostly holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    PARTS.iter().any(|part| name.contains(part)) || name.ends_with("_KEY")
}

/// Files of saved apps that every user can read.
pub(super) fn examine(report: &mut Report, saved: &[(PathBuf, Vec<Entry>)]) {
    for (file, entries) in saved.iter().filter(|(file, _)| is_public(file)) {
        let names: Vec<String> = entries.iter().flat_map(secrets).collect();
        let shown = file.display();
        let text = if names.is_empty() {
            format!(
                "every user can read {shown}, in which the environment of the saved apps stands"
            )
        } else {
            let more = names.len().saturating_sub(SHOWN);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let list = names.get(..SHOWN).unwrap_or(&names).join(", ");
            format!("every user can read {shown}, which has what looks like secrets: {list}{more}")
        };
        report.problem(text, format!("chmod go-rwx {shown}"));
    }
}

/// `NAME of app`, each once.
fn secrets(entry: &Entry) -> Vec<String> {
    let app = entry
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let layers = entry.get("ward").and_then(Value::as_object);
    let layers = layers.into_iter().flatten().map(|(_, layer)| layer);
    let mut names: Vec<String> = entry
        .get("env")
        .into_iter()
        .chain(layers)
        .filter_map(Value::as_object)
        .flatten()
        .filter(|(name, value)| is_secret(name) && !value.is_null())
        .map(|(name, _)| format!("{name} of {app}"))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "DB_PASSWORD",
            "stripe_secret",
            "NPM_TOKEN",
            "AWS_ACCESS_KEY_ID",
            "SIGNING_KEY",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "PORT", "KEYBOARD", "NODE_ENV", "MONKEY"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn each_name_is_there_once_and_no_value() {
        let Value::Object(entry) = json!({"name": "api", "env": {"A_TOKEN": "hunter2", "B": "1"},
            "ward": {"captured": {"A_TOKEN": "hunter2"}, "declared": {"X_KEY": "k"}, "variables": []}})
        else {
            unreachable!("an object was written")
        };
        assert_eq!(secrets(&entry), ["A_TOKEN of api", "X_KEY of api"]);
    }
}
