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
    /// One line of documentation.
    pub doc: &'static str,
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

const fn key(name: &'static str, types: &'static [Kind], doc: &'static str) -> Field {
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
        doc,
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
    key("script", T, "program to run; a string with spaces is a shell command").or(&["exec", "cmd", "command"]),
    key("name", T, "name in the list"),
    key("name_prefix", T, "put before the name, with a colon"),
    key("namespace", T, "group of apps").default(Default::Text("default")),
    key("cwd", T, "working directory"),
    key("args", LT, "words after the script"),
    key("exec_interpreter", T, "program that runs the script; `none` runs it itself").or(&["interpreter"]),
    key("node_args", LT, "words between interpreter and script").or(&["interpreter_args"]).default(Default::Empty),
    key("instances", N, "number of processes; 0 or `max`: one per CPU; negative: CPUs less that many"),
    key("exec_mode", T, "alone or as a worker of a Node cluster").like(MODE, "it should be \"cluster\"(\"cluster_mode\") or \"fork\"(\"fork_mode\") only"),
    key("execute_command", B, "never as a cluster"),
    key("out_file", T, "file for standard output; `NULL` for none").or(&["out", "output", "out_log"]),
    key("error_file", T, "file for standard error; `NULL` for none").or(&["error", "err", "err_file", "err_log"]),
    key("log_file", BT, "file for both").or(&["log"]),
    key("pid_file", T, "file for the pid").or(&["pid"]),
    key("merge_logs", B, "one log file for all instances").or(&["combine_logs"]),
    key("disable_logs", B, "drop all output"),
    key("log_type", T, "`json` for one object per line"),
    key("log_date_format", T, "prefix of each line, in day.js notation"),
    key("time", B, "prefix each line with date and time"),
    key("env", OT, "variables of the app"),
    key("filter_env", BLT, "inherited variables to leave out: all, one, or those that contain a word"),
    key("increment_var", T, "variable that is one higher in each instance"),
    key("instance_var", T, "variable that holds the number of the instance").default(Default::Text("NODE_APP_INSTANCE")),
    key("port", N, "given to the app as PORT"),
    key("uid", NT, "user the app runs as").or(&["user"]),
    key("gid", NT, "group the app runs as"),
    key("username", T, "name shown in the list"),
    key("wait_ready", B, "online only after the message `ready`"),
    key("listen_timeout", N, "how long readiness may take").millis(),
    key("kill_timeout", N, "how long a stop may take before SIGKILL").millis(),
    key("kill_retry_time", N, "kept for PM2's sake; ward does not poll").millis().default(Default::Number(100)),
    key("kill_signal", T, "signal that asks the app to stop").or(&["stop_signal"]).like(SIGNAL, "it should be the name of a signal, such as SIGTERM"),
    key("shutdown_with_message", B, "ask by the message `shutdown` instead of a signal"),
    key("treekill", B, "stop the whole process tree").default(Default::True),
    key("autostart", B, "start at once, not only on demand").default(Default::True),
    key("autorestart", B, "start again after an exit").default(Default::True),
    key("stop_exit_codes", LN, "exit codes after which the app stays stopped"),
    key("restart_delay", N, "fixed delay before a restart").millis(),
    key("exp_backoff_restart_delay", N, "first value of a growing delay").millis(),
    key("min_uptime", NT, "a shorter life counts as unstable").uptime().min(100),
    key("max_restarts", N, "so many unstable lives in a row end as `errored`").min(0),
    key("max_memory_restart", NT, "restart when the app holds more memory").bytes(),
    key("cron_restart", NT, "pattern of planned restarts; 0 for none").or(&["cron"]),
    key("watch", BLT, "restart when files change"),
    key("ignore_watch", LT, "what is not watched"),
    key("watch_delay", N, "delay before such a restart").millis(),
    key("watch_options", O, "options of the watcher"),
    key("force", B, "start although it runs already"),
    key("append_env_to_name", B, "add the name of the environment to that of the app"),
    key("vizion", B, "show version control data").default(Default::True),
    key("post_update", L, "commands to run after a pull"),
    key("pmx", BT, "instrumentation").default(Default::True),
    key("automation", B, "instrumentation by the service").default(Default::True),
    key("trace", B, "tracing by the service"),
    key("disable_trace", B, "no tracing by the service"),
    key("deep_monitoring", B, "tracing by the service"),
    key("v8", B, "kept and shown"),
    key("event_loop_inspector", B, "kept and shown"),
    key("io", O, "configuration of an instrumentation package, given to the app as `io`"),
    key("source_map_support", B, "kept and shown; ask node itself by node_args --enable-source-maps"),
    key("disable_source_map_support", B, "kept and shown; node has them off"),
    key("windowsHide", B, "kept and shown").default(Default::True),
    key("install_url", T, "where a module comes from"),
    key("write", B, "write the declaration to a file"),
    key("ipc", B, "a message channel as Node has it; on unless false"),
    key("sched", T, "how connections are spread over a cluster").like(SCHED, "it should be rr, shared, slot, weighted, least-conn, sticky-ip, sticky-header or sticky-cookie"),
    key("cluster", O, "weights, limits and other options of a cluster by name"),
    key("drain_timeout", N, "how long a replaced worker may finish its connections").millis(),
    key("parallel", N, "how many instances a reload replaces at once").min(1),
    key("agent", B, "load the draining agent into Node workers"),
];

/// The keys within `cluster`.
pub const CLUSTER: &[&str] = &[
    "window",
    "weights",
    "max_connections",
    "slow_start",
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
            assert!(!field.doc.is_empty() && !field.types.is_empty());
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
