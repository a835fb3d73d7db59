//! The table of commands: names, arguments, own options, help line, and the function that runs it.

use super::Invocation;
use super::options::{OptionSpec, Takes, switch, word};
use crate::cli::commands as run;
use crate::exit::Failure;

use Topic::{Apps, Daemon, Logs, Show};

/// The heading under which the help shows a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Commands that start, stop and change apps.
    Apps,
    /// Commands that show apps.
    Show,
    /// Commands about the output of apps.
    Logs,
    /// Commands about the daemon and the saved list.
    Daemon,
}

/// A command of the command line.
#[derive(Clone, Copy)]
pub(crate) struct CommandSpec {
    /// The name.
    pub(crate) name: &'static str,
    /// Further names.
    pub(crate) aliases: &'static [&'static str],
    /// The arguments as the help shows them: `<required>`, `[optional]`, `<one-or-more...>`.
    pub(crate) arguments: &'static [&'static str],
    /// Options that only this command has.
    pub(crate) own: &'static [OptionSpec],
    /// Whether excess arguments are an error; otherwise they are ignored.
    pub(crate) strict: bool,
    /// The heading in the help.
    pub(crate) topic: Topic,
    /// The line in the help.
    pub(crate) doc: &'static str,
    /// Examples for the help of this command.
    pub(crate) examples: &'static [&'static str],
    /// The function that runs the command.
    pub(crate) run: fn(&Invocation) -> Result<(), Failure>,
}

impl core::fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("CommandSpec").field(&self.name).finish()
    }
}

impl CommandSpec {
    /// The first required argument that is missing when there are `count` arguments.
    pub(crate) fn missing(&self, count: usize) -> Option<&'static str> {
        self.arguments
            .iter()
            .skip(count)
            .find(|argument| argument.starts_with('<'))
            .map(|argument| argument.trim_matches(['<', '>']).trim_end_matches("..."))
    }

    /// Whether the first argument is required.
    pub(crate) fn needs_target(&self) -> bool {
        self.missing(0).is_some()
    }
}

/// Finds a command by one of its names.
pub(crate) fn find(name: &str) -> Option<&'static CommandSpec> {
    COMMANDS
        .iter()
        .find(|command| command.name == name || command.aliases.contains(&name))
}

const TARGETS: &[&str] = &["<id|name|namespace|all|json|stdin...>"];
const LOG_OPTIONS: &[OptionSpec] = &[
    word(
        "lines",
        Takes::Word("n"),
        "how many earlier lines are shown (15)",
    ),
    switch("raw", &[], "only the lines, without prefixes"),
    switch("err", &[], "only standard error"),
    switch("out", &[], "only standard output"),
    word(
        "timestamp",
        Takes::MaybeWord("format"),
        "date before each line (YYYY-MM-DD-HH:mm:ss)",
    ),
    switch("nostream", &[], "show the earlier lines and end"),
    switch("json", &[], "one JSON object per line"),
    switch("format", &[], "key=value pairs"),
    word(
        "highlight",
        Takes::MaybeWord("text"),
        "mark this text in the lines",
    ),
];

const fn command(
    name: &'static str,
    aliases: &'static [&'static str],
    arguments: &'static [&'static str],
    topic: Topic,
    doc: &'static str,
    run: fn(&Invocation) -> Result<(), Failure>,
) -> CommandSpec {
    CommandSpec {
        name,
        aliases,
        arguments,
        own: &[],
        strict: false,
        topic,
        doc,
        examples: &[],
        run,
    }
}

const fn strict(command: CommandSpec) -> CommandSpec {
    CommandSpec {
        strict: true,
        ..command
    }
}

const fn with(own: &'static [OptionSpec], command: CommandSpec) -> CommandSpec {
    CommandSpec { own, ..command }
}

const fn examples(examples: &'static [&'static str], command: CommandSpec) -> CommandSpec {
    CommandSpec {
        examples,
        ..command
    }
}

/// All commands, in the order of the help.
#[rustfmt::skip]
pub(crate) static COMMANDS: &[CommandSpec] = &[
    examples(
        &[
            "start app.js                    a node script",
            "start app.js -i max             as a cluster, one process per CPU",
            "start worker.py -n worker       any language, with a name",
            "start \"npm run serve\"           a shell command",
            "start npm -- run serve          words after -- are given to the app",
            "start ecosystem.config.js       everything a config file declares",
            "start worker                    an app of the list by name, namespace or id",
            "start -                         a config as JSON on standard input",
        ],
        command("start", &[], &["[name|namespace|file|ecosystem|id...]"], Apps, "start a script, a command, a config file or an app of the list", run::start::run),
    ),
    command("restart", &[], TARGETS, Apps, "stop and start again; options given here are applied", run::restart::run),
    command("reload", &[], &["<id|name|namespace|all...>"], Apps, "replace cluster processes one by one without losing a request; others are restarted", run::reload::run),
    command("stop", &[], TARGETS, Apps, "stop, and keep in the list", run::stop::run),
    command("delete", &["del"], &["<name|id|namespace|script|all|json|stdin...>"], Apps, "stop, and remove from the list", run::delete::run),
    examples(
        &["scale web 4                     four processes in all", "scale web +2                    two more"],
        command("scale", &[], &["<app_name>", "<number>"], Apps, "change the number of processes of an app", run::scale::run),
    ),
    command("reset", &[], &["<name|id|all>"], Apps, "set the restart counters to zero", run::reset::run),
    command("pause", &[], &["<id|name|namespace|all>"], Apps, "give cluster workers no new connections until they are resumed or stopped", run::pause::pause),
    command("resume", &[], &["<id|name|namespace|all>"], Apps, "give paused workers connections again", run::pause::resume),
    command("sendSignal", &[], &["<signal>", "<pm2_id|name>"], Apps, "send a signal: SIGUSR2, USR2 or 12", run::send_signal::run),
    command("send", &[], &["<pm_id>", "<line>"], Apps, "write a line to standard input of an app", run::send::run),
    command("attach", &[], &["<pm_id>", "[separator]"], Apps, "connect this terminal with an app: input, output, and Ctrl-C to leave", run::attach::run),
    command("trigger", &[], &["<id|proc_name|namespace|all>", "<action_name>", "[params]"], Apps, "make an app do something it offers, and show its answer", run::trigger::run),
    command("startOrRestart", &[], &["<json>"], Apps, "start the apps of a config file; restart those that run", run::start_or_restart::run),
    command("startOrReload", &["startOrGracefulReload"], &["<json>"], Apps, "start the apps of a config file; reload those that run", run::start_or_reload::run),

    with(
        &[switch("watch", &[], "draw the list again and again")],
        command("list", &["ls", "l", "ps", "status"], &[], Show, "show all processes", run::list::run),
    ),
    command("jlist", &[], &[], Show, "all processes as JSON", run::jlist::run),
    strict(command("prettylist", &[], &[], Show, "all processes as node prints objects", run::prettylist::run)),
    command("describe", &["desc", "info", "show"], &["<name|id>"], Show, "everything about one app", run::describe::run),
    command("id", &[], &["<name>"], Show, "ids of an app", run::id::run),
    command("pid", &[], &["[app_name]"], Show, "pids of an app, or of all", run::pid::run),
    command("env", &[], &["<id>"], Show, "environment of a process", run::env::run),
    with(
        &[switch("tree", &['t'], "as a tree")],
        command("slist", &["sysinfos"], &[], Show, "metrics of this machine", run::slist::run),
    ),
    command("report", &[], &[], Show, "what a bug report needs", run::report::run),

    with(
        LOG_OPTIONS,
        command("logs", &["log"], &["[id|name|namespace]"], Logs, "show and follow the logs", run::logs::run),
    ),
    command("flush", &[], &["[api]"], Logs, "empty the log files", run::flush::run),
    command("reloadLogs", &[], &[], Logs, "open the log files again, after something else has moved them", run::reload_logs::run),

    strict(command("save", &["dump"], &[], Daemon, "keep the list for resurrect", run::save::run)),
    strict(command("resurrect", &[], &[], Daemon, "start what was saved", run::resurrect::run)),
    strict(command("cleardump", &[], &[], Daemon, "save an empty list", run::cleardump::run)),
    with(
        &[
            switch("security", &[], "only who can reach and change what"),
            switch("json", &[], "as JSON"),
        ],
        command("doctor", &[], &[], Daemon, "look for what is wrong, and say what mends it; the exit code is 1 if there is something", run::doctor::run),
    ),
    command("help", &[], &["[command]"], Daemon, "show this help, or that of a command", run::help::run),
    command("ping", &[], &[], Daemon, "ask the daemon for an answer; start it when there is none", run::ping::run),
    strict(command("kill", &[], &[], Daemon, "stop all apps and the daemon", run::kill::run)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_used_twice() {
        let mut names: Vec<&str> = COMMANDS
            .iter()
            .flat_map(|command| command.aliases.iter().copied().chain([command.name]))
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_missing_argument_is_named_without_brackets() {
        let scale = find("scale").unwrap();
        assert_eq!(scale.missing(0), Some("app_name"));
        assert_eq!(scale.missing(1), Some("number"));
        assert_eq!(scale.missing(2), None);
        assert_eq!(
            find("stop").unwrap().missing(0),
            Some("id|name|namespace|all|json|stdin")
        );
        assert_eq!(find("start").unwrap().missing(0), None);
    }
}
