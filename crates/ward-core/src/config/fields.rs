//! The one table of keys a declaration can have: names, types, limits, meaning. Checking, command
//! line options, messages and documentation all read it.

/// A type a value may have, in the order PM2 names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A number, or a string that is one.
    Number,
    /// True or false.
    Flag,
    /// A list. A string is split into one when this is the first of several types.
    List,
    /// An object.
    Object,
}

impl Kind {
    /// JavaScript's class, as PM2's messages name it.
    pub fn class(self) -> &'static str {
        match self {
            Self::Text => "[object String]",
            Self::Number => "[object Number]",
            Self::Flag => "[object Boolean]",
            Self::List => "[object Array]",
            Self::Object => "[object Object]",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// What a number measures, when a string with a unit may say it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `200M`, `1.5G`, `100MB`.
    Bytes,
    /// `500ms`, `2s`, `1h`.
    Millis,
}

/// What PM2 puts in when nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    None,
    /// True.
    True,
    /// A string.
    Text(&'static str),
    /// A number.
    Number(u32),
    /// An empty list.
    Empty,
}

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Canonical name.
    pub name: &'static str,
    /// Other names, the strongest first. The camelCase forms of all names are understood as well.
    pub aliases: &'static [&'static str],
    /// Allowed types.
    pub types: &'static [Kind],
    /// What a string with a unit means.
    pub unit: Option<Unit>,
    /// When nothing is said.
    pub default: Default,
    /// Smallest number.
    pub min: Option<u32>,
    /// Allowed strings, as a regular expression.
    pub pattern: Option<&'static str>,
    /// Completes "it should be …" when the pattern or the unit does not fit.
    pub hint: &'static str,
}

const T: &[Kind] = &[Kind::Text];
const N: &[Kind] = &[Kind::Number];
const B: &[Kind] = &[Kind::Flag];
const L: &[Kind] = &[Kind::List];
const O: &[Kind] = &[Kind::Object];
const LT: &[Kind] = &[Kind::List, Kind::Text];
const LN: &[Kind] = &[Kind::List, Kind::Number];
const BT: &[Kind] = &[Kind::Flag, Kind::Text];
const BLT: &[Kind] = &[Kind::Flag, Kind::List, Kind::Text];
const NT: &[Kind] = &[Kind::Number, Kind::Text];
const OT: &[Kind] = &[Kind::Object, Kind::Text];

const fn key(name: &'static str, types: &'static [Kind]) -> Field {
    let default = Default::None;
    Field {
        name,
        aliases: &[],
        types,
        unit: None,
        default,
        min: None,
        pattern: None,
        hint: "",
    }
}

impl Field {
    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn default(self, default: Default) -> Self {
        Self { default, ..self }
    }

    const fn min(self, min: u32) -> Self {
        Self {
            min: Some(min),
            ..self
        }
    }

    const fn like(self, pattern: &'static str, hint: &'static str) -> Self {
        Self {
            pattern: Some(pattern),
            hint,
            ..self
        }
    }

    const fn bytes(self) -> Self {
        let hint = "it should be a NUMBER - byte, \"[NUMBER]G\"(Gigabyte), \"[NUMBER]M\"(Megabyte) or \"[NUMBER]K\"(Kilobyte)";
        Self {
            unit: Some(Unit::Bytes),
            hint,
            ..self
        }
    }

    const fn millis(self) -> Self {
        Self {
            unit: Some(Unit::Millis),
            ..self
        }
    }

    const fn uptime(self) -> Self {
        let hint = "it should be a NUMBER - milliseconds, \"[NUMBER]h\"(hours), \"[NUMBER]m\"(minutes) or \"[NUMBER]s\"(seconds)";
        Self {
            unit: Some(Unit::Millis),
            hint,
            ..self
        }
    }
}

/// Signals are checked by shape here and by name where they are sent.
const SIGNAL: &str = "^(?i:SIG)?[A-Za-z0-9+]+$";
const MODE: &str = "^(cluster|fork)(_mode)?$";
const SCHED: &str =
    "^(rr|none|shared|slot|weighted|least-conn|sticky-ip|sticky-header|sticky-cookie)$";

/// Every key.
#[rustfmt::skip]
pub static FIELDS: &[Field] = &[
    key("script", T).or(&["exec", "cmd", "command"]), // Program to run; a string with spaces is a shell command.
    key("name", T), // Name in the list.
    key("name_prefix", T), // Put before the name, with a colon.
    key("namespace", T).default(Default::Text("default")), // Group of apps.
    key("cwd", T), // Working directory.
    key("args", LT), // Words after the script.
    key("exec_interpreter", T).or(&["interpreter"]), // Program that runs the script; `none` runs it itself.
    key("node_args", LT).or(&["interpreter_args"]).default(Default::Empty), // Words between interpreter and script.
    key("instances", N), // Number of processes; 0 or `max`: one per CPU; negative: CPUs less that many.
    key("exec_mode", T).like(MODE, "it should be \"cluster\"(\"cluster_mode\") or \"fork\"(\"fork_mode\") only"), // Alone or as a worker of a Node cluster.
    key("execute_command", B), // Never as a cluster.
    key("out_file", T).or(&["out", "output", "out_log"]), // File for standard output; `NULL` for none.
    key("error_file", T).or(&["error", "err", "err_file", "err_log"]), // File for standard error; `NULL` for none.
    key("log_file", BT).or(&["log"]), // File for both.
    key("pid_file", T).or(&["pid"]), // File for the pid.
    key("merge_logs", B).or(&["combine_logs"]), // One log file for all instances.
    key("disable_logs", B), // Drop all output.
    key("log_type", T), // `json` for one object per line.
    key("log_date_format", T), // Prefix of each line, in day.js notation.
    key("time", B), // Prefix each line with date and time.
    key("env", OT), // Variables of the app.
    key("filter_env", BLT), // Inherited variables to leave out: all, one, or those that contain a word.
    key("increment_var", T), // Variable that is one higher in each instance.
    key("instance_var", T).default(Default::Text("NODE_APP_INSTANCE")), // Variable that holds the number of the instance.
    key("port", N), // Given to the app as PORT.
    key("uid", NT).or(&["user"]), // User the app runs as.
    key("gid", NT), // Group the app runs as.
    key("username", T), // Name shown in the list.
    key("wait_ready", B), // Online only after the message `ready`.
    key("listen_timeout", N).millis(), // How long readiness may take.
    key("kill_timeout", N).millis(), // How long a stop may take before SIGKILL.
    key("kill_retry_time", N).millis().default(Default::Number(100)), // Kept for PM2's sake; ward does not poll.
    key("kill_signal", T).or(&["stop_signal"]).like(SIGNAL, "it should be the name of a signal, such as SIGTERM"), // Signal that asks the app to stop.
    key("shutdown_with_message", B), // Ask by the message `shutdown` instead of a signal.
    key("treekill", B).default(Default::True), // Stop the whole process tree.
    key("autostart", B).default(Default::True), // Start at once, not only on demand.
    key("autorestart", B).default(Default::True), // Start again after an exit.
    key("stop_exit_codes", LN), // Exit codes after which the app stays stopped.
    key("restart_delay", N).millis(), // Fixed delay before a restart.
    key("exp_backoff_restart_delay", N).millis(), // First value of a growing delay.
    key("min_uptime", NT).uptime().min(100), // A shorter life counts as unstable.
    key("max_restarts", N).min(0), // So many unstable lives in a row end as `errored`.
    key("max_memory_restart", NT).bytes(), // Restart when the app holds more memory.
    key("cron_restart", NT).or(&["cron"]), // Pattern of planned restarts; 0 for none.
    key("watch", BLT), // Restart when files change.
    key("ignore_watch", LT), // What is not watched.
    key("watch_delay", N).millis(), // Delay before such a restart.
    key("watch_options", O), // Options of the watcher.
    key("force", B), // Start although it runs already.
    key("append_env_to_name", B), // Add the name of the environment to that of the app.
    key("vizion", B).default(Default::True), // Show version control data.
    key("post_update", L), // Commands to run after a pull.
    key("pmx", BT).default(Default::True), // Instrumentation.
    key("automation", B).default(Default::True), // Instrumentation by the service.
    key("trace", B), // Tracing by the service.
    key("disable_trace", B), // No tracing by the service.
    key("deep_monitoring", B), // Tracing by the service.
    key("v8", B), // Kept and shown.
    key("event_loop_inspector", B), // Kept and shown.
    key("io", O), // Configuration of an instrumentation package, given to the app as `io`.
    key("source_map_support", B), // Kept and shown; ask node itself by node_args --enable-source-maps.
    key("disable_source_map_support", B), // Kept and shown; node has them off.
    key("windowsHide", B).default(Default::True), // Kept and shown.
    key("install_url", T), // Where a module comes from.
    key("write", B), // Write the declaration to a file.
    key("ipc", B), // A message channel as Node has it; on unless false.
    key("sched", T).like(SCHED, "it should be rr, shared, slot, weighted, least-conn, sticky-ip, sticky-header or sticky-cookie"), // How connections are spread over a cluster.
    key("cluster", O), // Weights, limits and other options of a cluster by name.
    key("drain_timeout", N).millis(), // How long a replaced worker may finish its connections.
    key("parallel", N).min(1), // How many instances a reload replaces at once.
    key("agent", B), // Load the draining agent into Node workers.
];

/// The keys within `cluster`.
pub const CLUSTER: &[&str] = &[
    "window",
    "weights",
    "max_connections",
    "privileged_ports",
    "slow_start",
    "hand_over_timeout",
    "header",
    "cookie",
];

/// Keys that are read by others or by nobody, without a word.
pub const SILENT: &[&str] = &[
    "version",
    "$schema",
    "comment",
    "description",
    "apps",
    "deploy",
    "static",
];

/// The field that `key` names, by its name, an alias, or the camelCase form of one.
pub fn find(key: &str) -> Option<&'static Field> {
    FIELDS
        .iter()
        .find(|field| names(field).any(|name| name == key || camel_chars(name).eq(key.chars())))
}

/// All names of a field, the strongest first.
pub fn names(field: &'static Field) -> impl Iterator<Item = &'static str> {
    core::iter::once(field.name).chain(field.aliases.iter().copied())
}

/// `max_restarts` → `maxRestarts`.
pub fn camel(name: &str) -> String {
    camel_chars(name).collect()
}

/// The same without a string: a file of a hundred apps compares tens of thousands of names.
fn camel_chars(name: &str) -> impl Iterator<Item = char> {
    let mut upper = false;
    name.chars().filter_map(move |c| match c {
        '_' => {
            upper = true;
            None
        }
        // The names in the table are ASCII.
        _ if core::mem::take(&mut upper) => Some(c.to_ascii_uppercase()),
        _ => Some(c),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_one_field() {
        for field in FIELDS {
            for name in names(field) {
                assert_eq!(find(name).unwrap().name, field.name, "{name}");
                assert_eq!(find(&camel(name)).unwrap().name, field.name, "{name}");
            }
            assert!(!field.types.is_empty(), "{}", field.name);
        }
        for (alias, wanted) in [
            ("maxRestarts", "max_restarts"),
            ("interpreterArgs", "node_args"),
            ("cron", "cron_restart"),
            ("user", "uid"),
            ("errLog", "error_file"),
            ("combine_logs", "merge_logs"),
        ] {
            assert_eq!(find(alias).map(|field| field.name), Some(wanted), "{alias}");
        }
        assert!(find("nonsense").is_none());
    }
}
