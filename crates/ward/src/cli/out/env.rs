//! `env <id>`: what the app was given, one `KEY: value` per line, latest key first.

use serde_json::{Map, Value};

use super::color::{Paint, Style};
use super::record::{Record, to_text};

/// Fields of the record that are not environment. PM2 hides exactly these, so a variable with one
/// of the names is not shown; the last ones are ward's own.
const HIDDEN: [&str; 49] = [
    "name",
    "exec_mode",
    "env",
    "args",
    "pm_cwd",
    "exec_interpreter",
    "pm_exec_path",
    "node_args",
    "pm_out_log_path",
    "pm_err_log_path",
    "pm_pid_path",
    "pm_id",
    "status",
    "pm_uptime",
    "created_at",
    "windowsHide",
    "username",
    "merge_logs",
    "kill_retry_time",
    "prev_restart_delay",
    "instance_var",
    "unstable_restarts",
    "restart_time",
    "axm_actions",
    "pmx_module",
    "command",
    "watch",
    "filter_env",
    "versioning",
    "vizion_runing",
    "MODULE_DEBUG",
    "pmx",
    "axm_options",
    "vizion",
    "axm_dynamic",
    "axm_monitor",
    "instances",
    "automation",
    "autostart",
    "autorestart",
    "stop_exit_codes",
    "unstable_restart",
    "treekill",
    "exit_code",
    "exit_signal",
    "failure",
    "_tree_pids",
    "ward",
    "restart_task",
];

/// The lines of one record.
pub(crate) fn render(record: Record<'_>, paint: Paint) -> String {
    let empty = Map::new();
    let fields = record.env().unwrap_or(&empty);
    let shown = |(key, value): (&String, &Value)| {
        (!HIDDEN.contains(&key.as_str())).then(|| {
            let value = paint.apply(&to_text(value), &[Style::Green]);
            format!("{key}: {value}\n")
        })
    };
    fields.iter().rev().filter_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn inner_fields_are_hidden_and_the_order_is_reversed() {
        let record = json!({"name": "web", "pm2_env": {
            "name": "web", "namespace": "default", "node_args": [], "FOO": "bar", "PORT": 80,
            "TWO": "a\nb", "exit_code": 0,
        }});
        assert_eq!(
            render(Record::new(&record), Paint::PLAIN),
            "TWO: a\nb\nPORT: 80\nFOO: bar\nnamespace: default\n"
        );
        assert_eq!(render(Record::new(&json!(3)), Paint::PLAIN), "");
    }
}
