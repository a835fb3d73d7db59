//! That files get everything, and only what they should.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use ward_core::launch::Output;

use super::{Desk, LIMIT, next_output, read};

#[test]
fn nothing_of_a_dying_process_is_lost() {
    for (program, script) in [
        (
            "bash",
            "for ((i = 0; i < 5000; i++)); do echo \"line $i\"; done; echo last >&2; exit 0",
        ),
        (
            "python3",
            "import sys\nfor i in range(5000): print('line', i)\nsys.stderr.write('last\\n')",
        ),
        (
            "node",
            "for (let i = 0; i < 5000; i++) console.log('line', i); console.error('last'); process.exit(0)",
        ),
    ] {
        let desk = Desk::new();
        let flag = if program == "node" { "-e" } else { "-c" };
        desk.run(&desk.output(), program, &[flag, script]);
        let folder = desk.finish();
        let out = read(&folder, "out");
        assert_eq!(out.lines().count(), 5000, "{program}");
        assert!(out.ends_with("line 4999\n"), "{program}");
        assert_eq!(read(&folder, "err"), "last\n", "{program}");
    }
}

#[test]
fn rotation_by_rename_and_reopen_loses_nothing() {
    const LINES: usize = 200_000;
    let desk = Desk::new();
    let (out, err) = desk.attach(&desk.output());
    drop(err);
    let writer = std::thread::spawn(move || {
        let mut out = std::io::BufWriter::with_capacity(100, out);
        for number in 0..LINES {
            writeln!(out, "{number}").unwrap();
        }
        out.flush().unwrap();
    });
    let mut rotated = Vec::new();
    for number in 0..5 {
        let name = format!("out.{number}");
        fs::rename(desk.path("out"), desk.path(&name)).unwrap();
        desk.handle.reopen_all().blocking_recv().unwrap();
        // Nothing may be added after the promise.
        rotated.push((name.clone(), fs::read_to_string(desk.path(&name)).unwrap()));
    }
    writer.join().unwrap();
    let folder = desk.finish();
    let mut all = String::new();
    for (name, then) in rotated {
        assert!(
            read(&folder, &name) == then,
            "{name} grew after it was rotated"
        );
        all.push_str(&then);
    }
    all.push_str(&read(&folder, "out"));
    assert!(
        all.lines()
            .enumerate()
            .all(|(at, line)| line == at.to_string())
    );
    assert_eq!(all.lines().count(), LINES);
}

#[test]
fn a_file_removed_between_two_lives_is_there_again() {
    let desk = Desk::new();
    let (mut out, err) = desk.attach(&desk.output());
    out.write_all(b"one\n").unwrap();
    desk.expect("out", "one\n");
    fs::remove_file(desk.path("out")).unwrap();
    let (mut second, err2) = desk.attach(&desk.output());
    second.write_all(b"two\n").unwrap();
    drop((out, err, second, err2));
    assert_eq!(read(&desk.finish(), "out"), "two\n");
}

#[test]
fn flush_empties_open_and_closed_files_and_makes_none() {
    let desk = Desk::new();
    let (mut out, _err) = desk.attach(&desk.output());
    out.write_all(b"old\n").unwrap();
    desk.expect("out", "old\n");
    fs::write(desk.path("closed"), "old").unwrap();
    let paths = ["out", "closed", "missing"].map(|name| desk.path(name));
    desk.handle
        .flush(paths.iter().map(|path| (path.clone(), None)).collect())
        .blocking_recv()
        .unwrap();
    assert_eq!(
        (desk.text("out"), desk.text("closed")),
        (String::new(), String::new())
    );
    assert!(!desk.path("missing").exists());
    out.write_all(b"new\n").unwrap();
    desk.expect("out", "new\n");
}

#[test]
fn files_are_private_and_folders_are_made() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let path = desk.path("a/b/out");
    let output = Output {
        out_path: Some(path.to_str().unwrap().to_owned()),
        ..desk.output()
    };
    let _ends = desk.attach(&output);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn no_file_means_no_file() {
    let desk = Desk::new();
    let mut reader = desk.follow();
    let output = Output {
        out_path: Some("/dev/null".to_owned()),
        err_path: Some("NULL".to_owned()),
        ..desk.output()
    };
    desk.run(&output, "echo", &["seen"]);
    assert_eq!(next_output(&mut reader).0, "seen\n");
    desk.run(
        &Output {
            disabled: true,
            ..desk.output()
        },
        "echo",
        &["unseen"],
    );
    desk.handle.say(false, "hello");
    desk.handle.reopen_all().blocking_recv().unwrap();
    let events = desk.bus.metrics().events;
    assert_eq!(events, 1, "nothing of a disabled log is shown");
    let folder = desk.finish();
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["pm2.log"]);
    let log = read(&folder, "pm2.log");
    assert!(log.ends_with(": PM2 log: hello\n"), "{log}");
}

#[test]
fn an_unwritable_path_fails_at_once() {
    let desk = Desk::new();
    fs::write(desk.path("file"), "").unwrap();
    let output = Output {
        out_path: Some(desk.path("file/out").to_str().unwrap().to_owned()),
        ..desk.output()
    };
    let error = crate::log::open(&output, &crate::rights::Rights::default(), |_| ()).unwrap_err();
    assert!(error.to_string().contains("file/out"), "{error}");
}

#[test]
fn a_full_disk_is_told_once_and_delays_nobody() {
    let desk = Desk::new();
    let output = Output {
        out_path: Some("/dev/full".to_owned()),
        ..desk.output()
    };
    let (mut full, err) = desk.attach(&output);
    // More than the pipe holds: it goes on being read.
    full.write_all(&vec![b'x'; 3_000_000]).unwrap();
    desk.run(&desk.output(), "echo", &["fine"]);
    drop((full, err));
    let folder = desk.finish();
    assert_eq!(read(&folder, "out"), "fine\n");
    let log = read(&folder, "pm2.log");
    assert_eq!(
        log.matches("cannot write /dev/full: No space left").count(),
        1,
        "{log}"
    );
}

#[test]
fn writing_goes_on_when_there_is_space_again() {
    // A pipe that is full is a disk that is full, and root is not needed to make it.
    use std::io::Read as _;
    let desk = Desk::new();
    let path = desk.path("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let mut reader = fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let output = Output {
        out_path: Some(path.to_str().unwrap().to_owned()),
        ..desk.output()
    };
    let (mut out, err) = desk.attach(&output);
    drop(err);
    out.write_all(&vec![b'x'; 1_000_000]).unwrap();
    let deadline = Instant::now() + LIMIT;
    while rustix::io::ioctl_fionread(&out).unwrap() > 0 {
        assert!(Instant::now() < deadline, "a full file blocks the app");
        // An answer of the thread for each look.
        desk.handle.reopen_all().blocking_recv().unwrap();
    }
    // When this is answered, what was read last has been dealt with.
    desk.handle.reopen_all().blocking_recv().unwrap();
    let held = rustix::io::ioctl_fionread(&reader).unwrap();
    let mut before = vec![0; usize::try_from(held).unwrap()];
    reader.read_exact(&mut before).unwrap();
    out.write_all(b"end\n").unwrap();
    // What was cut off does not seem to go on.
    let mut after = [0; 5];
    reader.read_exact(&mut after).unwrap();
    assert_eq!(&after, b"\nend\n");
    drop(out);
    let folder = desk.finish();
    let log = read(&folder, "pm2.log");
    assert!(log.contains("can be written again"), "{log}");
    let lost = format!("{} bytes of output were lost", 1_000_000 - held);
    assert!(log.contains(&lost), "{lost}: {log}");
}
