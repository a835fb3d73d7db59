//! What cannot be a worker runs in fork mode, and one warning says what to do for a cluster.

use std::os::unix::fs::PermissionsExt;

use rstest::rstest;
use serde_json::json;

use super::project::Project;
use crate::cluster::client::get;
use crate::harness::{Ward, alive};

#[rstest]
#[case::pipe("npm", "run piped", "needs a shell: it has a pipe (|)")]
#[case::background("npm", "run background", "needs a shell: it has a background job (&)")]
#[case::nodemon(
    "npm",
    "run watched",
    "nodemon starts the app in a process of its own and watches files"
)]
#[case::yarn("yarn", "piped", "needs a shell: it has a pipe (|)")]
#[case::pnpm("pnpm", "run piped", "needs a shell: it has a pipe (|)")]
#[case::directly(
    "node_modules/.bin/nodemon",
    "server.js",
    "nodemon starts the app in a process of its own"
)]
fn it_runs_and_one_warning_says_why(
    #[case] launcher: &str,
    #[case] args: &str,
    #[case] reason: &str,
) {
    let project = Project::new();
    let ward = &project.ward;
    let mode = json!({ "exec_mode": "cluster" });
    let seen = project.start(launcher, &mode, &[("web", args)]);
    assert_eq!(seen["web"]["worker"], false);
    let app = ward.app("web");
    assert_eq!(app["pm2_env"]["exec_mode"], "fork_mode");
    assert_eq!(app["pm2_env"]["status"], "online");
    assert!(
        ward.run(&["describe", "web"])
            .succeeds()
            .stdout()
            .contains(reason)
    );
    // Declared once more, it is judged once more.
    let again = ward.run(&["restart", "apps.json"]).succeeds();
    let warnings = again
        .stderr()
        .matches("[PM2][WARN] App [web] runs in fork mode: ")
        .count();
    assert_eq!(warnings, 1, "{}", again.stderr());
    assert!(again.stderr().contains(reason), "{}", again.stderr());
    // Nothing could take over its port: it is stopped before it is started.
    ward.run(&["reload", "web"]).succeeds().prints("[web](0) ✓");
    ward.wait_status("web", "online");
}

#[test]
fn two_copies_are_two_processes() {
    let ward = Ward::new();
    ward.write("loop.sh", "echo copy $NODE_APP_INSTANCE; exec sleep 1000");
    let file =
        json!({ "name": "loop", "script": "loop.sh", "instances": 2, "exec_mode": "cluster" });
    ward.write("apps.json", &file.to_string());
    let started = ward.run(&["start", "apps.json"]).succeeds();
    let warning = "App [loop] runs in fork mode: bash is no program of node, bun or deno";
    assert_eq!(
        started.stderr().matches(warning).count(),
        1,
        "{}",
        started.stderr()
    );
    let list = ward.list();
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|app| app["pm2_env"]["status"] == "online"));
    ward.log_when("loop-out-0.log", |log| log == "copy 0\n");
    ward.log_when("loop-out-1.log", |log| log == "copy 1\n");
    // What is restored is judged once more, for the script may have changed.
    ward.run(&["save"]).succeeds();
    ward.run(&["kill"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    let list = ward.list();
    assert_eq!(list.len(), 2);
    assert!(
        list.iter()
            .all(|app| app["pm2_env"]["exec_mode"] == "fork_mode")
    );
    let log = ward.daemon_log();
    assert_eq!(
        log.matches("runs in fork mode: bash is no program").count(),
        4,
        "{log}"
    );
}

/// The launcher says what is wrong, as without ward, and it is no matter of the cluster.
#[test]
fn a_missing_script_is_the_launchers_affair() {
    let project = Project::new();
    let ward = &project.ward;
    let file = json!({
        "name": "web", "script": "npm", "args": "run nonsense", "instances": 1, "max_restarts": 1,
    });
    ward.write("apps.json", &file.to_string());
    ward.run(&["start", "apps.json"])
        .fails()
        .complains("[web](0)");
    ward.log_when("web-error-0.log", |log| {
        log.contains("Missing script: \"nonsense\"")
    });
}

/// Yarn 2 and later has a shell of its own, which nobody can replace.
#[test]
fn a_project_of_yarn_berry_runs_in_fork_mode() {
    let project = Project::new();
    let ward = &project.ward;
    let yarn = ward.write("bin/yarn", "#!/usr/bin/env node\nrequire('../server.js')\n");
    std::fs::set_permissions(&yarn, std::fs::Permissions::from_mode(0o755)).unwrap();
    ward.write(".yarnrc.yml", "nodeLinker: node-modules\n");
    let seen = project.start("bin/yarn", &json!({ "instances": 1 }), &[("web", "start")]);
    assert_eq!(seen["web"]["worker"], false);
    assert_eq!(ward.app("web")["pm2_env"]["exec_mode"], "fork_mode");
}

/// Whether a launcher asks its script shell is seen only when it does not: the app runs behind it.
#[test]
fn a_launcher_without_a_script_shell_is_found_out() {
    let project = Project::new();
    let ward = &project.ward;
    let text = "#!/usr/bin/env node
const { spawn } = require('child_process')
spawn('node', ['server.js'], { stdio: 'inherit' }).on('exit', (code, signal) => process.exit(signal ? 130 : code))
process.on('SIGINT', () => {})
";
    let yarn = ward.write("bin/yarn", text);
    std::fs::set_permissions(&yarn, std::fs::Permissions::from_mode(0o755)).unwrap();
    let seen = project.start("bin/yarn", &json!({ "instances": 1 }), &[("web", "start")]);
    assert_eq!(seen["web"]["worker"], false);
    ward.wait_until("fork mode", |list| {
        list[0]["pm2_env"]["exec_mode"] == "fork_mode"
    });
    let log = ward.daemon_log();
    assert!(log.contains("runs the app without a script shell"), "{log}");
    let port = ward.app("web")["pm2_env"]["PORT"].as_u64().unwrap();
    let app: u32 = get(u16::try_from(port).unwrap()).parse().unwrap();
    ward.run(&["stop", "web"]).succeeds();
    assert!(!alive(app));
    assert_eq!(ward.app("web")["pm2_env"]["exit_code"], 130);
}
