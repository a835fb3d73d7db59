//! All the shell needs to know to begin a life: plain data, computed by the core from spec and
//! instance at the moment of the spawn.

use crate::spec::UserSpec;

/// A process to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Interpreter or script: an absolute path, or a bare name to look up in `PATH` of `env`.
    pub program: String,
    /// All words, the first one included.
    pub argv: Vec<String>,
    /// The whole environment; the shell adds only the channel's own variables.
    pub env: Vec<(String, String)>,
    /// Working directory, absolute.
    pub cwd: String,
    /// The script, for the nearest package.json.
    pub script: String,
    /// Who runs it.
    pub user: UserSpec,
    /// Give it a Node IPC channel.
    pub ipc: bool,
    /// Worker of a cluster: its `NODE_UNIQUE_ID`, when it is one.
    pub worker: Option<u32>,
    /// `unique_id`: found again in the environment of every descendant.
    pub marker: String,
    /// Where its output goes.
    pub output: Output,
    /// Pid file, with the instance id in its name.
    pub pid_path: Option<String>,
}

/// Where the output of a life goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Shown in bus events and JSON lines.
    pub app_name: String,
    /// Likewise.
    pub namespace: String,
    /// Likewise.
    pub pm_id: u32,
    /// Nothing is written and nothing published.
    pub disabled: bool,
    /// Files; `None`: no file.
    pub out_path: Option<String>,
    /// Likewise.
    pub err_path: Option<String>,
    /// Gets both.
    pub combined_path: Option<String>,
    /// One JSON object per line.
    pub json: bool,
    /// Day.js format of the line prefix.
    pub date_format: Option<String>,
}
