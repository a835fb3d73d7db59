//! Files in the place of which something else stands.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::*;

#[test]
fn a_file_is_read_up_to_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert!(matches!(
        read(&path, 4),
        Err(FileError::TooLarge { limit: 4 })
    ));
    assert!(
        read(&folder.path().join("nothing"), 4)
            .unwrap_err()
            .is_missing()
    );
    fs::write(&path, b"\xff").unwrap();
    assert!(read_text(&path, 9).is_err());
}

/// Opening a pipe for reading waits for somebody who writes to it.
#[test]
fn nothing_but_a_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    mkfifoat(CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
    let _listener = UnixListener::bind(at("socket")).unwrap();
    symlink("/dev/zero", at("device")).unwrap();
    for (path, what) in [
        (at("pipe"), "a pipe"),
        (at("socket"), "a socket"),
        (at("device"), "a device"),
        (folder.path().to_owned(), "a folder"),
    ] {
        let error = read(&path, 10).unwrap_err();
        assert!(
            matches!(error, FileError::NotRegular(found) if found == what),
            "{}: {error}",
            path.display()
        );
    }
}

#[test]
fn a_log_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    mkfifoat(CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
    let refused = append(&at("pipe")).unwrap_err();
    assert!(matches!(refused, FileError::NotRegular(_)), "{refused}");
    let _reader = open_pipe(&at("pipe"));
    append(&at("pipe")).unwrap();
    append(Path::new("/dev/null")).unwrap();
    for text in ["a", "b"] {
        let mut log = append(&at("log")).unwrap();
        io::Write::write_all(&mut log, text.as_bytes()).unwrap();
    }
    assert_eq!(fs::read_to_string(at("log")).unwrap(), "ab");
}

fn open_pipe(path: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    File::options()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .unwrap()
}

#[test]
fn what_is_planted_beside_a_file_is_not_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("victim"), "precious").unwrap();
    let planted = format!("file.{}.tmp", std::process::id());
    symlink(at("victim"), at(&planted)).unwrap();
    symlink(at("victim"), at("file")).unwrap();
    replace(&at("file"), b"new").unwrap();
    assert_eq!(fs::read_to_string(at("victim")).unwrap(), "precious");
    assert_eq!(fs::read_to_string(at("file")).unwrap(), "new");
    assert!(!at("file").is_symlink(), "the link was replaced");
}

#[test]
fn what_killed_processes_left_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let old = SystemTime::now() - Duration::from_hours(1);
    let old_ones = ["file.4711.tmp", "file.0123456789abcdef.tmp"];
    let others = ["file.mine.tmp", "file.tmp", "other.4711.tmp", "file.4711"];
    for name in old_ones.iter().chain(&others) {
        let file = File::create(at(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    // Another process may be writing this one now.
    fs::write(at("file.1234.tmp"), "").unwrap();
    symlink("nowhere", at("file.77.tmp")).unwrap();
    replace(&at("file"), b"new").unwrap();
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut wanted = ["file", "file.1234.tmp", "file.77.tmp"]
        .map(str::to_owned)
        .to_vec();
    wanted.extend(others.map(str::to_owned));
    wanted.sort();
    assert_eq!(names, wanted);
}
