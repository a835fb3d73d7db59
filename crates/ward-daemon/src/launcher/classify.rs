//! Whether a command can be a cluster worker, judged by its words alone: nothing is run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::programs::{self, Kind};
use super::shell;
use crate::node::Runtime;

/// Options of node that take the next word.
const WITH_VALUE: [&str; 9] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "--env-file",
    "--env-file-if-exists",
    "-C",
    "--conditions",
];

/// Options of node with which it runs no script in its own process.
const NO_SCRIPT: [&str; 2] = ["--run", "--test"];

/// What a command is to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A worker.
    Worker(WorkerCommand),
    /// A launcher or a shell that may run a worker: [`super::worker`] finds out.
    Launcher,
    /// No worker, for this reason: whole sentences, with what to do about it.
    Alone(String),
}

/// A command that can be a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCommand {
    /// What the command runs on.
    pub(crate) runtime: Runtime,
    /// All words, the runtime first.
    pub(crate) argv: Vec<String>,
    /// The place of the script among the words; none where there is none (`node -e`).
    pub(crate) script: Option<usize>,
    /// Variables that the command sets.
    pub(crate) env: Vec<(String, String)>,
}

/// Where a command is run, and where its programs are looked up.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) cwd: &'a Path,
    /// The value of `PATH`.
    pub(crate) search: OsString,
}

/// Finds a program of a command.
pub(crate) fn find(program: &str, place: &Place<'_>) -> Option<PathBuf> {
    ward_sys::path::find(program.as_ref(), &place.search, place.cwd)
}

/// Judges a command. `script`: the word that is the script, where that is known.
pub(crate) fn classify(argv: &[String], script: Option<&str>, place: &Place<'_>) -> Verdict {
    let Some((first, rest)) = argv.split_first() else {
        return Verdict::Alone("There is no command.".to_owned());
    };
    match (Runtime::of(first), base_name(first)) {
        (Some(Runtime::Node), _) => node(argv, script, place),
        (Some(runtime), _) => Verdict::Worker(WorkerCommand {
            runtime,
            argv: argv.to_vec(),
            script: script.and_then(|script| position(argv, script)),
            env: Vec::new(),
        }),
        (None, "env") => with_variables("env", rest, place),
        (None, _) if is_shell(first) => match rest {
            [option, line, ..] if option == "-c" => command_line(line, place),
            _ => Verdict::Alone(not_a_runtime(first)),
        },
        (None, _) => match find(first, place) {
            Some(program) if is_of_node(&program, place) => {
                let shown = program.to_string_lossy().into_owned();
                let argv = [vec!["node".to_owned(), shown], rest.to_vec()].concat();
                by_program(argv, 1, place)
            }
            _ => Verdict::Alone(not_a_runtime(first)),
        },
    }
}

/// Whether a program takes command lines as `sh` does.
pub(super) fn is_shell(program: &str) -> bool {
    matches!(base_name(program), "sh" | "bash" | "dash")
}

fn position(argv: &[String], script: &str) -> Option<usize> {
    (1..argv.len()).find(|at| argv[*at] == script)
}

/// Whether a program that is named without a runtime is one that node runs, or a launcher.
fn is_of_node(program: &Path, place: &Place<'_>) -> bool {
    programs::is_for_node(program) || programs::kind(program, place.cwd) != Kind::Other
}

/// The words of a cluster app as they are run. PM2 runs its script with node, whatever interpreter is
/// declared; where that is a shell, which can do nothing with JavaScript, so does ward.
pub(crate) fn words(argv: &[String], place: &Place<'_>) -> Vec<String> {
    match argv {
        [shell, script, ..] if is_shell(shell) && is_javascript(script, place) => {
            [&["node".to_owned()], &argv[1..]].concat()
        }
        _ => argv.to_vec(),
    }
}

fn is_javascript(script: &str, place: &Place<'_>) -> bool {
    let path = place.cwd.join(script);
    let extension = path.extension().and_then(|it| it.to_str());
    matches!(extension, Some("js" | "cjs" | "mjs")) || programs::is_for_node(&path)
}

/// `node <options> <script> <words>`.
fn node(argv: &[String], script: Option<&str>, place: &Place<'_>) -> Verdict {
    let script = script.and_then(|script| position(argv, script));
    let script = script.or_else(|| script_of(argv));
    let options = &argv[1..script.unwrap_or(argv.len())];
    if let Some(flag) = options.iter().find(|word| word.starts_with("--watch")) {
        return Verdict::Alone(format!(
            "node {flag} starts the app in a process of its own. For a cluster leave the flag out and use ward's `watch`."
        ));
    }
    let runs_no_script = |word: &&String| {
        let name = word.split('=').next().unwrap_or_default();
        NO_SCRIPT.contains(&name)
    };
    if let Some(flag) = options.iter().find(runs_no_script) {
        return Verdict::Alone(format!(
            "node {flag} runs no script of its own. For a cluster give the app itself as `script`."
        ));
    }
    match script {
        Some(at) => by_program(argv.to_vec(), at, place),
        None => Verdict::Worker(WorkerCommand {
            runtime: Runtime::Node,
            argv: argv.to_vec(),
            script,
            env: Vec::new(),
        }),
    }
}

/// The place of the script in `node …`: the first word that is no option and belongs to none.
fn script_of(argv: &[String]) -> Option<usize> {
    let mut at = 1;
    loop {
        let word = argv.get(at)?.as_str();
        if matches!(word, "-e" | "--eval" | "-p" | "--print" | "-") {
            return None;
        }
        if word == "--" {
            return Some(at + 1).filter(|at| *at < argv.len());
        }
        if !word.starts_with('-') {
            return Some(at);
        }
        at += 1 + usize::from(WITH_VALUE.contains(&word));
    }
}

/// `argv`: node and its options, the program at place `at`, its words.
fn by_program(mut argv: Vec<String>, at: usize, place: &Place<'_>) -> Verdict {
    let name = base_name(&argv[at]).to_owned();
    match programs::kind(&place.cwd.join(&argv[at]), place.cwd) {
        Kind::Launcher => match without_shell(&name, &argv[at + 1..]) {
            Some(subcommand) => {
                return Verdict::Alone(format!(
                    "{name} {subcommand} starts the app in a process of its own. For a cluster give the app itself as `script`, or a script of its package to {name}."
                ));
            }
            None => return Verdict::Launcher,
        },
        Kind::SetsVariables => return with_variables(&name, &argv[at + 1..], place),
        Kind::OwnProcess(how) => {
            return Verdict::Alone(format!(
                "{name} {how}. For a cluster give the app itself as `script`."
            ));
        }
        Kind::Loader(module) => return loader(&name, &argv[..at], &module, &argv[at + 1..]),
        Kind::Inner(inner) => argv[at] = inner.to_string_lossy().into_owned(),
        Kind::Other => {}
    }
    Verdict::Worker(WorkerCommand {
        runtime: Runtime::Node,
        argv,
        script: Some(at),
        env: Vec::new(),
    })
}

/// The subcommand with which a launcher runs a program without a shell, if the words have one.
fn without_shell<'a>(launcher: &str, words: &'a [String]) -> Option<&'a str> {
    let direct: &[&str] = match launcher {
        "pnpm" | "pn" | "pnpm.cjs" | "pnpm.mjs" => &["exec", "dlx"],
        "yarn" | "yarnpkg" | "yarn.js" => &["node", "exec"],
        _ => &[],
    };
    let own = words
        .iter()
        .take_while(|word| *word != "--" && !word.starts_with("run"));
    own.map(String::as_str).find(|word| direct.contains(word))
}

/// `tsx app.ts`: node can load tsx's loader itself.
fn loader(name: &str, runtime: &[String], module: &Path, words: &[String]) -> Verdict {
    // Its own options and subcommands are for its own process.
    let own = |word: &String| word.starts_with("--tsconfig") || word == "--no-cache";
    let script = script_of(&[vec![name.to_owned()], words.to_vec()].concat());
    let script = script
        .map(|at| at - 1)
        .filter(|at| module.is_file() && words[*at] != "watch" && !words[..*at].iter().any(own));
    let Some(script) = script else {
        return Verdict::Alone(format!(
            "{name} starts the app in a process of its own when it is run in this way. For a cluster use `{name} <script>`."
        ));
    };
    let load = [
        "--import".to_owned(),
        format!("file://{}", module.display()),
    ];
    Verdict::Worker(WorkerCommand {
        runtime: Runtime::Node,
        argv: [runtime, &load, words].concat(),
        script: Some(runtime.len() + load.len() + script),
        env: Vec::new(),
    })
}

/// `cross-env A=1 node app.js`, `env A=1 node app.js`.
fn with_variables(name: &str, words: &[String], place: &Place<'_>) -> Verdict {
    let count = words.iter().take_while(|word| word.contains('=')).count();
    let (variables, command) = words.split_at(count);
    if command.first().is_none_or(|word| word.starts_with('-')) {
        return Verdict::Alone(format!(
            "{name} is not followed by variables and a command. For a cluster give the app itself as `script`."
        ));
    }
    let mut verdict = classify(command, None, place);
    if let Verdict::Worker(command) = &mut verdict {
        let pairs = variables.iter().filter_map(|word| word.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        command.env = pairs.chain(command.env.drain(..)).collect();
    }
    verdict
}

/// A line for the shell, as far as it can be judged before the shell has expanded it.
pub(super) fn command_line(line: &str, place: &Place<'_>) -> Verdict {
    /// Stands for what the shell has to expand: neither an option nor an assignment.
    const EXPANDED: &str = "$";
    let advice = "For a cluster let it end with a plain node command.";
    let words = match shell::last_command(line) {
        Ok(line) => line.words,
        Err(why) => {
            return Verdict::Alone(format!(
                "The command line {line:?} needs a shell: it has {why}. {advice}"
            ));
        }
    };
    if words.first().is_none_or(Option::is_none) {
        return Verdict::Alone(format!(
            "The last command of {line:?} is known to the shell alone. {advice}"
        ));
    }
    let words: Vec<String> = words
        .into_iter()
        .map(|word| word.unwrap_or_else(|| EXPANDED.to_owned()))
        .collect();
    match classify(&words, None, place) {
        Verdict::Worker(_) | Verdict::Launcher => Verdict::Launcher,
        alone @ Verdict::Alone(_) => alone,
    }
}

fn not_a_runtime(program: &str) -> String {
    format!(
        "{} is no program of node, bun or deno, and only these can be workers. Declare fork mode, or give such a program as `script`.",
        base_name(program)
    )
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}
