//! What a restart or reload changes: the options of the command line and the environment of the
//! shell.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use serde_json::{Map, Value, json};

use ward_core::config::check;
use ward_core::config::env::without_internal;
use ward_core::config::env_bytes;

use super::act::Extras;
use super::start::declare::refused;
use crate::cli::args::Invocation;
use crate::exit::Failure;

/// The keys of a request that carry the change. With `toggle`, `--watch` toggles watching.
pub(crate) fn of(invocation: &Invocation, toggle: bool) -> Result<Extras, Failure> {
    let mut extras = Extras::new();
    let mut conf = conf(invocation)?;
    if let Some(watch) = conf.remove("watch")
        && toggle
        && invocation.is_set("watch")
    {
        extras.insert("watch".to_owned(), json!("toggle"));
        // The paths are stored and take effect when watching is on.
        if watch.is_array() {
            conf.insert("watch".to_owned(), watch);
        }
    }
    if !conf.is_empty() {
        extras.insert("conf".to_owned(), Value::Object(conf));
    }
    if invocation.is_set("update-env") {
        extras.insert("env".to_owned(), Value::Object(captured()));
        extras.insert("replace_captured".to_owned(), json!(true));
    }
    Ok(extras)
}

/// The options of the command line as keys of the record.
fn conf(invocation: &Invocation) -> Result<Map<String, Value>, Failure> {
    announce_cron(invocation);
    let mut conf = check::options(&invocation.options)
        .map_err(|problems| refused(invocation, &problems))?
        .decl;
    let cwd = super::cwd()?;
    for (key, record_key) in [
        ("cwd", "pm_cwd"),
        ("out_file", "pm_out_log_path"),
        ("error_file", "pm_err_log_path"),
        ("log_file", "pm_log_path"),
        ("pid_file", "pm_pid_path"),
    ] {
        let Some(Value::String(path)) = conf.remove(key) else {
            continue;
        };
        let path = if path == "null" {
            path
        } else {
            cwd.join(path).to_string_lossy().into_owned()
        };
        conf.insert(record_key.to_owned(), json!(path));
    }
    if let Some(words) = &invocation.passthrough {
        conf.insert("args".to_owned(), json!(words));
    }
    Ok(conf)
}

/// The environment of this process, without the variables that a supervisor above it has added.
pub(crate) fn captured() -> Map<String, Value> {
    let bytes = |(name, value): (OsString, OsString)| (name.into_vec(), value.into_vec());
    without_internal(env_bytes::capture(env::vars_os().map(bytes)))
}

/// Refuses `--env` without a config file, because it selects a part of such a file.
pub(crate) fn refuse_env_without_file(invocation: &Invocation) -> Result<(), Failure> {
    if invocation.is_set("env") {
        return Err(Failure::new(
            "Using --env [env] without passing the ecosystem.config.js does not work",
        ));
    }
    Ok(())
}

/// Prints PM2's message about a planned restart (`--cron`).
pub(crate) fn announce_cron(invocation: &Invocation) {
    if let Some(Value::String(pattern)) = invocation.options.get("cron_restart") {
        say_cron(invocation, pattern);
    }
}

/// The same for a pattern in a config file.
pub(crate) fn say_cron(invocation: &Invocation, pattern: &str) {
    invocation.console.say(if pattern == "0" {
        "disabling cron restart".to_owned()
    } else {
        format!("cron restart at {pattern}")
    });
}

/// Prints PM2's reminder about `--update-env`, on standard output and without prefix.
pub(crate) fn announce(invocation: &Invocation) {
    if !invocation.is_set("update-env") {
        invocation
            .console
            .line("Use --update-env to update environment variables");
    }
}
