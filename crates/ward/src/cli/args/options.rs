//! The table of options: name, value, key of the declaration, and line in the help. The parser and
//! the help both read it; no other place lists options.

use Effect::{Field, Steers};
use Group::{Command, Ignored, Logs, Restart, Run, Stop};
use Kind::{
    Bytes, Codes, Count, Delay, False, Instances, Millis, Paths, Prefixes, Text, TextOrTrue, True,
    UsualDate, Words,
};
use Takes::{MaybeWord, Nothing, Word};

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// The option has no value.
    Nothing,
    /// The next argument is the value, whatever it looks like.
    Word(&'static str),
    /// The next argument is the value, unless it starts with a dash.
    MaybeWord(&'static str),
}

/// How the text of an option becomes a value of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The presence of the option means `true`.
    True,
    /// The presence of the option means `false`.
    False,
    /// The unchanged text.
    Text,
    /// The text, or `true` without a value.
    TextOrTrue,
    /// A whole number, not negative.
    Count,
    /// Milliseconds; `500ms`, `5s`, `2m` and `1h` are understood.
    Millis,
    /// Seconds, possibly with a fraction, or a number with a unit; stored as milliseconds.
    Delay,
    /// Bytes; `100M`, `1.5G` and `200kb` are understood.
    Bytes,
    /// A count of instances: `max`, a number, or a negative number.
    Instances,
    /// Words, split as a shell would.
    Words,
    /// The list of the values of all repeats; `true` if none has a value.
    Paths,
    /// The list of the values of all repeats, split at commas; everything if none has a value.
    Prefixes,
    /// Exit codes, split at commas and spaces.
    Codes,
    /// The presence of the option means PM2's usual date format.
    UsualDate,
}

/// The purpose of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It controls the command, which reads it with `Invocation::is_set` and `Invocation::text`.
    Steers,
    /// It fills a key of the declaration.
    Field(&'static str, Kind),
}

/// The heading under which the help shows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Options about what runs.
    Run,
    /// Options about where output goes.
    Logs,
    /// Options about restarts.
    Restart,
    /// Options about stops and reloads.
    Stop,
    /// Options about what the command prints and how it works.
    Command,
    /// Options that are accepted for scripts written for PM2, without effect.
    Ignored,
}

/// An option of the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionSpec {
    /// The long name without the dashes; `no-` is part of it.
    pub(crate) long: &'static str,
    /// The short names, one letter each.
    pub(crate) short: &'static [char],
    /// Whether it takes a value.
    pub(crate) takes: Takes,
    /// The purpose.
    pub(crate) effect: Effect,
    /// The heading in the help.
    pub(crate) group: Group,
    /// The line in the help.
    pub(crate) doc: &'static str,
}

impl OptionSpec {
    /// The spelling in usage errors: `-n --name <name>`.
    pub(crate) fn usage(&self) -> String {
        let mut text = String::new();
        for short in self.short {
            text.push('-');
            text.push(*short);
            text.push(' ');
        }
        text.push_str("--");
        text.push_str(self.long);
        match self.takes {
            Nothing => {}
            Word(word) => text = format!("{text} <{word}>"),
            MaybeWord(word) => text = format!("{text} [{word}]"),
        }
        text
    }
}

const fn option(
    long: &'static str,
    short: &'static [char],
    takes: Takes,
    effect: Effect,
    group: Group,
    doc: &'static str,
) -> OptionSpec {
    OptionSpec {
        long,
        short,
        takes,
        effect,
        group,
        doc,
    }
}

/// An option without a value that one command has.
pub(super) const fn switch(
    long: &'static str,
    short: &'static [char],
    doc: &'static str,
) -> OptionSpec {
    option(long, short, Nothing, Steers, Command, doc)
}

/// An option with a value that one command has.
pub(super) const fn word(long: &'static str, takes: Takes, doc: &'static str) -> OptionSpec {
    option(long, &[], takes, Steers, Command, doc)
}

/// Options that every command accepts, before or after its name.
#[rustfmt::skip]
pub(crate) static GLOBAL: &[OptionSpec] = &[
    option("version", &['v', 'V'], Nothing, Steers, Command, "print the version and end"),
    option("help", &['h'], Nothing, Steers, Command, "print this help, or that of one command, and end"),
    option("silent", &['s'], Nothing, Steers, Command, "print no messages; the exit code and JSON output stay"),
    option("mini-list", &['m'], Nothing, Steers, Command, "print the list as plain text, one block per process"),
    option("sort", &[], Word("field_name:sort"), Steers, Command, "order of the list: id, name, namespace, pid, cpu, memory, uptime or status, then :asc or :desc"),
    option("color", &[], Nothing, Steers, Command, "colours even when the output is no terminal"),
    option("no-color", &[], Nothing, Steers, Command, "no colours"),
    option("timeout", &[], Word("time"), Steers, Command, "give up waiting for the daemon after this time (30s, 5m)"),
    option("force", &['f'], Nothing, Steers, Command, "start a running script once more; reload in spite of the lock; save an empty list"),
    option("parallel", &[], Word("number"), Steers, Command, "how many processes are restarted, reloaded or stopped at once (2)"),
    option("attach", &[], Nothing, Steers, Command, "follow the logs after a start or restart"),
    option("no-daemon", &[], Nothing, Steers, Command, "run the daemon in this terminal and show its log"),
    option("update-env", &['a'], Nothing, Steers, Command, "on restart and reload: take the environment of this shell"),
    option("env", &[], Word("environment_name"), Steers, Command, "with a config file: merge env_<name> over env"),
    option("only", &[], Word("application-name"), Steers, Command, "with a config file: only these apps, separated by commas"),
    option("write", &['w'], Nothing, Steers, Command, "write the declaration that is started to <name>-pm2.json"),

    option("name", &['n'], Word("name"), Field("name", Text), Run, "name of the app"),
    option("namespace", &[], Word("ns"), Field("namespace", Text), Run, "group the app belongs to (default)"),
    option("instances", &['i'], Word("number"), Field("instances", Instances), Run, "number of processes: max, a number, or -n for all CPUs but n; node scripts become a cluster"),
    option("interpreter", &[], Word("interpreter"), Field("exec_interpreter", Text), Run, "what runs the script (by its extension); none runs it directly"),
    option("interpreter-args", &[], Word("arguments"), Field("node_args", Words), Run, "words between interpreter and script"),
    option("node-args", &[], Word("node_args"), Field("node_args", Words), Run, "the same"),
    option("cwd", &[], Word("path"), Field("cwd", Text), Run, "folder the app runs in"),
    option("uid", &[], Word("uid"), Field("uid", Text), Run, "user the app runs as"),
    option("gid", &[], Word("gid"), Field("gid", Text), Run, "group the app runs as"),
    option("user", &['u'], Word("username"), Field("uid", Text), Run, "the same as --uid"),
    option("filter-env", &[], MaybeWord("envs"), Field("filter_env", Prefixes), Run, "leave out inherited variables whose name contains the text; alone: all of them"),
    option("execute-command", &['x'], Nothing, Field("execute_command", True), Run, "fork mode, also for node scripts"),
    option("pid", &['p'], Word("pid"), Field("pid_file", Text), Run, "pid file; the id is put before its extension"),
    option("wait-ready", &[], Nothing, Field("wait_ready", True), Run, "the app is online once it has sent the message ready"),
    option("listen-timeout", &[], Word("delay"), Field("listen_timeout", Millis), Run, "how long readiness may take (3000)"),
    option("no-autostart", &[], Nothing, Field("autostart", False), Run, "put the app in the list as stopped"),
    option("disable-source-map-support", &[], Nothing, Field("disable_source_map_support", True), Run, "kept and shown: node has them off unless asked"),

    option("output", &['o'], Word("path"), Field("out_file", Text), Logs, "file for standard output"),
    option("error", &['e'], Word("path"), Field("error_file", Text), Logs, "file for standard error"),
    option("log", &['l'], MaybeWord("path"), Field("log_file", TextOrTrue), Logs, "one more file that gets both"),
    option("log-type", &[], Word("type"), Field("log_type", Text), Logs, "json: one JSON object per line"),
    option("log-date-format", &[], Word("date format"), Field("log_date_format", Text), Logs, "date before each line, such as YYYY-MM-DD HH:mm:ss"),
    option("time", &[], Nothing, Field("log_date_format", UsualDate), Logs, "date before each line, in the usual form"),
    option("merge-logs", &[], Nothing, Field("merge_logs", True), Logs, "one file for all processes of the app"),
    option("disable-logs", &[], Nothing, Field("disable_logs", True), Logs, "keep no output at all"),

    option("no-autorestart", &[], Nothing, Field("autorestart", False), Restart, "an app that ended stays stopped"),
    option("stop-exit-codes", &[], Word("exit_codes..."), Field("stop_exit_codes", Codes), Restart, "exit codes after which the app stays stopped, separated by commas"),
    option("restart-delay", &[], Word("delay"), Field("restart_delay", Millis), Restart, "wait before a restart"),
    option("exp-backoff-restart-delay", &[], Word("delay"), Field("exp_backoff_restart_delay", Millis), Restart, "first wait before a restart; it grows while the app keeps failing"),
    option("max-restarts", &[], MaybeWord("count"), Field("max_restarts", Count), Restart, "give up after so many short lives in a row (16)"),
    option("max-memory-restart", &[], Word("memory"), Field("max_memory_restart", Bytes), Restart, "restart above this much memory: 100M, 1.5G, or bytes"),
    option("cron-restart", &[], Word("cron_pattern"), Field("cron_restart", Text), Restart, "restart at these times; 0 ends it"),
    option("cron", &['c'], Word("cron_pattern"), Field("cron_restart", Text), Restart, "the same"),
    option("watch", &[], MaybeWord("paths"), Field("watch", Paths), Restart, "restart when files change, in the whole folder or at these paths"),
    option("ignore-watch", &[], Word("folders|files"), Field("ignore_watch", Words), Restart, "paths that are not watched"),
    option("watch-delay", &[], Word("delay"), Field("watch_delay", Delay), Restart, "wait before that restart, in seconds or as 500ms"),
    option("ext", &[], Word("extensions"), Field("ext", Text), Restart, "watch only files with these extensions"),

    option("kill-timeout", &['k'], Word("delay"), Field("kill_timeout", Millis), Stop, "time between the polite signal and SIGKILL (1600)"),
    option("shutdown-with-message", &[], Nothing, Field("shutdown_with_message", True), Stop, "ask by the message shutdown instead of a signal"),
    option("no-treekill", &[], Nothing, Field("treekill", False), Stop, "end the main process only"),

    option("source-map-support", &[], Nothing, Field("source_map_support", True), Ignored, "kept and shown; node: --node-args=--enable-source-maps"),
    option("no-vizion", &[], Nothing, Field("vizion", False), Ignored, "version control is never looked at"),
    option("no-pmx", &[], Nothing, Field("pmx", False), Ignored, "no instrumentation"),
    option("no-automation", &[], Nothing, Field("automation", False), Ignored, "no instrumentation"),
    option("trace", &[], Nothing, Field("trace", True), Ignored, "tracing"),
    option("disable-trace", &[], Nothing, Field("trace", False), Ignored, "no tracing"),
    option("v8", &[], Nothing, Field("v8", True), Ignored, "V8 metrics"),
    option("event-loop-inspector", &[], Nothing, Field("event_loop_inspector", True), Ignored, "event loop metrics"),
    option("deep-monitoring", &[], Nothing, Field("deep_monitoring", True), Ignored, "all of the above"),
    option("hp", &[], Word("home path"), Steers, Ignored, "home folder of a startup script"),
    option("wait-ip", &[], Nothing, Steers, Ignored, "a startup script that waits for the network"),
    option("service-name", &[], Word("name"), Steers, Ignored, "name of the startup service"),
];
