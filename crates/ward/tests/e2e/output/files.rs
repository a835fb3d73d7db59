//! Where the files are, who else may touch them, and disks that are full.

use std::fs;

use super::Echo;
use crate::harness::{Bus, Ward, kill, when_changed};

/// When whoever read it is gone, what is written goes nowhere, and nobody waits for another one.
#[test]
fn a_pipe_as_log_file_is_not_waited_for() {
    let ward = Ward::new();
    let pipe = ward.dir().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let reader = fs::File::options().read(true).write(true).open(&pipe);
    ward.write("loop.sh", "while :; do echo line; sleep 0.05; done");
    ward.run(&["start", "loop.sh", "-o", pipe.to_str().unwrap()])
        .succeeds();
    drop(reader.unwrap());
    ward.run(&["flush"]).succeeds();
    ward.run(&["stop", "loop"]).succeeds();
    ward.run(&["flush"]).succeeds();
    let mut echo = Echo::start(&ward, &["echo.sh"]);
    echo.say(&ward, "others are heard");
}

#[test]
fn a_log_can_be_emptied_by_others_by_flush_and_by_rotation() {
    let ward = Ward::new();
    let mut echo = Echo::start(&ward, &["echo.sh"]);
    let file = ward.home().join("logs/echo-out.log");
    echo.say(&ward, "one");
    assert_eq!(ward.log("echo-out.log"), "one\n");

    // `> file` in a shell: the next line stands at the beginning, not after a hole.
    fs::write(&file, "").unwrap();
    echo.say(&ward, "two");
    assert_eq!(ward.log("echo-out.log"), "two\n");

    ward.run(&["flush"]).succeeds();
    assert_eq!(ward.log("echo-out.log"), "");
    echo.say(&ward, "three");
    assert_eq!(ward.log("echo-out.log"), "three\n");

    let old = ward.home().join("logs/old.log");
    fs::rename(&file, &old).unwrap();
    ward.run(&["reloadLogs"]).succeeds();
    assert_eq!(
        ward.log("echo-out.log"),
        "",
        "the new file is there when the command returns"
    );
    echo.say(&ward, "four");
    assert_eq!(fs::read_to_string(&old).unwrap(), "three\n");
    assert_eq!(ward.log("echo-out.log"), "four\n");

    // The signal does the same, for logrotate.
    fs::rename(&file, &old).unwrap();
    kill(ward.daemons()[0], rustix::process::Signal::USR2);
    let is_there = || file.exists();
    when_changed("file opened anew", &[&file], is_there, |there| *there);
    echo.say(&ward, "five");
    assert_eq!(ward.log("echo-out.log"), "five\n");
}

#[test]
fn files_go_where_they_are_asked_to_and_nowhere_when_asked_not_to() {
    let ward = Ward::new();
    let mut echo = Echo::start(
        &ward,
        &["echo.sh", "-o", "deep/in/out.log", "-e", "/dev/null"],
    );
    echo.say(&ward, "here");
    assert_eq!(
        fs::read_to_string(ward.dir().join("deep/in/out.log")).unwrap(),
        "here\n"
    );
    let logs: Vec<_> = fs::read_dir(ward.home().join("logs")).unwrap().collect();
    assert!(logs.is_empty(), "{logs:?}");
}

/// Waits until two instances have said who they are, whoever is first.
fn both_said(bus: &mut Bus, name: &str) {
    let mut seen = [false; 2];
    while seen != [true; 2] {
        let event = bus.next("both instances");
        for (number, seen) in seen.iter_mut().enumerate() {
            *seen |= event.is_output(name, &format!("I am {number}"));
        }
    }
}

#[test]
fn instances_have_files_of_their_own_or_one_for_all() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "echo \"I am $NODE_APP_INSTANCE\"; exec sleep 1000",
    );
    let mut bus = ward.bus();
    ward.run(&[
        "start", "app.sh", "--name", "own", "-f", "-i", "2", "-o", "own.log",
    ])
    .succeeds();
    both_said(&mut bus, "own");
    for number in 0..2 {
        let file = ward.dir().join(format!("own-{number}.log"));
        assert_eq!(
            fs::read_to_string(file).unwrap(),
            format!("I am {number}\n")
        );
    }
    let words = ["--merge-logs", "-o", "one.log"];
    ward.run(
        &[
            &["start", "app.sh", "--name", "one", "-f", "-i", "2"],
            &words[..],
        ]
        .concat(),
    )
    .succeeds();
    both_said(&mut bus, "one");
    let mut lines: Vec<String> = fs::read_to_string(ward.dir().join("one.log"))
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    assert_eq!(lines, ["I am 0", "I am 1"]);
}

/// A disk that is full for one app is full for this one alone, and is told.
#[test]
fn a_full_disk_stops_neither_the_app_nor_the_others() {
    let ward = Ward::new();
    let mut echo = Echo::start(&ward, &["echo.sh"]);
    ward.write("full.sh", "head -c 1000000 /dev/zero; exec sleep 1000");
    let mut bus = ward.bus();
    ward.run(&["start", "full.sh", "-o", "/dev/full"])
        .succeeds();
    bus.wait("output of the app", |event| event.is_output("full", "\0"));
    assert_eq!(ward.status("full"), "online");
    echo.say(&ward, "still here");
    assert_eq!(ward.log("echo-out.log"), "still here\n");
    let complaint = "cannot write /dev/full: No space left on device";
    let told = ward.daemon_log_when(|log| log.contains(complaint));
    assert_eq!(told.matches(complaint).count(), 1, "{told}");
}
