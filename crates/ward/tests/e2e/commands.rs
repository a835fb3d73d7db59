//! Words on the command line: what is understood, what is refused and how that is said.

mod usage;

use serde_json::{Value, json};

use crate::harness::Ward;

const SLEEPER: &str = "exec sleep 1000\n";

#[test]
fn silence_hides_words_and_keeps_data_and_exit_codes() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    let quiet = |words: &[&str], code: i32| {
        let ran = ward.run(words);
        assert_eq!(
            (ran.code(), ran.stdout(), ran.stderr()),
            (code, String::new(), String::new()),
            "{words:?}"
        );
    };
    quiet(&["-s", "start", "app.sh"], 0);
    quiet(&["ls", "-s"], 0);
    quiet(&["--silent", "restart", "app"], 0);
    quiet(&["-s", "describe", "app"], 0);
    quiet(&["-s", "id", "app"], 0);
    quiet(&["-s", "ping"], 0);
    quiet(&["-s", "stop", "nope"], 1);
    quiet(&["-s", "start", "nope.js"], 1);
    let data: Value = serde_json::from_str(&ward.run(&["-s", "jlist"]).stdout()).unwrap();
    assert_eq!(data[0]["name"], "app");
    let pid = format!("{}\n", ward.pid("app"));
    assert_eq!(ward.run(&["-s", "pid", "app"]).stdout(), pid);
    ward.run(&["-s", "prettylist"]).prints("pm_id: 0");
}

/// A program that gives commands wants no words, but gets what it asked for.
#[test]
fn a_program_gets_the_list_without_the_words() {
    let ward = Ward::new().with_env("PM2_PROGRAMMATIC", "true");
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"])
        .succeeds()
        .prints("online")
        .prints_no("[PM2]");
    ward.run(&["ls"]).succeeds().prints("online");
    let refused = ward.run(&["stop", "nope"]).fails();
    assert_eq!(refused.stderr(), "");
}

#[test]
fn signals_go_to_names_ids_and_scripts() {
    let ward = Ward::new();
    ward.write(
        "sig.sh",
        "trap 'echo got it' USR2; echo ready; while :; do sleep 1000 & wait; done\n",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "sig.sh"]).succeeds();
    bus.wait_output("sig", "ready");
    for target in ["sig", "0", "sig.sh", "./sig.sh", "all"] {
        let kind = if target == "0" { "id" } else { "name" };
        let mut bus = ward.bus();
        ward.run(&["sendSignal", "SIGUSR2", target])
            .succeeds()
            .prints(&format!(
                "[PM2] Sending signal to process {kind} {target}\n\
                 successfully sent signal SIGUSR2 to process {kind} {target}\n"
            ));
        bus.wait_output("sig", "got it");
    }
    for (words, text) in [
        (["sendSignal", "SIGNOPE", "sig"], "Unknown signal: SIGNOPE"),
        (["sendSignal", "SIGUSR2", "nope"], "Unknown process name"),
        (["sendSignal", "SIGUSR2", "99"], "99 id unknown"),
    ] {
        ward.run(&words).fails().complains(text);
    }
}

/// The worker that came is told of, under its own id; the one that went has done its part.
#[test]
fn a_reload_is_announced_with_what_runs_now() {
    let ward = Ward::where_nobody_listens();
    ward.write("app.js", "setInterval(() => {}, 1000)");
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let mut bus = ward.bus();
    ward.run(&["reload", "app"]).succeeds();
    for id in [0, 1] {
        let event = bus.wait("a reload", |event| event.is_process("reload"));
        let told = &event.payload["process"];
        assert_eq!(
            (&told["pm_id"], &told["status"]),
            (&json!(id), &json!("online"))
        );
    }
}

/// The file says that nobody but its user starts this app: neither the file nor its reload does.
#[test]
fn a_file_does_not_start_what_is_not_to_start_by_itself() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "eco.json",
        r#"[{"name":"job","script":"app.sh","autostart":false},{"name":"web","script":"app.sh"}]"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    for command in [
        "start",
        "restart",
        "reload",
        "startOrRestart",
        "startOrReload",
    ] {
        ward.run(&[command, "eco.json"])
            .succeeds()
            .prints("[PM2] [job](0) ✓");
        assert_eq!(ward.status("job"), "stopped", "{command}");
        assert_eq!(ward.status("web"), "online", "{command}");
    }
    // What the file says is remembered for the day somebody starts it.
    ward.write(
        "eco.json",
        r#"[{"name":"job","script":"app.sh","autostart":false,"args":["new"]}]"#,
    );
    ward.run(&["restart", "eco.json"]).succeeds();
    assert_eq!(ward.app("job")["pm2_env"]["args"], json!(["new"]));
    ward.run(&["start", "job"]).succeeds();
    let first = ward.pid("job");
    // A running one is restarted like any other.
    ward.run(&["restart", "eco.json"]).succeeds();
    assert_eq!(ward.status("job"), "online");
    assert_ne!(ward.pid("job"), first);
}

#[test]
fn an_empty_word_starts_nothing() {
    let ward = Ward::new();
    ward.run(&["start", ""])
        .fails()
        .complains("the target is empty");
    assert!(ward.list().is_empty());
    ward.run(&["reset", "all"]).succeeds().prints("│ id │");
}

#[test]
fn what_the_daemon_says_is_published_as_it_is() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh"]).succeeds();
    let event = bus.wait("a line", |event| {
        let said = event.payload["data"].as_str().unwrap_or_default();
        event.topic == "log:PM2" && said.contains("starting in")
    });
    assert_eq!(
        event.payload["data"],
        "App [app:0] starting in -fork mode-\n"
    );
}
