//! Commands that PM2 has and ward does not have yet. Ward says so instead of suggesting a similar
//! name.

use crate::exit::Failure;

/// PM2's commands that are missing, with their aliases.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "autoinstall", "backward", "completion", "conf", "config", "create", "dash", "dashboard", "deepUpdate", "deploy",
    "ecosystem", "examples", "expose", "forward", "get", "imonit", "init", "inspect", "install", "install-otel", "link",
    "login", "logout", "logrotate", "module:generate", "module:install", "module:package", "module:publish",
    "module:uninstall", "module:update", "monit", "monitor", "multiset", "open", "package", "plus", "profile:cpu",
    "profile:mem", "publish", "pull", "register", "serve", "set", "startup", "uninstall", "uninstall-otel", "unlink",
    "unmonitor", "unset", "unstartup", "update", "updatePM2",
];

/// Names under which PM2's package installs programs with other command lines than `pm2`.
const PROGRAMS: &[&str] = &["pm2-runtime", "pm2-docker", "pm2-dev"];

/// The error message, if `command` is missing.
pub(crate) fn command(word: &str) -> Option<Failure> {
    COMMANDS
        .contains(&word)
        .then(|| Failure::new(format!("`{word}` is not in ward yet")))
}

/// The error message, if the binary is called by such a name.
pub(crate) fn program(name: &str) -> Option<Failure> {
    PROGRAMS
        .contains(&name)
        .then(|| Failure::new(format!("`{name}` is not in ward yet")))
}
