//! What PM2 has and ward does not have yet: it says so, instead of taking it for a slip of the pen.

use crate::exit::Failure;

/// Commands of PM2's, with their aliases.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "autoinstall", "backward", "completion", "conf", "config", "create", "dash", "dashboard", "deepUpdate", "deploy",
    "ecosystem", "examples", "expose", "forward", "get", "imonit", "init", "inspect", "install", "install-otel", "link",
    "login", "logout", "logrotate", "module:generate", "module:install", "module:package", "module:publish",
    "module:uninstall", "module:update", "monit", "monitor", "multiset", "open", "package", "plus", "profile:cpu",
    "profile:mem", "publish", "pull", "register", "serve", "set", "startup", "uninstall", "uninstall-otel", "unlink",
    "unmonitor", "unset", "unstartup", "update", "updatePM2",
];

/// Names PM2's binary answers to with other command lines than `pm2`'s.
const PROGRAMS: &[&str] = &["pm2-runtime", "pm2-docker", "pm2-dev"];

/// The refusal, when this is such a command.
pub(crate) fn command(word: &str) -> Option<Failure> {
    COMMANDS
        .contains(&word)
        .then(|| Failure::new(format!("`{word}` is not in ward yet")))
}

/// The refusal, when the binary is called by such a name.
pub(crate) fn program(name: &str) -> Option<Failure> {
    PROGRAMS
        .contains(&name)
        .then(|| Failure::new(format!("`{name}` is not in ward yet")))
}
