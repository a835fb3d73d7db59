//! Turns a declaration into the record that starts it: everything that depends on this machine and
//! on the place where the command runs. The rules are those of PM2's client. What that client
//! leaves for the daemon to fail at (a missing folder, a file without execute permission) is
//! refused here.

mod environment;
mod files;
mod interpreter;
pub(crate) mod lookup;
mod owner;
mod program;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use ward_core::config::{Decl, check, default_name};
use ward_home::Paths;

use crate::exit::Failure;

/// The surroundings of a command: folder, environment, user.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    /// Current directory.
    pub(crate) cwd: PathBuf,
    /// The environment of the command, with the changes of an evaluated configuration file.
    pub(crate) env: Map<String, Value>,
    /// The variables that such a file has added or changed.
    pub(crate) evaluated: Map<String, Value>,
    /// The home folder.
    pub(crate) paths: &'a Paths,
    /// The name of the user.
    pub(crate) user: String,
    /// Whether the declaration comes from a file.
    pub(crate) is_file: bool,
}

/// An app that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The argument for `ward:prepare`: PM2's prepare record, with the environment layers under
    /// `ward`.
    pub(crate) record: Map<String, Value>,
    /// Notices for the user, one line each.
    pub(crate) warnings: Vec<String>,
}

/// A declaration on its way to a record: `take_*` removes checked keys, `put` adds record keys.
struct Draft<'a> {
    decl: Decl,
    record: Map<String, Value>,
    context: &'a Context<'a>,
    cwd: PathBuf,
    /// The `PATH` of the app, in which programs are looked up.
    path: String,
    warnings: Vec<String>,
}

/// Resolves one declaration, as [`crate::cli::ecosystem::load`] or
/// [`ward_core::config::check::options`] returns it.
pub(crate) fn resolve(decl: &Decl, context: &Context<'_>) -> Result<Resolved, Failure> {
    let mut draft = Draft::new(decl, context)?;
    let program = program::find(&mut draft)?;
    let interpreter = interpreter::choose(&mut draft, &program)?;
    let name = names(&mut draft, &program.name);
    let owner = owner::look_up(&mut draft)?;
    let layers = environment::layers(&mut draft, &name, &interpreter.program, owner.as_ref());
    mode(&mut draft, &interpreter.program);
    files::paths(&mut draft, &name)?;
    Ok(draft.finish(&program, &interpreter, &layers))
}

impl<'a> Draft<'a> {
    fn new(decl: &Decl, context: &'a Context<'a>) -> Result<Self, Failure> {
        let mut decl = decl.clone();
        if !context.is_file {
            // PM2's command line always sends a value for these options.
            decl.entry("filter_env").or_insert_with(|| json!([]));
            decl.entry("watch").or_insert(Value::Bool(false));
        }
        let declared = decl
            .get("env")
            .and_then(|env| env.get("PATH"))
            .and_then(Value::as_str);
        let inherited = context.env.get("PATH").and_then(Value::as_str);
        let path = declared.or(inherited).unwrap_or_default().to_owned();
        let mut draft = Self {
            decl,
            record: Map::new(),
            context,
            cwd: context.cwd.clone(),
            path,
            warnings: Vec::new(),
        };
        if let Some(cwd) = draft.decl.get("cwd").and_then(Value::as_str) {
            let folder = draft.absolute(cwd);
            if !folder.is_dir() {
                let what = if folder.exists() {
                    "is no directory"
                } else {
                    "does not exist"
                };
                let message = format!("Working directory {what}: {}", folder.display());
                return Err(Failure::new(message));
            }
            draft.cwd = folder;
        }
        Ok(draft)
    }

    /// Resolves a path of the user against the app's directory.
    fn absolute(&self, path: &str) -> PathBuf {
        let home = self.context.env.get("HOME").and_then(Value::as_str);
        let expanded = match (path.strip_prefix('~'), home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{home}{rest}")
            }
            _ => path.to_owned(),
        };
        normalized(&self.cwd.join(expanded))
    }

    fn take_text(&mut self, key: &str) -> Option<String> {
        match self.decl.shift_remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.record.insert(key.to_owned(), value.into());
    }

    /// The record: declared keys that need no resolution, the resolved keys, and the layers.
    fn finish(
        mut self,
        program: &program::Program,
        interpreter: &interpreter::Interpreter,
        layers: &environment::Layers,
    ) -> Resolved {
        for gone in ["script", "env", "execute_command", "append_env_to_name"] {
            self.decl.shift_remove(gone);
        }
        check::fill_defaults(&mut self.decl);
        if self.decl.get("automation") == Some(&Value::Bool(false)) {
            self.decl.insert("pmx".to_owned(), Value::Bool(false));
        }
        if self.decl.shift_remove("disable_trace") == Some(Value::Bool(true)) {
            self.decl.insert("trace".to_owned(), Value::Bool(false));
        }
        let stamped = self.decl.get("time") == Some(&Value::Bool(true));
        if stamped || (self.context.env.contains_key("ASZ_MODE") && !self.decl.contains_key("time"))
        {
            self.decl
                .insert("log_date_format".to_owned(), json!("YYYY-MM-DDTHH:mm:ss"));
        }
        self.decl.insert("env".to_owned(), layers.merged());
        self.decl
            .insert("username".to_owned(), json!(self.context.user));
        if let Some(args) = &program.args {
            self.decl.insert("args".to_owned(), json!(args));
        }
        let mut node_args: Vec<Value> = interpreter.args.iter().map(|word| json!(word)).collect();
        if let Some(Value::Array(stated)) = self.decl.get("node_args") {
            node_args.extend(stated.iter().cloned());
        }
        self.decl.insert("node_args".to_owned(), json!(node_args));
        self.put("pm_exec_path", program.path.clone());
        self.put("pm_cwd", text(&self.cwd));
        self.put("exec_interpreter", interpreter.program.clone());
        self.put("km_link", false);
        self.put("ward", layers.apart());
        let mut record = self.decl;
        record.extend(self.record);
        Resolved {
            record,
            warnings: self.warnings,
        }
    }
}

/// The name of the app in the list, with `name_prefix`.
fn names(draft: &mut Draft<'_>, script: &str) -> String {
    let name = draft
        .take_text("name")
        .unwrap_or_else(|| default_name(script));
    let name = match draft.decl.get("name_prefix").and_then(Value::as_str) {
        Some(prefix) => format!("{prefix}:{name}"),
        None => name,
    };
    draft.put("name", name.clone());
    name
}

/// Decides the mode and the number of instances.
fn mode(draft: &mut Draft<'_>, interpreter: &str) {
    let instances = draft
        .decl
        .shift_remove("instances")
        .and_then(|count| count.as_i64());
    let forced = draft.decl.get("execute_command") == Some(&Value::Bool(true));
    let stated = draft.take_text("exec_mode");
    // PM2 knows the first two; Deno has a cluster module since 2.8.
    let clusters = ["node", "bun", "deno"]
        .iter()
        .any(|runtime| interpreter.ends_with(runtime));
    let cluster = match stated.as_deref() {
        _ if forced => false,
        Some(mode) => mode.starts_with("cluster"),
        None => instances.is_some() && clusters,
    };
    let merge = draft.decl.get("merge_logs").and_then(Value::as_bool);
    // PM2 takes 0, which is also `max`, for one file, except where a file states the mode cluster.
    let stated_cluster = draft.context.is_file && cluster && stated.is_some();
    let one_file = instances == Some(0) && !stated_cluster;
    if merge.is_none() && (one_file || (!cluster && instances.is_none())) {
        draft
            .decl
            .insert("merge_logs".to_owned(), Value::Bool(true));
    } else if merge == Some(false) {
        draft.decl.shift_remove("merge_logs");
    }
    draft.put(
        "exec_mode",
        if cluster { "cluster_mode" } else { "fork_mode" },
    );
    draft.put("instances", instances.unwrap_or(1));
}

/// Removes `.` and `..` from an absolute path without looking at the file system: symbolic links
/// stay as the user wrote them.
fn normalized(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
