//! `start`: starts what each argument names: a config file, an app of the list, a script or a
//! command.

mod batch;
pub(crate) mod declare;
mod extensions;
pub(crate) mod file;
pub(crate) mod script;

use std::path::Path;

use super::act::{self, Action};
use super::change;
use crate::cli::args::{DEFAULT_FILE, Invocation};
use crate::cli::client::Client;
use crate::cli::ecosystem;
use crate::cli::select::{self, Candidate};
use crate::exit::Failure;

/// Starts each target, one after the other; the first that fails ends the command.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let targets = match invocation.targets.as_slice() {
        [] => vec![default_target()?],
        targets => targets.to_vec(),
    };
    let mut ids = Vec::new();
    for target in &targets {
        ids.extend(one(invocation, &mut client, target)?);
    }
    super::finish(invocation, &mut client, &ids)
}

/// The config file of this folder; if there is none, PM2's default name for the error message.
fn default_target() -> Result<String, Failure> {
    let found = ecosystem::default_file(&super::cwd()?);
    let name = found.as_deref().and_then(Path::file_name);
    Ok(name.map_or_else(
        || DEFAULT_FILE.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    ))
}

fn one(invocation: &Invocation, client: &mut Client, target: &str) -> Result<Vec<u32>, Failure> {
    if target.is_empty() {
        let hint = "was a variable empty? Give a script, a command, a config file, a name or an id";
        return Err(Failure::new("Nothing to start: the target is empty").with_hint(hint));
    }
    let candidates = Candidate::from_records(&client.summaries()?);
    let cwd = super::cwd()?;
    if file::is_config(&candidates, target, &cwd) {
        return file::run(invocation, client, Action::Restart, target);
    }
    match meaning(&candidates, target, &cwd) {
        Meaning::Listed => listed(invocation, client, target),
        Meaning::Script => script::run(invocation, client, &candidates, target),
    }
}

/// What an argument names, if it is not a config file.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// Apps of the list, which start again.
    Listed,
    /// A script or a command.
    Script,
}

fn meaning(candidates: &[Candidate], word: &str, cwd: &Path) -> Meaning {
    if word == "all" || select::is_number(word) {
        return Meaning::Listed;
    }
    let named = |candidate: &Candidate| candidate.name == word || candidate.namespace == word;
    if !candidates.iter().any(named) {
        return Meaning::Script;
    }
    // PM2 looks for an argument with a dot or a slash only among the scripts, so a file of that
    // name comes first.
    let plain = !word.contains('/') && Path::new(word).extension().is_none();
    if plain || !cwd.join(word).exists() {
        Meaning::Listed
    } else {
        Meaning::Script
    }
}

/// Starts apps of the list with the options applied, so that `--name` renames an app.
fn listed(invocation: &Invocation, client: &mut Client, word: &str) -> Result<Vec<u32>, Failure> {
    let extras = change::of(invocation, false)?;
    let ids = act::on_word(invocation, client, Action::Restart, word, &extras)?;
    invocation.console.say("Process successfully started");
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, namespace: &str) -> Candidate {
        Candidate {
            id: 0,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            script: format!("/srv/{name}.js"),
            cwd: "/srv".into(),
            status: "online".to_owned(),
            module: false,
        }
    }

    #[test]
    fn words_mean_apps_of_the_list_before_scripts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dot.name"), "").unwrap();
        std::fs::write(folder.path().join("web"), "").unwrap();
        let list = [
            candidate("web", "front"),
            candidate("a/b", "default"),
            candidate("dot.name", "default"),
        ];
        for (word, wanted) in [
            ("web", Meaning::Listed),
            ("front", Meaning::Listed),
            ("all", Meaning::Listed),
            ("7", Meaning::Listed),
            ("a/b", Meaning::Listed),
            ("dot.name", Meaning::Script),
            ("app.js", Meaning::Script),
            ("npm", Meaning::Script),
        ] {
            assert_eq!(meaning(&list, word, folder.path()), wanted, "{word}");
        }
    }
}
