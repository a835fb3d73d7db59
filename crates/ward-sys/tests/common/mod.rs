//! Shared by the tests with real processes.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, PipeReader};
use std::path::PathBuf;
use std::process;
use std::sync::OnceLock;
use std::time::Duration;

use ward_sys::spawn::{Child, Command, Stdio, spawn};

/// Longer than anything takes on a busy machine; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The process that does what it is told. Built if it is missing or old, as cargo does not do that for another package.
pub(crate) fn ward_child() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let status = process::Command::new(cargo)
                .args(["build", "--quiet", "--package", "ward-child"])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status()
                .expect("cargo can be run");
            assert!(status.success(), "ward-child must build");
            let deps = std::env::current_exe().expect("a test knows itself");
            deps.ancestors()
                .nth(2)
                .expect("target/debug/deps/test")
                .join("ward-child")
        })
        .clone()
}

/// A command that runs `script` in the obedient process.
pub(crate) fn command(script: &str, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(ward_child());
    command.argv.extend(script.split(' ').map(OsString::from));
    command
        .env
        .extend(env.iter().map(|(name, value)| (name.into(), value.into())));
    command
}

/// Starts it; the lines of its output (and of its offspring's) can be read.
pub(crate) fn start(mut command: Command) -> (Child, BufReader<PipeReader>) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.stdout = Stdio::Fd(writer.into());
    let child = spawn(&command).expect("ward-child starts");
    (child, BufReader::new(reader))
}

/// The next line, without its end.
pub(crate) fn line(output: &mut BufReader<PipeReader>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("output is text");
    line.trim_end().to_owned()
}
