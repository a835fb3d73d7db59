//! `ward`: the command line, the daemon and the small helpers in one binary. The first argument
//! selects one of them.

mod cli;
mod exit;

use std::env;
use std::process::ExitCode;

use ward_daemon::launcher;
use ward_home::Paths;

fn main() -> ExitCode {
    let mut words: Vec<std::ffi::OsString> = env::args_os().collect();
    let program = words
        .first()
        .and_then(|word| std::path::Path::new(word).file_name())
        .map_or_else(
            || "ward".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
    if !words.is_empty() {
        words.remove(0);
    }
    match words.first().and_then(|word| word.to_str()) {
        Some("__daemon") => ward_daemon::main(&Paths::from_env(&program)),
        Some("__worker") => launcher::main(&words[1..]),
        Some("-c") if env::var_os(launcher::RECORD).is_some() => {
            launcher::script_shell(&words[1..])
        }
        _ => cli::main(&program, words),
    }
}
