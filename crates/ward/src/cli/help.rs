//! The help, made from the tables of commands and options.

use core::fmt::Write as _;

use super::args::Invocation;
use super::args::commands::{COMMANDS, CommandSpec, Topic};
use super::args::options::{GLOBAL, Group, OptionSpec};

const TOPICS: [(Topic, &str); 4] = [
    (Topic::Apps, "Apps"),
    (Topic::Show, "Looking"),
    (Topic::Logs, "Logs"),
    (Topic::Daemon, "Daemon and saved list"),
];

const GROUPS: [(Group, &str); 6] = [
    (Group::Command, "Options of every command"),
    (Group::Run, "What is run"),
    (Group::Logs, "Logs"),
    (Group::Restart, "Restarting"),
    (Group::Stop, "Stopping"),
    (
        Group::Ignored,
        "Accepted for scripts written for PM2, without effect here",
    ),
];

/// Prints `--help` for the named command, or for all.
pub(crate) fn print(invocation: &Invocation) {
    match invocation.command {
        Some(command) => print_command(invocation, command),
        None => print_all(invocation),
    }
}

/// Prints the help of one command.
pub(crate) fn print_command(invocation: &Invocation, command: &CommandSpec) {
    let text = of_command(&invocation.program, command);
    invocation.console.data(text);
}

/// Prints the help of all commands and options.
pub(crate) fn print_all(invocation: &Invocation) {
    invocation.console.data(everything(&invocation.program));
}

/// Prints the short usage for a call without a command.
pub(crate) fn print_usage(invocation: &Invocation) {
    let program = &invocation.program;
    let home = invocation.paths.home.display();
    invocation.console.line(format!(
        "usage: {program} [options] <command>\n\n\
         {program} start app.js          keep a program running\n\
         {program} list                  see what runs\n\
         {program} logs                  follow its output\n\
         {program} --help                all commands and options\n\
         {program} <command> --help      one command\n\n\
         Files are in {home}"
    ));
}

/// Names that look like an unknown command.
pub(crate) fn suggest(invocation: &Invocation, unknown: &str) {
    let near = COMMANDS
        .iter()
        .flat_map(|command| command.aliases.iter().copied().chain([command.name]))
        .map(|name| (distance(unknown, name), name))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    if let Some((_, name)) = near {
        invocation
            .console
            .aside(format!("Did you mean `{} {name}`?", invocation.program));
    }
}

fn everything(program: &str) -> String {
    let mut text = format!(
        "\n  Usage: {program} [cmd] app\n\n  \
         Keeps programs running: starts them, starts them again when they end, keeps their\n  \
         output, and replaces them without losing a request.\n"
    );
    for (topic, title) in TOPICS {
        push(&mut text, format_args!("\n  {title}:\n\n"));
        for command in COMMANDS.iter().filter(|command| command.topic == topic) {
            row(&mut text, &usage(command), command.doc);
        }
    }
    for (group, title) in GROUPS {
        push(&mut text, format_args!("\n  {title}:\n\n"));
        for option in GLOBAL.iter().filter(|option| option.group == group) {
            row(&mut text, &flags(option), option.doc);
        }
    }
    push(
        &mut text,
        format_args!("\n  `{program} <command> --help` shows examples.\n\n"),
    );
    text
}

fn of_command(program: &str, command: &CommandSpec) -> String {
    let mut text = format!("\n  Usage: {program} {}\n\n", usage(command));
    push(&mut text, format_args!("  {}\n", sentence(command.doc)));
    if !command.own.is_empty() {
        text.push_str("\n  Options:\n\n");
        for option in command.own {
            row(&mut text, &flags(option), option.doc);
        }
    }
    if !command.examples.is_empty() {
        text.push_str("\n  Examples:\n\n");
        for example in command.examples {
            push(&mut text, format_args!("    {program} {example}\n"));
        }
    }
    push(
        &mut text,
        format_args!("\n  Options of every command: `{program} --help`.\n\n"),
    );
    text
}

fn usage(command: &CommandSpec) -> String {
    let mut text = command.name.to_owned();
    for alias in command.aliases {
        push(&mut text, format_args!("|{alias}"));
    }
    for argument in command.arguments {
        push(&mut text, format_args!(" {argument}"));
    }
    text
}

fn flags(option: &OptionSpec) -> String {
    option.usage().replace(" -", ", -")
}

fn sentence(doc: &str) -> String {
    let mut letters = doc.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str() + ".")
        .unwrap_or_default()
}

const COLUMN: usize = 46;
const WIDTH: usize = 100;

/// Formats two columns, of which the second is wrapped.
fn row(text: &mut String, left: &str, doc: &str) {
    push(text, format_args!("    {left}"));
    let mut at = 4 + left.chars().count();
    if at + 2 > COLUMN {
        text.push('\n');
        at = 0;
    }
    push(text, format_args!("{:1$}", "", COLUMN - at));
    at = COLUMN;
    for (position, word) in doc.split(' ').enumerate() {
        let length = word.chars().count();
        if position > 0 && at + 1 + length > WIDTH {
            push(text, format_args!("\n{:1$}", "", COLUMN));
            at = COLUMN;
        } else if position > 0 {
            text.push(' ');
            at += 1;
        }
        text.push_str(word);
        at += length;
    }
    text.push('\n');
}

fn push(text: &mut String, what: core::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String takes all text");
}

/// Edit distance, for suggestions.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_command_and_option() {
        let text = everything("ward");
        for command in COMMANDS {
            assert!(text.contains(command.name), "{}", command.name);
        }
        for option in GLOBAL {
            assert!(text.contains(&format!("--{}", option.long)));
        }
    }

    #[test]
    fn no_line_is_wider_than_a_page() {
        for line in everything("ward").lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn the_help_of_a_command_has_its_own_options_only() {
        let logs = of_command("ward", super::super::args::commands::find("logs").unwrap());
        assert!(logs.contains("--nostream"));
        assert!(!logs.contains("--max-restarts"));
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("lst", "list"), 1);
        assert_eq!(distance("restrat", "restart"), 2);
        assert_eq!(distance("", "ping"), 4);
    }
}
