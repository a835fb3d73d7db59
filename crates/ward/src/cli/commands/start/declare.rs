//! Turns the arguments of `start` and config files into requests of the daemon.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use ward_core::config::{Decl, check};

use super::extensions;
use crate::cli::args::Invocation;
use crate::cli::commands::{self, change};
use crate::cli::ecosystem::{self, Loaded, Selection};
use crate::cli::resolve::{self, Context, Resolved};
use crate::cli::select::Candidate;
use crate::exit::Failure;

/// The resolved apps of a file.
#[derive(Debug)]
pub(super) struct Declared {
    /// One request for each app.
    pub(super) apps: Vec<Map<String, Value>>,
    /// Whether all apps could be resolved; the others were reported on standard error.
    pub(super) complete: bool,
    /// The names of the apps that do not define the chosen environment.
    pub(super) undefined: Vec<String>,
}

/// Options that mean something for a whole file; PM2 ignores the others there.
const FOR_FILES: [&str; 6] = ["namespace", "watch", "ignore_watch", "uid", "gid", "cwd"];

/// Reads a file, or standard input. An app that cannot be resolved does not hold up the others.
pub(super) fn file(
    invocation: &Invocation,
    word: &str,
    candidates: &[Candidate],
) -> Result<Declared, Failure> {
    let console = &invocation.console;
    let mut context = context(invocation, true)?;
    let options = options(invocation)?;
    let mut declared = Declared {
        apps: Vec::new(),
        complete: true,
        undefined: Vec::new(),
    };
    let loaded = load(invocation, word)?;
    for name in &loaded.changed.unset {
        context.env.shift_remove(name);
    }
    context.env.extend(loaded.changed.set.clone());
    context.evaluated = loaded.changed.set;
    declared.undefined = loaded.undefined;
    for mut decl in loaded.apps {
        for key in FOR_FILES {
            let stays = key == "namespace" && decl.contains_key(key);
            if let Some(value) = options.get(key).filter(|_| !stays) {
                decl.insert(key.to_owned(), value.clone());
            }
        }
        match resolve_or_at_home(&decl, &mut context, candidates) {
            Ok(resolved) => {
                warn(invocation, &resolved.warnings);
                if let Some(Value::String(pattern)) = decl.get("cron_restart") {
                    change::say_cron(invocation, pattern);
                }
                declared.apps.push(resolved.record);
            }
            Err(failure) => {
                console.error(format!("Error: {}", failure.message));
                if let Some(hint) = &failure.hint {
                    console.aside(hint);
                }
                declared.complete = false;
            }
        }
    }
    Ok(declared)
}

/// As [`resolve::resolve`], but for an app of the list its own folder is searched as well, so that
/// its config file can be used from every folder.
fn resolve_or_at_home(
    decl: &Decl,
    context: &mut Context<'_>,
    candidates: &[Candidate],
) -> Result<Resolved, Failure> {
    let failure = match resolve::resolve(decl, context) {
        Err(failure) if !decl.contains_key("cwd") => failure,
        resolved => return resolved,
    };
    let text = |key: &str| decl.get(key).and_then(Value::as_str);
    let stem = || Path::new(text("script")?).file_stem()?.to_str();
    let name = text("name").or_else(stem);
    let Some(home) = candidates.iter().find(|it| Some(&*it.name) == name) else {
        return Err(failure);
    };
    let here = std::mem::replace(&mut context.cwd, home.cwd.clone());
    let resolved = resolve::resolve(decl, context);
    context.cwd = here;
    resolved.map_err(|_| failure)
}

/// The names of the apps in a file.
pub(super) fn names(invocation: &Invocation, word: &str) -> Result<Vec<String>, Failure> {
    let loaded = load(invocation, word)?;
    for name in &loaded.undefined {
        warn_undefined(invocation, &loaded.undefined, name);
    }
    let name = |decl: &Decl| decl.get("name").and_then(Value::as_str).map(str::to_owned);
    Ok(loaded.apps.iter().filter_map(name).collect())
}

/// Warns of each app that does not define the chosen environment, on standard output as in PM2.
pub(super) fn warn_undefined(invocation: &Invocation, undefined: &[String], name: &str) {
    if undefined.iter().any(|it| it == name) {
        let env = invocation.text("env").unwrap_or_default();
        let text = format!("Environment [{env}] is not defined in process file");
        invocation.console.warn(text);
    }
}

fn load(invocation: &Invocation, word: &str) -> Result<Loaded, Failure> {
    let selection = Selection {
        env: invocation.text("env"),
        only: invocation.text("only"),
        silent: invocation.console.is_silent(),
    };
    let loaded = ecosystem::load(word, &commands::cwd()?, &selection)?;
    for notice in &loaded.notices {
        invocation.console.warn_aside(notice);
    }
    Ok(loaded)
}

/// The declaration of a script or command with the options of the command line.
pub(super) fn script(invocation: &Invocation, word: &str) -> Result<Map<String, Value>, Failure> {
    change::announce_cron(invocation);
    let mut decl = options(invocation)?;
    decl.insert("script".to_owned(), json!(word));
    if let Some(words) = &invocation.passthrough {
        decl.insert("args".to_owned(), json!(words));
    }
    // The command itself handles these options, but PM2 also keeps them in the record.
    for key in ["force", "time", "write"] {
        if invocation.is_set(key) {
            decl.insert(key.to_owned(), json!(true));
        }
    }
    let resolved = resolve::resolve(&decl, &context(invocation, false)?)?;
    warn(invocation, &resolved.warnings);
    if invocation.is_set("write") {
        let name = resolved.record.get("name").and_then(Value::as_str);
        write(invocation, &mut decl, name.unwrap_or(word))?;
    }
    Ok(resolved.record)
}

/// The options as a checked declaration.
fn options(invocation: &Invocation) -> Result<Decl, Failure> {
    let mut written = invocation.options.clone();
    // `--name=null` deletes a key of a running app; a new app has no key to delete.
    written.retain(|_, value| value != "null");
    if let Some(Value::String(list)) = written.shift_remove("ext") {
        let ignored = extensions::others(&commands::cwd()?, &list);
        written.insert("ignore_watch".to_owned(), json!(ignored));
    }
    let checked = check::options(&written).map_err(|problems| refused(invocation, &problems))?;
    warn(invocation, &checked.warnings);
    Ok(checked.decl)
}

/// Each problem as a warning on standard output, all of them as the error: PM2's way.
pub(crate) fn refused(invocation: &Invocation, problems: &[check::Problem]) -> Failure {
    let texts: Vec<&str> = problems
        .iter()
        .map(|problem| problem.text.as_str())
        .collect();
    for text in &texts {
        if !text.starts_with("Cron") {
            invocation.console.warn(text);
        }
    }
    Failure::new(texts.join(","))
}

fn warn(invocation: &Invocation, warnings: &[String]) {
    for warning in warnings {
        // PM2 has this one line on standard output.
        if warning.starts_with("Creating folder") {
            invocation.console.say(warning);
        } else {
            invocation.console.warn_aside(warning);
        }
    }
}

fn context(invocation: &Invocation, is_file: bool) -> Result<Context<'_>, Failure> {
    let env = change::captured();
    Ok(Context {
        cwd: commands::cwd()?,
        user: user(&env),
        env,
        evaluated: Map::new(),
        paths: &invocation.paths,
        is_file,
    })
}

/// The surroundings of the command.
fn user(env: &Map<String, Value>) -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let table = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    let named = || env.get("USER").and_then(Value::as_str).map(str::to_owned);
    entry.or_else(named).unwrap_or(uid)
}

/// Writes the declaration to a config file (`--write`).
fn write(invocation: &Invocation, decl: &mut Decl, name: &str) -> Result<(), Failure> {
    decl.insert("name".to_owned(), json!(name));
    let file_name = format!("{}-pm2.json", name.replace('/', "-"));
    let path: PathBuf = commands::cwd()?.join(file_name);
    let shown = path.display();
    invocation
        .console
        .say(format!("Writing configuration to {shown}"));
    let text = serde_json::to_string_pretty(decl).unwrap_or_default();
    fs::write(&path, text).map_err(|error| Failure::new(format!("cannot write {shown}: {error}")))
}
