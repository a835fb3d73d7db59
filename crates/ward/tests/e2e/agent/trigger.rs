//! Actions: those of the agent, and those of the app.

use serde_json::{Value, json};

use super::{APP, record_when, started};
use crate::harness::Ward;

#[test]
fn a_heap_dump_is_a_file_of_the_user_alone() {
    use std::os::unix::fs::MetadataExt;
    let (ward, _) = started(APP, &[]);
    record_when(&ward, "actions", |env| {
        env["axm_actions"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    let ran = ward
        .run(&["trigger", "app", "km:heapdump", "dump.heapsnapshot"])
        .succeeds()
        .prints("1 processes have received command km:heapdump\n");
    let file = ward.dir().join("dump.heapsnapshot");
    let answer = json!({ "success": true, "file": file });
    assert!(
        ran.stdout()
            .contains(&format!("[app:0:default]={answer}\n")),
        "{}",
        ran.stdout()
    );
    let dump = std::fs::read(&file).unwrap();
    assert!(serde_json::from_slice::<Value>(&dump).unwrap()["snapshot"].is_object());
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    ward.run(&["trigger", "0", "km:heapdump", "dump.heapsnapshot"])
        .succeeds()
        .prints(r#"{"success":false,"error":"EEXIST"#);
}

#[test]
fn trigger_says_what_is_wrong() {
    let (ward, _) = started(APP, &[]);
    for (words, text) in [
        (["0", "nope"], "Action doesn't exist nope for app\n"),
        (["99", "nope"], "99 id unknown\n"),
        (
            ["app", "nope"],
            "Not any process has received a command (offline or unexistent)\n",
        ),
        (
            ["nobody", "nope"],
            "Not any process has received a command (offline or unexistent)\n",
        ),
    ] {
        ward.run(&["trigger", words[0], words[1]])
            .fails()
            .complains(text);
    }
}

/// Every process answers, one of them by its end.
#[test]
fn trigger_waits_for_all() {
    let app = "
process.send({ type: 'axm:action', data: { action_name: 'go', action_type: 'custom', arity: 1 } })
process.on('message', (m) => {
  if (process.env.NODE_APP_INSTANCE === '1' && m.opts === 'die') process.exit(3)
  process.send({ type: 'axm:reply', data: { action_name: 'go', return: [m.opts || m] } })
})
process.send('up')";
    let ward = Ward::where_nobody_listens();
    ward.write("app.js", app);
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    for _ in 0..2 {
        bus.wait("both are up", |event| event.payload["raw"] == "up");
    }
    ward.run(&["trigger", "app", "go"])
        .succeeds()
        .prints("2 processes have received command go\n")
        .prints("[app:0:default]=[\"go\"]\n")
        .prints("[app:1:default]=[\"go\"]\n");
    ward.run(&["trigger", "0", "go", "there"])
        .succeeds()
        .prints("1 processes have received command go\n[app:0:default]=[\"there\"]\n");
    ward.run(&["trigger", "all", "go", "die"])
        .fails()
        .prints("[app:0:default]=[\"die\"]\n")
        .complains("[app:1:default] ended before it answered\n");
}
