//! The main block and the blocks after it are PM2 7.0.4's own output, but for the hints and the
//! rows only ward has.

use serde_json::json;

use super::*;

fn shown(record: &Value, local: &[(String, String)]) -> String {
    let options = DescribeOptions {
        paint: Paint::PLAIN,
        terminal: None,
        now_ms: 1_795_227_445_920 + 37_500,
        program: "pm2",
        local,
    };
    render(record, &options)
}

fn lg() -> Value {
    json!({"pid": 9233, "name": "lg", "pm_id": 1, "monit": {"memory": 1, "cpu": 0}, "pm2_env": {
        "name": "lg", "namespace": "nsA", "status": "online", "restart_time": 1, "version": "N/A",
        "max_memory_restart": 209_715_200, "cron_restart": "0 0 1 1 *", "node_args": [],
        "args": ["a", "b c"], "pm_uptime": 1_795_227_445_920_i64,
        "pm_exec_path": "/srv/lg.js", "pm_err_log_path": "/h/logs/lg-error-1.log",
        "pm_out_log_path": "/h/logs/lg-out-1.log", "pm_pid_path": "/h/pids/lg-1.pid",
        "exec_interpreter": "node", "pm_cwd": "/srv", "exec_mode": "cluster_mode",
        "node_version": "20.20.2", "watch": false, "unstable_restarts": 0,
        "created_at": 1_795_227_445_920_i64,
        "env": {"HOME": "/home/a", "FOO": "bar", "SAME": "x"},
        "axm_actions": [{"action_name": "km:heapdump"}, {"action_name": "km:cpu:profiling:start"}],
        "axm_monitor": {"Heap Size": {"value": "6.23", "unit": "MiB"}, "Active handles": {"value": 1}}
    }})
}

#[test]
fn blocks_as_pm2_prints_them() {
    let local = [("HOME", "/other"), ("FOO", "different"), ("SAME", "x")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    insta::assert_snapshot!(shown(&lg(), &local), @r"
     Describing process with id 1 - name lg 
    ┌────────────────────┬──────────────────────────┐
    │ status             │ online                   │
    │ name               │ lg                       │
    │ namespace          │ nsA                      │
    │ version            │ N/A                      │
    │ restarts           │ 1                        │
    │ max memory restart │ 209715200                │
    │ cron restart       │ 0 0 1 1 *                │
    │ uptime             │ 37s                      │
    │ script path        │ /srv/lg.js               │
    │ script args        │ a b c                    │
    │ error log path     │ /h/logs/lg-error-1.log   │
    │ out log path       │ /h/logs/lg-out-1.log     │
    │ pid path           │ /h/pids/lg-1.pid         │
    │ interpreter        │ node                     │
    │ interpreter args   │ N/A                      │
    │ script id          │ 1                        │
    │ exec cwd           │ /srv                     │
    │ exec mode          │ cluster_mode             │
    │ node.js version    │ 20.20.2                  │
    │ node env           │ N/A                      │
    │ watch & reload     │ ✘                        │
    │ unstable restarts  │ 0                        │
    │ created at         │ 2026-11-21T02:17:25.920Z │
    └────────────────────┴──────────────────────────┘
     Actions available 
    ┌────────────────────────┐
    │ km:heapdump            │
    │ km:cpu:profiling:start │
    └────────────────────────┘
     Trigger via: pm2 trigger lg <action_name>

     Code metrics value 
    ┌────────────────┬──────────┐
    │ Heap Size      │ 6.23 MiB │
    │ Active handles │ 1        │
    └────────────────┴──────────┘
     Divergent env variables from local env 
    ┌──────┬─────────┐
    │ HOME │ /home/a │
    │ FOO  │ bar     │
    └──────┴─────────┘

     Logs: pm2 logs lg [--lines 1000]
     Environment: pm2 env 1
    ");
}

#[test]
fn why_it_does_not_run_is_said() {
    let mut record = lg();
    record["pm2_env"]["status"] = json!("errored");
    record["pm2_env"]["exit_code"] = json!(137);
    record["pm2_env"]["exit_signal"] = json!("SIGKILL");
    record["pm2_env"]["failure"] = json!("cannot execute /srv/lg.js: permission denied");
    let text = shown(&record, &[]);
    let tail: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("created at"))
        .collect();
    insta::assert_snapshot!(tail[..4].join("\n"), @r"
    │ created at         │ 2026-11-21T02:17:25.920Z                     │
    │ exit signal        │ SIGKILL                                      │
    │ failure            │ cannot execute /srv/lg.js: permission denied │
    └────────────────────┴──────────────────────────────────────────────┘
    ");
    assert!(
        text.contains(" Divergent env variables from local env \n\n\n Logs:"),
        "{text}"
    );
}

#[test]
fn junk_is_not_a_reason_to_fail() {
    for junk in [
        json!(null),
        json!([]),
        json!({"pm2_env": 3}),
        json!({"pm2_env": {"args": "a b"}}),
    ] {
        assert!(shown(&junk, &[]).contains("Describing process with id -1"));
    }
}
