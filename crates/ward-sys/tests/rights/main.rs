//! A thread with another user's rights, against somebody who exchanges files at the same time. Without
//! root there is no other user to be; what can be shown then is that nothing is given away.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test, which says when it cannot show anything"
)]

mod sockets;

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use ward_sys::place::{Place, Trust};
use ward_sys::rights;
use ward_sys::spawn::Credentials;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65534;

fn nobody() -> Credentials {
    Credentials {
        uid: NOBODY,
        gid: NOBODY,
        groups: vec![NOBODY],
    }
}

/// False, and it is said, for an ordinary user.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("only root can act as another user");
    }
    is_root
}

/// A folder everybody can enter, with one of root's files that nobody else may read.
fn world() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "root's").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    (folder, own)
}

fn append(path: &Path, trust: Trust<'_>) -> io::Result<()> {
    let place = Place::find(None, path, trust, Some(0o700))?;
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK;
    let file = place.open(flags, 0o600)?;
    rustix::io::write(&file, b"text").map_err(io::Error::from)?;
    Ok(())
}

fn groups() -> Vec<u32> {
    let groups = rustix::process::getgroups().unwrap();
    groups.iter().map(|group| group.as_raw()).collect()
}

#[test]
fn rights_are_borrowed_by_one_thread_and_given_back() {
    if !is_root() {
        let error = rights::borrow(&nobody()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        return;
    }
    let (folder, own) = world();
    let secret = folder.path().join("secret");
    let before = groups();
    let borrowed = rights::borrow(&nobody()).unwrap();
    let refused = fs::read(&secret).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(groups(), [NOBODY]);
    fs::write(own.join("file"), "").unwrap();
    assert_eq!(fs::metadata(own.join("file")).unwrap().uid(), NOBODY);
    let other = std::thread::spawn({
        let secret = secret.clone();
        move || (fs::read(secret).is_ok(), groups())
    });
    // A thread that begins meanwhile has the rights of the one that made it.
    assert_eq!(other.join().unwrap(), (false, vec![NOBODY]));
    drop(borrowed);
    assert!(fs::read(&secret).is_ok());
    assert_eq!(groups(), before);
    let panicked = std::panic::catch_unwind(|| {
        let _borrowed = rights::borrow(&nobody()).unwrap();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    assert!(fs::read(&secret).is_ok(), "given back while unwinding");
    let refused = rights::borrow(&Credentials {
        uid: u32::MAX,
        ..nobody()
    });
    assert!(refused.is_err());
    assert!(fs::read(&secret).is_ok(), "an id that is none");
    assert_eq!(groups(), before);
}

#[test]
fn links_of_others_are_not_followed_and_own_ones_lead_no_further_than_ones_rights() {
    if !is_root() {
        return;
    }
    let (folder, own) = world();
    let at = |name: &str| own.join(name);
    let secret = folder.path().join("secret");
    symlink(&secret, at("theirs")).unwrap();
    std::os::unix::fs::lchown(at("theirs"), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::write(at("other"), "").unwrap();
    symlink(at("other"), at("strange")).unwrap();
    std::os::unix::fs::lchown(at("strange"), Some(12345), Some(12345)).unwrap();
    symlink("new", at("fresh")).unwrap();
    let trust = Trust::OwnLinks(NOBODY);
    let borrowed = rights::borrow(&nobody()).unwrap();
    let error = append(&at("theirs"), trust).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    let error = append(&at("strange"), trust).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(40), "ELOOP: {error}");
    append(&at("fresh"), trust).unwrap();
    append(&at("a/b/c"), trust).unwrap();
    symlink("loop", at("loop")).unwrap();
    assert!(append(&at("loop"), trust).is_err());
    drop(borrowed);
    assert_eq!(fs::read(&secret).unwrap(), b"root's");
    assert_eq!(fs::read(at("new")).unwrap(), b"text");
    let made = fs::metadata(at("a/b")).unwrap();
    assert_eq!((made.uid(), made.mode() & 0o777), (NOBODY, 0o700));
    // The links of /proc lead where their text says, and to no descriptor of this process.
    let open = fs::File::open(&secret).unwrap();
    fs::remove_file(&secret).unwrap();
    let magic = ward_sys::place::path_of(&open);
    let error = append(&magic, Trust::OwnLinks(0)).err();
    assert!(
        fs::read(&magic).is_ok_and(|text| text == b"root's"),
        "{error:?}"
    );
}

#[test]
fn a_guarded_way_has_no_part_that_others_can_change() {
    if !is_root() {
        return;
    }
    // Not below /tmp, which all can change.
    let Ok(folder) = tempfile::tempdir_in("/var/lib").or_else(|_| tempfile::tempdir_in("/root"))
    else {
        eprintln!("no folder of root's to test in");
        return;
    };
    let at = |name: &str| folder.path().join(name);
    let guarded = Trust::Guarded {
        user: 0,
        stranger: &nobody(),
    };
    append(&at("deep/file"), guarded).unwrap();
    symlink(at("deep"), at("link")).unwrap();
    append(&at("link/file"), guarded).unwrap();
    std::os::unix::fs::lchown(at("link"), Some(NOBODY), None).unwrap();
    let denied = |path: &str| append(&at(path), guarded).unwrap_err().kind();
    assert_eq!(denied("link/file"), io::ErrorKind::PermissionDenied);
    let set =
        |mode: u32| fs::set_permissions(at("deep"), fs::Permissions::from_mode(mode)).unwrap();
    for (mode, group, path, allowed) in [
        (0o775, 12345, "deep/file", true),
        (0o775, 12345, "deep/more/file", false),
        (0o775, NOBODY, "deep/file", false),
        (0o1777, 0, "deep/file", false),
        (0o755, NOBODY, "deep/more/file", true),
    ] {
        chown(at("deep"), None, Some(group)).unwrap();
        set(mode);
        let result = append(&at(path), guarded);
        assert_eq!(
            result.is_ok(),
            allowed,
            "{mode:o} {group} {path} {result:?}"
        );
    }
    // What a member of the group can put there is not written to.
    chown(at("deep"), None, Some(12345)).unwrap();
    set(0o775);
    fs::hard_link(at("deep/file"), at("deep/hard")).unwrap();
    fs::write(at("deep/others"), "").unwrap();
    chown(at("deep/others"), Some(12345), None).unwrap();
    assert_eq!(denied("deep/hard"), io::ErrorKind::PermissionDenied);
    assert_eq!(denied("deep/others"), io::ErrorKind::PermissionDenied);
    fs::remove_file(at("deep/hard")).unwrap();
    chown(at("deep"), Some(NOBODY), None).unwrap();
    assert_eq!(denied("deep/file"), io::ErrorKind::PermissionDenied);
    // Above a base nothing is reached.
    let base = || Some(fs::File::open(folder.path()).unwrap().into());
    let find = |path: &str| Place::find(base(), Path::new(path), guarded, None);
    find("file").unwrap();
    chown(at("deep"), Some(0), Some(0)).unwrap();
    find("deep/file").unwrap();
    assert!(find("deep/../../file").is_err());
}
