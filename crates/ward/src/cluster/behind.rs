//! The node command behind a launcher. `npm start` is a Node program that starts a shell that
//! starts the app; the channel of a worker does not reach that far. Where the package's script is
//! a plain command, the worker runs that command itself.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::runtime::launcher;

/// What only a shell understands.
const SHELL: &str = "|&;<>()$`\"'\\*?#~={}[]!%\n";

/// Node's options that take the next word.
const WITH_VALUE: [&str; 6] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--env-file",
    "-C",
];

/// A command that can be a worker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// All words, the runtime first.
    pub(crate) argv: Vec<String>,
    /// The one of them that is the script.
    pub(crate) script: String,
}

/// The command behind the launcher, if the words begin one and the command is plain.
pub(crate) fn behind(argv: &[String], script: &str, cwd: &Path) -> Option<Plain> {
    let name = launcher(script)?;
    let place = argv.iter().position(|word| word == script)?;
    let (runtime, rest) = (&argv[..place], &argv[place + 1..]);
    let (words, more) = match name {
        "npx" => (rest.to_vec(), &[][..]),
        "tsx" => return tsx(runtime, script, rest),
        "npm" | "yarn" | "pnpm" => {
            let (task, more) = task(name, rest)?;
            (words_of(cwd, task)?, more)
        }
        _ => return None,
    };
    let mut plain = plain(runtime, &words, cwd)?;
    plain.argv.extend(more.iter().cloned());
    Some(plain)
}

/// The name of the package's script, and the words for the app.
fn task<'a>(launcher: &str, words: &'a [String]) -> Option<(&'a str, &'a [String])> {
    let (task, more) = match words {
        [run, task, more @ ..] if run == "run" || run == "run-script" => (task, more),
        [task, more @ ..] if task == "start" || launcher != "npm" => (task, more),
        _ => return None,
    };
    let more = match more {
        [dashes, more @ ..] if dashes == "--" => more,
        [] => more,
        // npm would take them for its own.
        _ if launcher == "npm" => return None,
        _ => more,
    };
    (!task.starts_with('-')).then_some((task, more))
}

/// The words of a script of the package, unless it takes a shell or comes with others.
fn words_of(cwd: &Path, task: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(cwd.join("package.json")).ok()?;
    let package: Value = serde_json::from_str(&text).ok()?;
    let scripts = package.get("scripts")?;
    let has = |prefix| scripts.get(format!("{prefix}{task}")).is_some();
    if has("pre") || has("post") {
        return None;
    }
    let command = scripts.get(task)?.as_str()?;
    if command.contains(|c| SHELL.contains(c)) {
        return None;
    }
    Some(command.split_whitespace().map(str::to_owned).collect())
}

/// `node …`, or a program of the package that node runs.
fn plain(runtime: &[String], words: &[String], cwd: &Path) -> Option<Plain> {
    let (first, rest) = words.split_first()?;
    let mut argv = runtime.to_vec();
    if first == "node" {
        let mut words = rest.iter();
        let script = loop {
            let word = words.next()?;
            if !word.starts_with('-') {
                break word.clone();
            }
            if WITH_VALUE.contains(&word.as_str()) {
                words.next()?;
            }
        };
        argv.extend(rest.iter().cloned());
        return Some(Plain { argv, script });
    }
    if first.contains('/') || first.starts_with('-') {
        return None;
    }
    let program = fs::canonicalize(cwd.join("node_modules/.bin").join(first)).ok()?;
    let script = program.to_str()?.to_owned();
    if !is_for_node(&program) {
        return None;
    }
    if launcher(&script) == Some("tsx") {
        return tsx(runtime, &script, rest);
    }
    argv.push(script.clone());
    argv.extend(rest.iter().cloned());
    Some(Plain { argv, script })
}

/// tsx is a loader with a launcher around it; node can load the loader itself.
fn tsx(runtime: &[String], program: &str, words: &[String]) -> Option<Plain> {
    let script = words.first().filter(|word| !word.starts_with('-'))?;
    if script == "watch" {
        return None;
    }
    let program = fs::canonicalize(program).ok()?;
    let loader: PathBuf = program.with_file_name("loader.mjs");
    if !loader.exists() {
        return None;
    }
    let mut argv = runtime.to_vec();
    argv.push("--import".to_owned());
    argv.push(format!("file://{}", loader.to_str()?));
    argv.extend(words.iter().cloned());
    Some(Plain {
        argv,
        script: script.clone(),
    })
}

/// Whether the first line of a program names node.
fn is_for_node(program: &Path) -> bool {
    let Ok(bytes) = fs::read(program) else {
        return false;
    };
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.starts_with("#!") && line.split(['/', ' ']).any(|word| word.trim() == "node")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &Path, words: &[&str]) -> Option<String> {
        let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        behind(&argv, words[1], folder).map(|plain| {
            assert!(plain.argv.contains(&plain.script));
            plain.argv.join(" ")
        })
    }

    #[test]
    fn plain_scripts_of_a_package_are_run_without_the_launcher() {
        let folder = tempfile::tempdir().unwrap();
        let package = r#"{ "scripts": {
            "start": "node -r dotenv/config server.js --fast", "piped": "node a.js | tee log",
            "variable": "PORT=1 node a.js", "built": "node a.js", "prebuilt": "make",
            "tool": "tool serve"
        } }"#;
        fs::write(folder.path().join("package.json"), package).unwrap();
        let bin = folder.path().join("node_modules/.bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("tool"), "#!/usr/bin/env node\n").unwrap();
        fs::write(bin.join("shell"), "#!/bin/sh\n").unwrap();
        let tool = fs::canonicalize(bin.join("tool")).unwrap();
        let tool = tool.to_str().unwrap();
        let found = |words: &[&str]| found(folder.path(), words);
        let start = Some("node -r dotenv/config server.js --fast".to_owned());
        assert_eq!(found(&["node", "/x/npm", "start"]), start);
        assert_eq!(found(&["node", "/x/npm", "run", "start"]), start);
        assert_eq!(found(&["node", "/x/yarn", "start"]), start);
        let more = found(&["node", "/x/npm", "start", "--", "-v"]);
        assert_eq!(more, start.map(|start| start + " -v"));
        assert_eq!(
            found(&["node", "/x/npm", "run", "tool"]),
            Some(format!("node {tool} serve"))
        );
        assert_eq!(
            found(&["node", "/x/npx", "tool", "x"]),
            Some(format!("node {tool} x"))
        );
        for words in [
            &["node", "/x/npm", "run", "piped"][..],
            &["node", "/x/npm", "run", "variable"],
            &["node", "/x/npm", "run", "built"],
            &["node", "/x/npm", "run", "missing"],
            &["node", "/x/npm", "install"],
            &["node", "/x/npm", "start", "--silent"],
            &["node", "/x/npx", "shell"],
            &["node", "/x/app.js", "start"],
        ] {
            assert_eq!(found(words), None, "{words:?}");
        }
    }
}
