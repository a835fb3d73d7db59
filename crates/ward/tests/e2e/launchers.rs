//! Launchers as cluster workers: real npm, yarn, pnpm and npx from the registry, times the shapes
//! that scripts of packages have. The app becomes a worker and sees what it sees behind its launcher.

mod alone;
mod interpreters;
mod project;

use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use self::project::Project;
use crate::cluster::client::get;

/// Variables of an app that differ between two starts of it, or between the modes.
const OTHERWISE: [&str; 15] = [
    "_pm2_version",
    "PORT",
    "NODE_APP_INSTANCE",
    "NODE_UNIQUE_ID",
    "exec_mode",
    "instances",
    "merge_logs",
    "pm_id",
    "pm_err_log_path",
    "pm_out_log_path",
    "pm_pid_path",
    "pm_uptime",
    "created_at",
    "unique_id",
    "npm_config_argv",
];

/// What an app saw, without what differs by nature. Yarn puts a folder of its own process first in
/// PATH, with a name made by chance.
fn comparable(mut seen: Value) -> Value {
    let object = seen.as_object_mut().unwrap();
    object.remove("worker");
    // The link of tsx to the process it stays in; here there is none.
    let options = object["execArgv"].as_array_mut().unwrap();
    let is_link = |word: &Value| word.as_str().unwrap().ends_with("/tsx/dist/preflight.cjs");
    if let Some(at) = options.iter().position(is_link) {
        options.drain(at - 1..=at);
    }
    let env = object["env"].as_object_mut().unwrap();
    env.retain(|name, _| !OTHERWISE.contains(&name.as_str()));
    let path = env["PATH"].as_str().unwrap();
    let path: Vec<&str> = path
        .split(':')
        .filter(|folder| !folder.contains("/yarn--"))
        .collect();
    env["PATH"] = json!(path.join(":"));
    seen
}

#[rstest]
#[case::npm("npm", &[
    ("start", "start"), ("variables", "run variables"), ("cross", "run cross"), ("chain", "run-script chain"),
    ("built", "run built"), ("ended", "run ended"), ("envfile", "run envfile"), ("quotes", "run quotes"),
    ("silent", "start --silent"), ("silent-first", "--silent run start"), ("prefix", "--prefix packages/api start"),
    ("workspace", "start --workspace=api"), ("more", "start -- --more 'x y'"), ("nested", "run nested"),
    ("typed", "run typed"), ("exec", "exec -- cross-env A=1 node server.js"),
])]
#[case::yarn("yarn", &[
    ("start", "start"), ("variables", "run variables"), ("cross", "cross"), ("chain", "chain"), ("built", "built"),
    ("envfile", "run envfile"), ("quotes", "quotes"), ("silent", "-s start"), ("more", "start --more 'x y'"),
    ("workspace", "workspace api start"), ("folder", "--cwd packages/api start"), ("typed", "run typed"),
])]
#[case::pnpm("pnpm", &[
    ("start", "start"), ("variables", "run variables"), ("cross", "cross"), ("chain", "run chain"),
    ("envfile", "run envfile"), ("quotes", "run quotes"), ("silent", "--silent start"), ("more", "start --more 'x y'"),
    ("filter", "--filter api start"), ("folder", "-C packages/api start"), ("typed", "run typed"),
])]
#[case::npx("npx", &[
    ("yes", "--yes cross-env A=1 node server.js"), ("local", "cross-env A=1 B=2 node server.js --more"),
    ("typed", "-y tsx server.js"), ("call", "-c 'NODE_ENV=production node server.js'"),
])]
fn the_app_is_a_worker_and_sees_what_it_sees_behind_its_launcher(
    #[case] launcher: &str,
    #[case] cases: &[(&str, &str)],
) {
    let project = Project::new();
    let ward = &project.ward;
    // PM2 takes an app that only names a number of instances for a cluster app.
    let workers = project.start(launcher, &json!({ "instances": 1 }), cases);
    for app in ward.list() {
        assert_eq!(
            app["pm2_env"]["exec_mode"], "cluster_mode",
            "{}",
            app["name"]
        );
        assert_eq!(app["pm2_env"]["status"], "online", "{}", app["name"]);
        let port = app["pm2_env"]["PORT"].as_u64().unwrap();
        let pid = get(u16::try_from(port).unwrap());
        assert!(pid.parse::<u32>().is_ok(), "{}: {pid}", app["name"]);
    }
    ward.run(&["delete", "all"]).succeeds();
    let apps = project.start(launcher, &json!({ "exec_mode": "fork" }), cases);
    for (name, worker) in workers {
        assert_eq!(worker["worker"], true, "{launcher} {name}");
        let alone = apps[&name].clone();
        assert_eq!(alone["worker"], false, "{launcher} {name}");
        assert_same(
            &format!("{launcher} {name}"),
            &comparable(worker),
            &comparable(alone),
        );
    }
}

/// Shows only what differs.
fn assert_same(title: &str, worker: &Value, alone: &Value) {
    let mut differences = Vec::new();
    for key in ["argv", "execArgv", "cwd"] {
        if worker[key] != alone[key] {
            differences.push(format!(
                "{key}: {} behind the launcher: {}",
                worker[key], alone[key]
            ));
        }
    }
    let (ours, theirs) = (
        worker["env"].as_object().unwrap(),
        alone["env"].as_object().unwrap(),
    );
    for name in ours.keys().chain(theirs.keys()) {
        let pair = (ours.get(name), theirs.get(name));
        if pair.0 != pair.1 {
            differences.push(format!(
                "{name}: {:?} behind the launcher: {:?}",
                pair.0, pair.1
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{title}\n{}",
        differences.join("\n")
    );
}

#[test]
fn scripts_before_and_after_run_when_they_would() {
    let project = Project::new();
    let cases = [("built", "run built"), ("ended", "run ended")];
    project.start("npm", &json!({ "instances": 1 }), &cases);
    let ran = |file: &str| fs::read_to_string(project.seen.join(file));
    assert_eq!(ran("built.built").unwrap(), "built\n");
    // The script behind it runs when the app has ended well, not while it runs.
    ran("ended.ended").expect_err("it runs still");
    project.ward.run(&["stop", "all"]).succeeds();
    ran("ended.ended").expect_err("it was interrupted");
}

#[test]
fn a_reload_replaces_the_workers_behind_a_launcher() {
    let project = Project::new();
    let mode = json!({ "instances": 2 });
    project.start("npm", &mode, &[("web", "start")]);
    let ward = &project.ward;
    let pids = |list: &[Value]| -> Vec<u64> {
        list.iter()
            .map(|app| app["pid"].as_u64().unwrap())
            .collect()
    };
    let before = pids(&ward.list());
    ward.run(&["reload", "web"]).succeeds();
    let list = ward.list();
    assert!(pids(&list).iter().all(|pid| !before.contains(pid)));
    let port = u16::try_from(list[0]["pm2_env"]["PORT"].as_u64().unwrap()).unwrap();
    let answers: Vec<u64> = (0..4).map(|_| get(port).parse().unwrap()).collect();
    assert!(
        pids(&list).iter().all(|pid| answers.contains(pid)),
        "{answers:?}"
    );
}
