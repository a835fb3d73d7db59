//! A case: a folder with a config file, and what is done with it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the cases and the apps are.
pub(super) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/parity")
}

/// What is done with the files of one folder.
pub(super) struct Case {
    /// `group/case`.
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    /// `@ids-vary`: PM2 starts two apps at a time, so several instances of each get ids as it happens.
    pub(super) ids_vary: bool,
}

/// One line of `steps`.
pub(super) enum Step {
    /// A command line for bash.
    Command(String),
    /// All instances of this name have this status.
    Status(String, String),
    /// This log file contains this text.
    Log(String, String),
    /// Apps of this name tell nothing of themselves.
    Silent(String),
}

impl Case {
    /// All cases of a group, in the order of their names.
    pub(super) fn all(group: &str) -> Vec<Self> {
        let mut names = names_in(&source().join("cases").join(group));
        names.retain(|name| name != "common");
        let cases = names.iter().map(|name| Self::read(group, name));
        cases.collect()
    }

    fn read(group: &str, name: &str) -> Self {
        let folder = source().join("cases").join(group).join(name);
        let steps = fs::read_to_string(folder.join("steps"))
            .unwrap_or_else(|_| format!("pm2 start {}", config_in(&folder)));
        let lines = steps.lines().filter(|line| !line.is_empty());
        Self {
            name: format!("{group}/{name}"),
            ids_vary: steps.contains("@ids-vary"),
            steps: lines.filter_map(Step::read).collect(),
        }
    }

    /// Makes the working directory of the case.
    pub(super) fn unpack(&self, to: &Path) {
        let group = Path::new(&self.name).parent().expect("a group");
        let cases = source().join("cases");
        for from in [
            source().join("apps"),
            cases.join(group).join("common"),
            cases.join(&self.name),
        ] {
            if from.is_dir() {
                copy(&from, to);
            }
        }
    }
}

impl Step {
    /// None for a comment.
    fn read(line: &str) -> Option<Self> {
        if line.starts_with('#') || line == "@ids-vary" {
            return None;
        }
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        Some(match word().as_str() {
            "@status" => Self::Status(word(), word()),
            "@log" => Self::Log(word(), word()),
            "@silent" => Self::Silent(word()),
            wait if wait.starts_with('@') => panic!("no such wait: {wait}"),
            _ => Self::Command(line.to_owned()),
        })
    }
}

/// The one file in a folder that is a config file.
fn config_in(folder: &Path) -> String {
    let mut names = names_in(folder);
    names.retain(|name| name.starts_with("ecosystem") || name.contains(".config."));
    assert_eq!(names.len(), 1, "one config file in {}", folder.display());
    names.remove(0)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder of the corpus");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("a name in UTF-8"))
        .collect();
    names.sort();
    names
}

/// Copies a folder; modes and links stay as they are.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for name in names_in(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a file");
        }
    }
}
