//! That a file which cannot be opened now hinders nobody.

use std::fs;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use ward_core::launch::Output;

use super::{Desk, read};
use crate::bus::Bus;
use crate::log::LogThread;
use crate::log::sink::{self, LogPlace};

/// A log plane for which `dead` files open only when `alive` says so.
fn with_dead_mount(alive: Receiver<()>) -> Desk {
    let folder = TempDir::new().unwrap();
    let bus = Bus::start().unwrap();
    let alive = Mutex::new(alive);
    let open = Arc::new(move |place: &LogPlace| {
        if place.path.ends_with("dead") {
            alive.lock().unwrap().recv().ok();
        }
        sink::open(place)
    });
    let log = folder.path().join("pm2.log");
    let handle = LogThread::start_with(bus.publisher(), Some(&log), open, None).unwrap();
    Desk {
        folder,
        handle,
        bus,
    }
}

#[test]
fn a_dead_file_delays_neither_output_nor_other_files() {
    let (revive, alive) = channel();
    let desk = with_dead_mount(alive);
    let dead = Output {
        out_path: Some(desk.path("dead").to_str().unwrap().to_owned()),
        err_path: None,
        ..desk.output()
    };
    let (mut to_dead, _) = desk.attach(&dead);
    let (mut out, _err) = desk.attach(&desk.output());
    out.write_all(b"one\n").unwrap();
    desk.expect("out", "one\n");
    fs::rename(desk.path("out"), desk.path("out.1")).unwrap();
    fs::rename(desk.path("dead"), desk.path("dead.1")).unwrap();
    let mut reopened = desk.handle.reopen_all();
    // The other files are opened although one is stuck, whichever comes first. What is written before
    // the thread has the new file is in the old one.
    let bytes = |name: &str| fs::metadata(desk.path(name)).map_or(0, |file| file.len());
    let mut written = bytes("out.1");
    while bytes("out") == 0 {
        out.write_all(b"two\n").unwrap();
        written += 4;
        assert!(desk.when_changed(|| bytes("out.1") + bytes("out") == written));
    }
    to_dead.write_all(b"old\n").unwrap();
    desk.expect("dead.1", "old\n");
    assert!(reopened.try_recv().is_err(), "one file is not opened yet");
    // Asked once more while it is stuck, it is opened once more when it is not.
    let again = desk.handle.reopen_all();
    revive.send(()).unwrap();
    reopened.blocking_recv().unwrap();
    drop(revive);
    again.blocking_recv().unwrap();
    to_dead.write_all(b"new\n").unwrap();
    desk.expect("dead", "new\n");
    drop((to_dead, out));
    let folder = desk.folder;
    assert_eq!(read(&folder, "out"), "two\n");
    assert!(read(&folder, "out.1").starts_with("one\n"));
}

#[test]
fn a_file_opened_before_a_rotation_is_opened_anew_when_its_app_begins() {
    let desk = Desk::new();
    let (mut first, _err) = desk.attach(&desk.output());
    let second =
        crate::log::open(&desk.output(), &crate::rights::Rights::default(), |_| ()).unwrap();
    fs::rename(desk.path("out"), desk.path("out.1")).unwrap();
    desk.handle.reopen_all().blocking_recv().unwrap();
    desk.handle.attach(ward_core::id::Life(2), second.streams);
    desk.handle.post();
    first.write_all(b"first\n").unwrap();
    desk.expect("out", "first\n");
    rustix::io::write(&second.stdout, b"second\n").unwrap();
    desk.expect("out", "first\nsecond\n");
    assert_eq!(desk.text("out.1"), "");
}
