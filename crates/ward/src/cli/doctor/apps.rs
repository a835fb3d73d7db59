//! The apps: who they run as, and who could change what they run.

use std::path::Path;

use serde_json::Value;
use ward_home::dump::Entry;

use super::Report;
use super::access::threat;

/// The keys of paths whose change would change the app, or what the daemon writes for it.
const PATHS: [(&str, &str); 5] = [
    ("pm_exec_path", "script"),
    ("pm_cwd", "working folder"),
    ("pm_out_log_path", "log file"),
    ("pm_err_log_path", "error log file"),
    ("pm_pid_path", "pid file"),
];

/// Looks at all apps. `daemon` is the user of the daemon, else the apps will run as the user of this
/// process.
pub(super) fn examine(report: &mut Report, apps: &[Entry], daemon: Option<u32>) {
    let daemon = daemon.unwrap_or_else(|| rustix::process::geteuid().as_raw());
    report.fact("apps", apps.len().to_string());
    let mut of_root: Vec<&str> = Vec::new();
    for app in apps {
        let name = app.get("name").and_then(Value::as_str).unwrap_or_default();
        let user = user(app, daemon);
        if user == Some(0) {
            of_root.push(name);
        }
        examine_paths(report, app, name, (daemon, user));
    }
    of_root.sort_unstable();
    of_root.dedup();
    if !of_root.is_empty() {
        report.note(
            format!("these apps run as root: {}", of_root.join(", ")),
            "declare `user` for each that does not need to be root".to_owned(),
        );
    }
}

/// The user id an app runs as, if it is stated as a number.
fn user(app: &Entry, daemon: u32) -> Option<u32> {
    match app.get("uid").filter(|uid| !uid.is_null()) {
        None => Some(daemon),
        Some(Value::String(name)) if name == "root" => Some(0),
        Some(Value::String(text)) => text.parse().ok().or_else(|| id_of(text)),
        Some(uid) => uid.as_u64().and_then(|uid| u32::try_from(uid).ok()),
    }
}

/// The id of a user by name.
fn id_of(name: &str) -> Option<u32> {
    let user = ward_sys::user::find_user(name).ok()??;
    Some(user.uid)
}

fn examine_paths(report: &mut Report, app: &Entry, name: &str, (daemon, user): (u32, Option<u32>)) {
    let trusted: Vec<u32> = [Some(daemon), user].into_iter().flatten().collect();
    for (key, what) in PATHS {
        let path = app.get(key).and_then(Value::as_str).map(Path::new);
        let Some(path) = path.filter(|path| path.is_absolute() && !path.starts_with("/dev")) else {
            continue;
        };
        if let Some(threat) = threat(path, &trusted) {
            let (text, mend) = (threat.text(), threat.mend());
            // Several instances, and several paths of one folder, have one reason.
            let text = format!("others can change the {what} of {name}: {text}");
            if report.findings.iter().all(|finding| finding.text != text) {
                report.problem(text, mend);
            }
        }
    }
}
