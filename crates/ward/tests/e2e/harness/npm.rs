//! Packages from npm, installed once per set of versions and kept in the target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder with one npm package, given with its version.
pub(crate) fn npm(package: &str) -> PathBuf {
    npm_all(&package.replace('/', "-"), &[package])
}

/// The `node_modules` folder of a set of npm packages, given with their versions.
pub(crate) fn npm_all(set: &str, packages: &[&str]) -> PathBuf {
    let (folder, _lock) = locked(set);
    let wanted = packages.join(" ");
    once(&folder, "installed", &wanted, || {
        fs::remove_dir_all(folder.join("node_modules")).ok();
        fs::write(folder.join("package.json"), "{ \"private\": true }\n").expect("a package");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--save-exact"])
            .args(packages)
            .current_dir(&folder);
        succeeds(npm);
    });
    folder.join("node_modules")
}

/// Versions of Node that are tried beside the machine's own.
pub(crate) const NODES: [&str; 3] = ["18.20.8", "22.23.3", "24.21.0"];

/// The path of one of [`NODES`], chosen by its first number.
pub(crate) fn node(major: &str) -> PathBuf {
    let version = NODES.iter().find(|it| it.split('.').next() == Some(major));
    let version = version.expect("one of the versions above");
    npm(&format!("node@{version}")).join("node/bin/node")
}

/// Builds something in the folder of a set of packages, once for each text of its sources.
pub(crate) fn build(set: &str, sources: &[(&str, &str)], command: &[&str]) -> PathBuf {
    let (folder, _lock) = locked(set);
    let texts: Vec<&str> = sources.iter().map(|(_, text)| *text).collect();
    let wanted = texts.join("\n") + &fs::read_to_string(folder.join("installed")).expect("a set");
    once(&folder, "built", &wanted, || {
        for (name, text) in sources {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a source");
        }
        let mut build = Command::new(command[0]);
        build
            .args(&command[1..])
            .env("NEXT_TELEMETRY_DISABLED", "1")
            .current_dir(&folder);
        succeeds(build);
    });
    folder.clone()
}

/// The folder of a set, for this test alone as long as the file is open. Tests are threads of one
/// process with one runner and processes of their own with another: a file lock serves both.
fn locked(set: &str) -> (PathBuf, File) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm").join(set);
    fs::create_dir_all(&folder).expect("a folder for npm");
    let lock = File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    (folder, lock)
}

/// Does something unless it was done before with the same wish.
fn once(folder: &Path, what: &str, wanted: &str, act: impl FnOnce()) {
    let marker = folder.join(what);
    if !fs::read_to_string(&marker).is_ok_and(|done| done == wanted) {
        fs::remove_file(&marker).ok();
        act();
        fs::write(&marker, wanted).expect("a marker");
    }
}

fn succeeds(mut command: Command) {
    let ran = command.stdin(Stdio::null()).output();
    let ran = ran.expect("these tests need node and npm");
    assert!(
        ran.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}
