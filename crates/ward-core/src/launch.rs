//! All the shell needs to know to begin a life: plain data, computed by the core from spec and
//! instance at the moment of the spawn.

use std::collections::BTreeSet;

use crate::config::env_bytes::ExactVariable;
use crate::spec::UserSpec;

/// A process that is to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Interpreter or script: an absolute path, or a bare name to look up in `PATH` of `env`.
    pub program: String,
    /// The arguments, beginning with the name of the program.
    pub argv: Vec<String>,
    /// The whole environment but `exact_env`; the shell adds only the channel's own variables.
    pub env: Vec<(String, String)>,
    /// Variables that are not UTF-8, as bytes.
    pub exact_env: Vec<ExactVariable>,
    /// The variables in it that the declaration sets itself: those stay as they are, whoever the
    /// process runs as. Empty without a declared user.
    pub own_variables: BTreeSet<String>,
    /// Working directory, absolute.
    pub cwd: String,
    /// The script, for the nearest package.json.
    pub script: String,
    /// The user and group the process runs as.
    pub user: UserSpec,
    /// Give it a Node IPC channel.
    pub ipc: bool,
    /// Worker of a cluster: its `NODE_UNIQUE_ID`, when it is one.
    pub worker: Option<u32>,
    /// `unique_id`: found again in the environment of every descendant.
    pub marker: String,
    /// The files for its output, and their form.
    pub output: Output,
    /// Pid file, with the instance id in its name.
    pub pid_path: Option<String>,
}

/// The output of a life: its files and their form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The name of the app, shown in bus events and JSON lines.
    pub app_name: String,
    /// The namespace of the app, shown there, too.
    pub namespace: String,
    /// The id of the instance, shown there, too.
    pub pm_id: u32,
    /// Nothing is written and nothing published.
    pub disabled: bool,
    /// The file for standard output; `None`: no file.
    pub out_path: Option<String>,
    /// The file for standard error; `None`: no file.
    pub err_path: Option<String>,
    /// The file that gets both; `None`: no file.
    pub combined_path: Option<String>,
    /// One JSON object per line.
    pub json: bool,
    /// Day.js format of the line prefix.
    pub date_format: Option<String>,
}
