//! Names in PM2's records that are no part of a declaration, or only kept.

/// State of an instance, as lists and dumps carry it.
pub(super) const RUNTIME: &[&str] = &[
    "status",
    "pm_uptime",
    "created_at",
    "axm_actions",
    "axm_monitor",
    "axm_options",
    "axm_dynamic",
    "pm_id",
    "restart_time",
    "unstable_restarts",
    "unstable_restart",
    "prev_restart_delay",
    "exit_code",
    "exit_signal",
    "failure",
    "last_reload",
    "version",
    "node_version",
    "_pm2_version",
    "versioning",
    "vizion_running",
    "vizion_runing",
    "_tree_pids",
    "_km_monitored",
    "restart_task",
    "command",
    "unique_id",
    "pid",
    "monit",
    "current_conf",
    "updateEnv",
    "MODULE_DEBUG",
    "error",
    "last_restart",
    "backoff",
];

/// Words of a declaration that restarts from a file leave in PM2's records without effect.
pub(super) const INERT: &[&str] = &[
    "script",
    "exec",
    "cmd",
    "cwd",
    "interpreter",
    "interpreter_args",
    "out_file",
    "out_log",
    "output",
    "out",
    "error_file",
    "err_log",
    "err_file",
    "err",
    "log_file",
    "log",
    "pid_file",
    "combine_logs",
];

/// What `current_conf` cannot change in a running app, as in PM2.
pub(super) const FIXED: &[&str] = &["exec_mode", "pm_id", "status", "ward"];

/// What PM2's command line puts into every `current_conf`, stated or not.
pub(super) const UNASKED: &[&str] = &[
    "merge_logs",
    "instance_var",
    "kill_retry_time",
    "filter_env",
];

/// Declared options that ward only keeps and shows; they are never mistaken for variables.
pub(super) const KEPT: &[&str] = &[
    "source_map_support",
    "post_update",
    "trace",
    "disable_trace",
    "deep_monitoring",
    "v8",
    "event_loop_inspector",
    "io",
    "force",
    "write",
    "append_env_to_name",
    "execute_command",
    "install_url",
    "pmx_module",
    "module_conf",
];

/// Shown in every record of PM2's clients, with no meaning here.
pub(super) const SHOWN: &[&str] = &["windowsHide", "km_link"];
