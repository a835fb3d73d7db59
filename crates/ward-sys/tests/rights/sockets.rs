//! Sockets bound for another user.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use ward_sys::listener;
use ward_sys::place::{Place, Trust};
use ward_sys::rights;

use super::{NOBODY, is_root, nobody, world};

/// How often the attacked thread acts.
const TRIES: usize = 500;

/// The critical one: a fresh socket is exchanged for a link to one of root's files, again and again.
#[test]
fn a_socket_exchanged_for_a_link_gives_nothing_away() {
    if !is_root() {
        return;
    }
    let (folder, own) = world();
    let secret = folder.path().join("secret");
    let path = own.join("app.sock");
    let over = AtomicBool::new(false);
    let mut bound = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _rights = rights::borrow(&nobody()).unwrap();
            let link = own.join("link");
            while !over.load(Ordering::Relaxed) {
                // Failures are part of the race.
                if fs::symlink_metadata(&path).is_ok() && symlink(&secret, &link).is_ok() {
                    fs::rename(&link, &path).ok();
                }
                fs::remove_file(&path).ok();
            }
        });
        for _ in 0..TRIES {
            let _rights = rights::borrow(&nobody()).unwrap();
            let place = Place::find_name(&path, Trust::OwnLinks(NOBODY)).unwrap();
            bound += usize::from(listener::unix_at(&place, &path, 0o777, 5).is_ok());
            place.unlink().ok();
        }
        over.store(true, Ordering::Relaxed);
    });
    let about = fs::metadata(&secret).unwrap();
    assert_eq!((about.mode() & 0o777, about.uid()), (0o600, 0));
    assert_eq!(fs::read(&secret).unwrap(), b"root's");
    assert!(bound > 0, "no socket was ever bound");
}

#[test]
fn a_socket_has_its_mode_and_tells_whether_it_is_deserted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let place = Place::plain(&path);
    assert!(listener::is_deserted(&place).is_err(), "there is none");
    let (socket, about) = listener::unix_at(&place, &path, 0o757, 5).unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!(found.mode() & 0o777, 0o757);
    assert_eq!(found.ino(), about.st_ino);
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(listener::is_deserted(&place).unwrap(), (false, own));
    drop(socket);
    assert_eq!(listener::is_deserted(&place).unwrap(), (true, own));
    place.unlink().unwrap();
    fs::write(&path, "data").unwrap();
    assert_eq!(listener::is_deserted(&place).unwrap(), (false, own));
}
