//! The expected texts without wide names and long statuses are PM2 7.0.4's own output for such
//! records, captured from outside.

use rstest::rstest;
use serde_json::json;

use super::*;

fn app(id: i64, name: &str, pid: i64, memory: u64, started: i64) -> Value {
    json!({"pid": pid, "name": name, "pm_id": id, "monit": {"memory": memory, "cpu": 0},
        "pm2_env": {"name": name, "namespace": "default", "exec_mode": "fork_mode",
            "status": "online", "pm_uptime": started, "restart_time": 0, "username": "root",
            "version": "N/A", "watch": false, "pm_id": id}})
}

fn set(mut record: Value, key: &str, value: Value) -> Value {
    record["pm2_env"][key] = value;
    record
}

fn metrics() -> Map<String, Value> {
    let value = json!({
        "CPU Usage": {"value": 6}, "CPU Temperature": {"value": -1}, "RAM Usage": {"value": 1.9},
        "Disk Reads": {"value": 0.716}, "Disk Writes": {"value": 2.159},
    });
    value.as_object().unwrap().clone()
}

fn sample() -> Vec<Value> {
    vec![
        app(0, "é", 10902, 51_170_508, 33_000),
        app(2, "x-with-longer-name", 10938, 51_275_366, 33_000),
        app(3, "mod-one", 12582, 52_009_370, 100_000),
        set(
            app(5, "mod2", 12611, 52_009_370, 0),
            "pmx_module",
            json!(true),
        ),
        set(
            app(6, "mon2", 12612, 52_009_370, 100_000),
            "_km_monitored",
            json!(true),
        ),
    ]
}

fn shown(records: &[Value], terminal: Option<usize>, sort: Option<&str>) -> String {
    let options = ListOptions {
        paint: Paint::PLAIN,
        terminal,
        sort,
        now_ms: 100_000,
    };
    render(records, Some(&metrics()), &Users::default(), &options)
}

#[test]
fn full_as_pm2_prints_it() {
    insta::assert_snapshot!(shown(&sample(), None, None), @r"
    ┌────┬───────────────────────┬─────────────┬─────────┬─────────┬──────────┬────────┬──────┬───────────┬──────────┬──────────┬──────────┬──────────┐
    │ id │ name                  │ namespace   │ version │ mode    │ pid      │ uptime │ ↺    │ status    │ cpu      │ mem      │ user     │ watching │
    ├────┼───────────────────────┼─────────────┼─────────┼─────────┼──────────┼────────┼──────┼───────────┼──────────┼──────────┼──────────┼──────────┤
    │ 3  │ mod-one               │ default     │ N/A     │ fork    │ 12582    │ 0s     │ 0    │ online    │ 0%       │ 49.6mb   │ root     │ disabled │
    │ 6  │ [M] mon2              │ default     │ N/A     │ fork    │ 12612    │ 0s     │ 0    │ online    │ 0%       │ 49.6mb   │ root     │ disabled │
    │ 2  │ x-with-longer-name    │ default     │ N/A     │ fork    │ 10938    │ 67s    │ 0    │ online    │ 0%       │ 48.9mb   │ root     │ disabled │
    │ 0  │ é                     │ default     │ N/A     │ fork    │ 10902    │ 67s    │ 0    │ online    │ 0%       │ 48.8mb   │ root     │ disabled │
    └────┴───────────────────────┴─────────────┴─────────┴─────────┴──────────┴────────┴──────┴───────────┴──────────┴──────────┴──────────┴──────────┘
    Module
    ┌────┬──────────────────────────────┬───────────────┬──────────┬──────────┬──────┬──────────┬──────────┬──────────┐
    │ id │ module                       │ version       │ pid      │ status   │ ↺    │ cpu      │ mem      │ user     │
    ├────┼──────────────────────────────┼───────────────┼──────────┼──────────┼──────┼──────────┼──────────┼──────────┤
    │ 5  │ mod2                         │ N/A           │ 12611    │ online   │ 0    │ 0%       │ 49.6mb   │ root     │
    └────┴──────────────────────────────┴───────────────┴──────────┴──────────┴──────┴──────────┴──────────┴──────────┘
    host metrics | cpu: 6% | ram usage: 1.9% | disk: ⇓ 0.716mb/s ⇑ 2.159mb/s
    ");
}

#[test]
fn condensed_and_mini_as_pm2_prints_them() {
    insta::assert_snapshot!(shown(&sample(), Some(120), None), @r"
    ┌────┬────────────────────┬──────────┬──────┬───────────┬──────────┬──────────┐
    │ id │ name               │ mode     │ ↺    │ status    │ cpu      │ memory   │
    ├────┼────────────────────┼──────────┼──────┼───────────┼──────────┼──────────┤
    │ 3  │ mod-one            │ fork     │ 0    │ online    │ 0%       │ 49.6mb   │
    │ 6  │ [M] mon2           │ fork     │ 0    │ online    │ 0%       │ 49.6mb   │
    │ 2  │ x-with-longer-name │ fork     │ 0    │ online    │ 0%       │ 48.9mb   │
    │ 0  │ é                  │ fork     │ 0    │ online    │ 0%       │ 48.8mb   │
    └────┴────────────────────┴──────────┴──────┴───────────┴──────────┴──────────┘
    Module
    ┌────┬────────────────────┬──────────┬──────────┬──────────┐
    │ id │ name               │ status   │ cpu      │ mem      │
    ├────┼────────────────────┼──────────┼──────────┼──────────┤
    │ 5  │ mod2               │ online   │ 0%       │ 49.6mb   │
    └────┴────────────────────┴──────────┴──────────┴──────────┘
    host metrics | cpu: 6% | ram usage: 1.9%
    ");
    insta::assert_snapshot!(shown(&sample()[..3], Some(60), None), @r"
    ┌────┬────────────────┬───────────┬────────┬──────────┐
    │ id │ name           │ status    │ cpu    │ mem      │
    ├────┼────────────────┼───────────┼────────┼──────────┤
    │ 3  │ mod-one        │ online    │ 0%     │ 49.6mb   │
    │ 2  │ x-with-longer… │ online    │ 0%     │ 48.9mb   │
    │ 0  │ é              │ online    │ 0%     │ 48.8mb   │
    └────┴────────────────┴───────────┴────────┴──────────┘
    host metrics | cpu: 6% | ram usage: 1.9%
    ");
}

#[test]
fn an_empty_list_is_its_heading() {
    let options = ListOptions {
        paint: Paint::PLAIN,
        terminal: None,
        sort: None,
        now_ms: 0,
    };
    insta::assert_snapshot!(render(&[], None, &Users::default(), &options), @r"
    ┌────┬───────────┬─────────────┬─────────┬─────────┬──────────┬────────┬──────┬───────────┬──────────┬──────────┬──────────┬──────────┐
    │ id │ name      │ namespace   │ version │ mode    │ pid      │ uptime │ ↺    │ status    │ cpu      │ mem      │ user     │ watching │
    └────┴───────────┴─────────────┴─────────┴─────────┴──────────┴────────┴──────┴───────────┴──────────┴──────────┴──────────┴──────────┘
    ");
}

#[test]
fn a_long_status_and_wide_names_are_whole_and_aligned() {
    let mut waiting = set(
        app(0, "日本語", 77, 0, 0),
        "status",
        json!("waiting restart"),
    );
    waiting = set(waiting, "exec_mode", json!("cluster_mode"));
    let mut never = set(app(1, "b", 0, 0, 0), "status", json!("errored"));
    never["pid"] = Value::Null;
    let options = ListOptions {
        paint: Paint::PLAIN,
        terminal: None,
        sort: None,
        now_ms: 0,
    };
    let users = Users::parse("web:x:33:33");
    let records = [waiting, set(never, "uid", json!(33))];
    insta::assert_snapshot!(render(&records, None, &users, &options), @r"
    ┌────┬───────────┬─────────────┬─────────┬─────────┬──────────┬────────┬──────┬─────────────────┬──────────┬──────────┬──────────┬──────────┐
    │ id │ name      │ namespace   │ version │ mode    │ pid      │ uptime │ ↺    │ status          │ cpu      │ mem      │ user     │ watching │
    ├────┼───────────┼─────────────┼─────────┼─────────┼──────────┼────────┼──────┼─────────────────┼──────────┼──────────┼──────────┼──────────┤
    │ 1  │ b         │ default     │ N/A     │ fork    │ N/A      │ 0      │ 0    │ errored         │ 0%       │ 0b       │ web      │ disabled │
    │ 0  │ 日本語    │ default     │ N/A     │ cluster │ 77       │ 0      │ 0    │ waiting restart │ 0%       │ 0b       │ root     │ disabled │
    └────┴───────────┴─────────────┴─────────┴─────────┴──────────┴────────┴──────┴─────────────────┴──────────┴──────────┴──────────┴──────────┘
    ");
}

#[rstest]
#[case(None, "3 2 0")]
#[case(Some("id"), "0 2 3")]
#[case(Some("ID:desc"), "3 2 0")]
#[case(Some("memory:desc"), "3 2 0")]
#[case(Some("pid"), "0 2 3")]
#[case(Some("name:desc"), "0 2 3")]
#[case(Some("name:DESC"), "3 2 0")]
#[case(Some("nope:desc"), "3 2 0")]
#[case(Some("status"), "0 2 3")]
#[case(Some("status:desc"), "0 2 3")]
fn order_of_rows(#[case] by: Option<&str>, #[case] ids: &str) {
    let records = &sample()[..3];
    let mut sorted: Vec<Record<'_>> = records.iter().map(Record::new).collect();
    sort(&mut sorted, by);
    let order: Vec<String> = sorted
        .iter()
        .map(|record| record.id().to_string())
        .collect();
    assert_eq!(order.join(" "), ids);
}

#[test]
fn the_size_follows_the_terminal() {
    let records = [app(0, "web", 1, 0, 0)];
    let apps: Vec<Record<'_>> = records.iter().map(Record::new).collect();
    assert_eq!(choose(&apps, None), Size::Full);
    assert_eq!(choose(&apps, Some(132)), Size::Full);
    assert_eq!(choose(&apps, Some(131)), Size::Condensed);
    assert_eq!(choose(&apps, Some(67)), Size::Condensed);
    assert_eq!(choose(&apps, Some(66)), Size::Mini);
}

#[test]
fn colours_as_pm2_sets_them() {
    let records = [app(0, "web", 1, 0, 0)];
    let options = ListOptions {
        paint: Paint { on: true },
        terminal: None,
        sort: None,
        now_ms: 0,
    };
    let text = render(&records, None, &Users::default(), &options);
    let row = text.lines().nth(3).unwrap();
    let expected = "\x1b[90m│\x1b[39m\x1b[1m\x1b[36m 0  \x1b[39m\x1b[22m\x1b[90m│\x1b[39m web    \x1b[90m│\x1b[39m";
    assert!(row.starts_with(expected), "{row:?}");
    assert!(
        row.contains(" \x1b[7m\x1b[1mfork\x1b[22m\x1b[27m    "),
        "{row:?}"
    );
    assert!(
        row.contains(" \x1b[32m\x1b[1monline\x1b[22m\x1b[39m    "),
        "{row:?}"
    );
    assert!(row.contains(" \x1b[90mdisabled\x1b[39m "), "{row:?}");
}
