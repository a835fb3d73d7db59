//! Selects the instances that an argument names: pure functions over the records of the daemon. The
//! order of the rules is PM2's, and scripts depend on it.

use std::path::{Component, Path, PathBuf};

use regress::Regex;
use serde_json::Value;

/// The fields of a record that selection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// PM2's `pm_id`, the id of the instance.
    pub(crate) id: u32,
    /// The shown name.
    pub(crate) name: String,
    /// The namespace.
    pub(crate) namespace: String,
    /// The absolute path of the script.
    pub(crate) script: String,
    /// The working directory.
    pub(crate) cwd: PathBuf,
    /// PM2's word for the state.
    pub(crate) status: String,
    /// Whether it is an installed module, which `all` does not include.
    pub(crate) module: bool,
}

impl Candidate {
    /// Reads a record of `getMonitorData`; `None` for the outgoing worker of a reload, whose id is
    /// not a number.
    pub(crate) fn from_record(record: &Value) -> Option<Self> {
        let env = &record["pm2_env"];
        let text = |key: &str| env[key].as_str().unwrap_or_default().to_owned();
        Some(Self {
            id: u32::try_from(record["pm_id"].as_u64()?).ok()?,
            // The name beside `pm2_env` is what the app calls itself, which selects nothing.
            name: env["name"]
                .as_str()
                .or_else(|| record["name"].as_str())
                .unwrap_or_default()
                .to_owned(),
            namespace: env["namespace"].as_str().unwrap_or("default").to_owned(),
            script: text("pm_exec_path"),
            cwd: text("pm_cwd").into(),
            status: text("status"),
            module: env["pmx_module"].as_bool().unwrap_or(false),
        })
    }

    /// All records that can be selected, in the order of the daemon.
    pub(crate) fn from_records(records: &[Value]) -> Vec<Self> {
        records.iter().filter_map(Self::from_record).collect()
    }
}

/// The result of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The instances, in the order of the daemon.
    pub(crate) ids: Vec<u32>,
    /// Whether the user typed an id, which PM2 then shows in quotes.
    pub(crate) typed_id: bool,
}

/// Why an argument selects nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// `all` with an empty list, or a pattern without a match.
    Nothing,
    /// A name that is neither name, script nor namespace.
    Name(String),
    /// A number that is neither name, namespace nor id.
    Id(String),
    /// An invalid pattern.
    Pattern(String),
}

/// Resolves one argument. With `modules`, `all` includes modules.
pub(crate) fn select(
    candidates: &[Candidate],
    word: &str,
    cwd: &Path,
    modules: bool,
) -> Result<Selection, NotFound> {
    let ids = |wanted: &dyn Fn(&Candidate) -> bool| -> Vec<u32> {
        candidates
            .iter()
            .filter(|candidate| wanted(candidate))
            .map(|candidate| candidate.id)
            .collect()
    };
    if word == "all" {
        let all = ids(&|candidate| modules || !candidate.module);
        return found(all, NotFound::Nothing);
    }
    if let Some(pattern) = pattern(word) {
        let regex = Regex::new(&pattern).map_err(|error| NotFound::Pattern(error.to_string()))?;
        let matching = ids(&|candidate| regex.find(&candidate.name).is_some());
        return found(matching, NotFound::Nothing);
    }
    let numeric = is_number(word);
    let script = resolve(cwd, word);
    let by_name = ids(&|candidate| {
        candidate.name == word || (!numeric && Path::new(&candidate.script) == script)
    });
    if !by_name.is_empty() {
        return found(by_name, NotFound::Nothing);
    }
    let by_namespace = ids(&|candidate| candidate.namespace == word);
    if !by_namespace.is_empty() {
        return found(by_namespace, NotFound::Nothing);
    }
    if !numeric {
        return Err(NotFound::Name(word.to_owned()));
    }
    let by_id = ids(&|candidate| word == candidate.id.to_string());
    found(by_id, NotFound::Id(word.to_owned())).map(|selection| Selection {
        typed_id: true,
        ..selection
    })
}

fn found(ids: Vec<u32>, otherwise: NotFound) -> Result<Selection, NotFound> {
    if ids.is_empty() {
        return Err(otherwise);
    }
    Ok(Selection {
        ids,
        typed_id: false,
    })
}

/// `/regex/` in JavaScript's notation: every slash in the word is dropped, as PM2 does.
pub(crate) fn pattern(word: &str) -> Option<String> {
    let slashed = word.len() > 2 && word.starts_with('/') && word.ends_with('/');
    slashed.then(|| word.replace('/', ""))
}

/// Whether an argument is a number and could therefore be an id.
pub(crate) fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// An absolute path without `.` and `..`, as node's `path.resolve` gives it.
pub(crate) fn resolve(cwd: &Path, word: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for component in cwd.join(word).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

#[cfg(test)]
mod tests;
