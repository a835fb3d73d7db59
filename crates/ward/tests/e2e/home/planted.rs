//! Homes that others can write to, and what they could put there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::harness::Ward;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_home_that_everybody_may_change_is_refused_with_what_mends_it() {
    let ward = Ward::new();
    for (folder, running) in [("", false), ("", true), ("logs", true), ("pids", false)] {
        let folder: PathBuf = ward.home().join(folder).components().collect();
        fs::create_dir_all(&folder).unwrap();
        if running {
            ward.run(&["ping"]).succeeds();
        }
        set_mode(&folder, 0o777);
        let before = fs::read_dir(ward.home()).unwrap().count();
        let mend = format!("chmod go-w {}", folder.display());
        for words in [
            &["ping"][..],
            &["start", "/bin/sleep"],
            &["kill"],
            &["save"],
        ] {
            ward.run(words)
                .fails()
                .complains("every user may write there")
                .complains(&mend);
        }
        ward.run(&["cleardump"]).fails().complains(&mend);
        ward.run(&["ping", "--no-daemon"]).fails().complains(&mend);
        let after = fs::read_dir(ward.home()).unwrap().count();
        assert_eq!(after, before, "nothing was written");
        let mended = std::process::Command::new("sh")
            .args(["-c", &mend])
            .status()
            .unwrap();
        assert!(mended.success());
        ward.run(&["ping"]).succeeds();
        ward.run(&["kill"]).succeeds();
    }
}

/// Many distributions give each user a group of his own and a umask of 002.
#[test]
fn a_home_that_a_group_may_change_is_refused_unless_the_group_is_private() {
    let ward = Ward::new();
    fs::create_dir(ward.home()).unwrap();
    set_mode(&ward.home(), 0o775);
    if rustix::process::geteuid().is_root() {
        ward.run(&["ping"]).succeeds();
        ward.run(&["kill"]).succeeds();
        chown(ward.home(), None, Some(12_345)).unwrap();
        ward.run(&["ping"])
            .fails()
            .complains("all members of group 12345 may write there");
    } else {
        eprintln!("not root: no folder can be given to a foreign group");
    }
    set_mode(&ward.home(), 0o755);
    ward.run(&["ping"]).succeeds();
}

/// Root uses the homes of others, as `sudo` makes it do. Nobody else does.
#[test]
fn a_home_of_another_user_is_for_root_alone() {
    let ward = Ward::new();
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: no folder can be given to another user");
        return;
    }
    fs::create_dir(ward.home()).unwrap();
    chown(ward.home(), Some(12_345), Some(12_345)).unwrap();
    let victim = ward.write("victim", "precious");
    let at = |name: &str| ward.home().join(name);
    symlink(&victim, at("pm2.pid")).unwrap();
    symlink(&victim, at("touch")).unwrap();
    ward.run(&["ping"]).succeeds();
    ward.run(&["kill"]).succeeds();
    for name in ["pm2.log", "ward.lock"] {
        fs::remove_file(at(name)).unwrap();
        symlink(&victim, at(name)).unwrap();
        ward.run(&["ping"]).fails();
        fs::remove_file(at(name)).unwrap();
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    set_mode(ward.root(), 0o755);
    let other = std::process::Command::new("setpriv")
        .args(["--reuid=54321", "--regid=54321", "--clear-groups"])
        .arg(env!("CARGO_BIN_EXE_ward"))
        .arg("ping")
        .env_clear()
        .envs(ward.env().iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&other.stderr);
    if said.contains("execute") || other.status.code() == Some(127) {
        eprintln!("not tested: others cannot execute the binary of the tests: {said}");
        return;
    }
    assert!(!other.status.success());
    assert!(said.contains("belongs to user 12345"), "{said}");
}

/// The names of temporary files were to be foreseen, and links of those names were followed.
#[test]
fn a_link_in_the_place_of_a_temporary_file_is_not_written_through() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    let victim = ward.write("victim", "precious");
    // A shell says its process id, waits until the links are there, and becomes the command.
    let script = format!(
        "for name in dump.pm2 dump.pm2.bak; do ln -s {} {}/$name.$$.tmp; done; exec {} save",
        victim.display(),
        ward.home().display(),
        env!("CARGO_BIN_EXE_ward"),
    );
    let saved = std::process::Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .envs(ward.env().iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    assert!(
        saved.status.success(),
        "{}",
        String::from_utf8_lossy(&saved.stderr)
    );
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    symlink(&victim, ward.home().join("planted")).unwrap();
    fs::rename(ward.home().join("planted"), ward.home().join("dump.pm2")).unwrap();
    ward.run(&["save"]).succeeds();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}
