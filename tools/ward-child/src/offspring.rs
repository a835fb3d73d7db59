//! Further processes, all of them this very program with the rest of the words.

use std::{
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command},
};

use crate::{signals, words::Problem};

/// Takes the words for the child; says whether any are left for us.
fn rest(words: &mut Vec<String>) -> (Vec<String>, bool) {
    let mut taken = Vec::new();
    while let Some(word) = words.pop() {
        if word == "--" {
            return (taken, true);
        }
        taken.push(word);
    }
    (taken, false)
}

fn start(first: &[&str], then: &[String]) -> Result<Child, Problem> {
    Ok(Command::new("/proc/self/exe")
        .args(first)
        .args(then)
        .spawn()?)
}

/// Runs the rest in a child, after `first`.
pub(crate) fn fork(words: &mut Vec<String>, first: &[&str]) -> Result<(), Problem> {
    let (then, go_on) = rest(words);
    let mut child = start(first, &then)?;
    if go_on {
        return Ok(());
    }
    let status = child.wait()?;
    if let Some(signal) = status.signal() {
        signals::kill_self(signal);
    }
    std::process::exit(status.code().unwrap_or(1));
}

/// Runs the rest in a grandchild whose parent is gone.
pub(crate) fn orphan(words: &mut Vec<String>) -> Result<(), Problem> {
    let (mut then, go_on) = rest(words);
    // The child between us starts the grandchild and has nothing else to do.
    then.push("--".to_owned());
    start(&["fork"], &then)?.wait()?;
    if go_on { Ok(()) } else { std::process::exit(0) }
}

/// Becomes this program again, with the rest of the words and no variables.
pub(crate) fn clear_env(words: &mut Vec<String>) -> Result<(), Problem> {
    words.reverse();
    Err(Command::new("/proc/self/exe")
        .args(words.as_slice())
        .env_clear()
        .exec()
        .into())
}
