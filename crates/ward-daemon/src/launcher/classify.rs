//! Whether a command can be a cluster worker, judged by its arguments alone: nothing is run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::programs::{self, Kind};
use super::shell;
use crate::node::Runtime;

/// Options of node whose value is the next argument.
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

/// Whether a command can be a cluster worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It can, in this form.
    Worker(WorkerCommand),
    /// It is a launcher or a shell that may run a worker: [`super::worker`] finds out.
    Launcher,
    /// It cannot. The text gives the reason and the remedy in whole sentences.
    Alone(String),
}

/// A command that can be a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCommand {
    /// The runtime that the command starts.
    pub(crate) runtime: Runtime,
    /// All arguments, the runtime first.
    pub(crate) argv: Vec<String>,
    /// The index of the script in `argv`; `None` if there is no script (`node -e`).
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

/// Finds a program as `execvp` would, in the folder and `PATH` of `place`.
pub(crate) fn find(program: &str, place: &Place<'_>) -> Option<PathBuf> {
    ward_sys::path::find(program.as_ref(), &place.search, place.cwd)
}

/// Judges a command. `script` is the argument that is the script, if that is known.
pub(crate) fn classify(argv: &[String], script: Option<&str>, place: &Place<'_>) -> Verdict {
    let Some((first, rest)) = argv.split_first() else {
        return Verdict::Alone("There is no command.".to_owned());
    };
    match (Runtime::of(first), base_name(first)) {
        (Some(Runtime::Node), _) => classify_node(argv, script, place),
        (Some(runtime), _) => Verdict::Worker(WorkerCommand {
            runtime,
            argv: argv.to_vec(),
            script: script.and_then(|script| position(argv, script)),
            env: Vec::new(),
        }),
        (None, "env") => classify_after_assignments("env", rest, place),
        (None, _) if is_shell(first) => match rest {
            [option, line, ..] if option == "-c" => command_line(line, place),
            _ => Verdict::Alone(unknown_runtime(first)),
        },
        (None, _) => match find(first, place) {
            Some(program) if is_of_node(&program, place) => {
                let shown = program.to_string_lossy().into_owned();
                let argv = [vec!["node".to_owned(), shown], rest.to_vec()].concat();
                classify_program(argv, 1, place)
            }
            _ => Verdict::Alone(unknown_runtime(first)),
        },
    }
}

/// Whether a program takes command lines as `sh -c` does.
pub(super) fn is_shell(program: &str) -> bool {
    matches!(base_name(program), "sh" | "bash" | "dash")
}

fn position(argv: &[String], script: &str) -> Option<usize> {
    (1..argv.len()).find(|at| argv[*at] == script)
}

/// Whether a program that is named without a runtime is a launcher or is run by node.
fn is_of_node(program: &Path, place: &Place<'_>) -> bool {
    programs::is_for_node(program) || programs::kind(program, place.cwd) != Kind::Other
}

/// The arguments with which a cluster app is run. PM2 runs the script of such an app with node,
/// whatever interpreter is declared. Ward does so if the declared interpreter is a shell and the
/// script is JavaScript, which a shell cannot run.
pub(crate) fn effective_argv(argv: &[String], place: &Place<'_>) -> Vec<String> {
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

/// Judges `node <options> <script> <arguments>`.
fn classify_node(argv: &[String], script: Option<&str>, place: &Place<'_>) -> Verdict {
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
        Some(at) => classify_program(argv.to_vec(), at, place),
        None => Verdict::Worker(WorkerCommand {
            runtime: Runtime::Node,
            argv: argv.to_vec(),
            script,
            env: Vec::new(),
        }),
    }
}

/// The index of the script in `node …`: the first argument that is neither an option nor the value
/// of one.
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

/// Judges a program of node. `argv` is node and its options, the program at index `at`, and the
/// arguments of the program.
fn classify_program(mut argv: Vec<String>, at: usize, place: &Place<'_>) -> Verdict {
    let name = base_name(&argv[at]).to_owned();
    match programs::kind(&place.cwd.join(&argv[at]), place.cwd) {
        Kind::Launcher => match shell_less_subcommand(&name, &argv[at + 1..]) {
            Some(subcommand) => {
                return Verdict::Alone(format!(
                    "{name} {subcommand} starts the app in a process of its own. For a cluster give the app itself as `script`, or a script of its package to {name}."
                ));
            }
            None => return Verdict::Launcher,
        },
        Kind::SetsVariables => return classify_after_assignments(&name, &argv[at + 1..], place),
        Kind::OwnProcess(how) => {
            return Verdict::Alone(format!(
                "{name} {how}. For a cluster give the app itself as `script`."
            ));
        }
        Kind::Loader(module) => {
            return classify_with_loader(&name, &argv[..at], &module, &argv[at + 1..]);
        }
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

/// The subcommand among `words` with which a launcher runs a program without a shell.
fn shell_less_subcommand<'a>(launcher: &str, words: &'a [String]) -> Option<&'a str> {
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

/// Judges `tsx app.ts`: node can load tsx's loader itself.
fn classify_with_loader(
    name: &str,
    runtime: &[String],
    module: &Path,
    words: &[String],
) -> Verdict {
    // These options and subcommands only work in the process that tsx itself starts.
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

/// Judges `cross-env A=1 node app.js` and `env A=1 node app.js`.
fn classify_after_assignments(name: &str, words: &[String], place: &Place<'_>) -> Verdict {
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

/// Judges a command line for the shell, as far as that is possible before the shell expands it.
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

fn unknown_runtime(program: &str) -> String {
    format!(
        "{} is no program of node, bun or deno, and only these can be workers. Declare fork mode, or give such a program as `script`.",
        base_name(program)
    )
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}
