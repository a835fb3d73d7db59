//! Followers, endings and cost.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;
use ward_core::id::Life;
use ward_core::launch::Output;
use ward_wire::bus::{AppName, Choice};

use super::{Desk, LIMIT, next_output, read};

#[test]
fn a_follower_sees_a_prompt_after_a_while_and_lines_at_once() {
    let desk = Desk::new();
    let mut reader = desk.follow();
    let (mut out, _err) = desk.attach(&desk.output());
    out.write_all(b"whole\nname? ").unwrap();
    let first = reader.next().unwrap();
    assert_eq!(
        (first.topic.as_str(), &first.payload["data"]),
        ("log:out", &json!("whole\n"))
    );
    let process = json!({ "pm_id": 3, "name": "web", "rev": null, "namespace": "default" });
    assert_eq!(first.payload["process"], process);
    assert_eq!(next_output(&mut reader).0, "name? ");
}

#[test]
fn a_follower_that_does_not_read_loses_output_and_files_lose_nothing() {
    let desk = Desk::new();
    let _silent = desk.follow();
    let (mut out, err) = desk.attach(&desk.output());
    drop(err);
    for _ in 0..80 {
        out.write_all(&[b"x".repeat(99), b"\n".to_vec()].concat().repeat(1000))
            .unwrap();
    }
    drop(out);
    desk.expect("out", &format!("{}\n", "x".repeat(99)).repeat(80_000));
    assert!(desk.bus.metrics().dropped_events > 0);
}

#[test]
fn nothing_is_encoded_that_nobody_wants() {
    let desk = Desk::new();
    let mut reader = desk.follow();
    let only = Choice {
        apps: vec![AppName::Id(7)],
        topics: vec!["log:*".to_owned()],
        ..Choice::default()
    };
    reader.stream.write_all(&only.encode()).unwrap();
    let deadline = Instant::now() + LIMIT;
    while desk.bus.wants_process_events() {
        assert!(Instant::now() < deadline, "the choice is heard");
        std::thread::yield_now();
    }
    desk.run(&desk.output(), "echo", &["unwanted"]);
    desk.expect("out", "unwanted\n");
    assert_eq!(desk.handle.metrics().events, 0);
    let seven = Output {
        pm_id: 7,
        ..desk.output()
    };
    desk.run(&seven, "echo", &["wanted"]);
    assert_eq!(next_output(&mut reader), ("wanted\n".to_owned(), 7));
    assert_eq!(desk.handle.metrics().events, 1);
}

#[test]
fn output_waits_until_its_start_was_told() {
    let desk = Desk::new();
    let mut reader = desk.follow();
    let opened =
        crate::log::open(&desk.output(), &crate::rights::Rights::default(), |_| ()).unwrap();
    rustix::io::write(&opened.stdout, b"early\n").unwrap();
    // Both pass through the thread; had it the pipe, it would have read it by then.
    desk.handle.reopen_all().blocking_recv().unwrap();
    desk.handle.attach(Life(9), opened.streams);
    desk.handle.reopen_all().blocking_recv().unwrap();
    desk.bus.publish("process:event", &json!("started"));
    desk.handle.post();
    assert_eq!(reader.next().unwrap().topic, "process:event");
    assert_eq!(next_output(&mut reader).0, "early\n");
}

#[test]
fn what_is_done_is_counted() {
    let desk = Desk::new();
    desk.run(&desk.output(), "printf", &["one\\ntwo\\nthree"]);
    desk.expect("out", "one\ntwo\nthree");
    let metrics = desk.handle.metrics();
    assert_eq!(
        (metrics.bytes_read, metrics.lines, metrics.bytes_written),
        (13, 2, 13)
    );
    assert_eq!(
        (metrics.faults, metrics.bytes_lost, metrics.write_errors),
        (0, 0, 0)
    );
}

#[test]
fn stop_waits_no_longer_than_told() {
    let desk = Desk::new();
    let (mut out, _err) = desk.attach(&desk.output());
    out.write_all(b"kept\n").unwrap();
    let begin = Instant::now();
    let folder = desk.folder;
    desk.handle.stop(Duration::from_millis(50));
    assert!(begin.elapsed() < LIMIT / 2);
    assert_eq!(read(&folder, "out"), "kept\n");
}

/// CPU seconds of the log thread per GB; the budgets are 0.35 for large writes and 1.7 for lines.
#[test]
#[ignore = "a measurement; run it alone and built for release"]
#[expect(clippy::print_stdout, reason = "a measurement is read by people")]
fn cpu_per_gigabyte() {
    let cases = [
        ("64 KiB writes", "dd if=/dev/zero bs=64k count=16384", 1.074),
        (
            "100-byte writes",
            "dd if=/dev/zero bs=100 count=5000000",
            0.5,
        ),
        (
            "100-byte lines, dated",
            "yes $(printf %099d 0) | head -c 500000000",
            0.5,
        ),
    ];
    for (name, producer, gigabytes) in cases {
        let desk = Desk::new();
        let date_format = name
            .ends_with("dated")
            .then(|| "YYYY-MM-DD HH:mm:ss".to_owned());
        let begin = Instant::now();
        let output = Output {
            date_format,
            ..desk.output()
        };
        desk.run(&output, "sh", &["-c", producer]);
        let cpu = log_thread_cpu();
        println!(
            "{name}: {:.2} s CPU per GB, {:.2} GB/s",
            cpu / gigabytes,
            gigabytes / begin.elapsed().as_secs_f64()
        );
    }
}

/// CPU seconds of the one log thread of this process.
fn log_thread_cpu() -> f64 {
    let mut total = 0.0;
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        if fs::read_to_string(task.join("comm")).unwrap() == "log\n" {
            let text = fs::read_to_string(task.join("schedstat")).unwrap();
            let nanos: f64 = text.split(' ').next().unwrap().parse().unwrap();
            total += nanos / 1e9;
        }
    }
    total
}
