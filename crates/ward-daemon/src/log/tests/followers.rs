//! Followers, endings and cost.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use ward_core::launch::Output;

use super::{Desk, LIMIT, read};
use crate::log::Origin;

#[test]
fn a_follower_sees_a_prompt_after_a_while_and_lines_at_once() {
    let mut desk = Desk::new();
    desk.handle.set_followed(true);
    let (mut out, _err) = desk.attach(&desk.output());
    out.write_all(b"whole\nname? ").unwrap();
    let first = desk.next();
    assert_eq!((first.data.as_str(), first.error), ("whole\n", false));
    assert_eq!(
        *first.origin,
        Origin {
            app_name: "web".to_owned(),
            namespace: "default".to_owned(),
            pm_id: 3
        }
    );
    assert_eq!(desk.next().data, "name? ");
}

#[test]
fn a_follower_that_does_not_read_loses_chunks_and_files_lose_nothing() {
    let desk = Desk::with_queue(2);
    desk.handle.set_followed(true);
    let (mut out, err) = desk.attach(&desk.output());
    drop(err);
    for _ in 0..50 {
        out.write_all(&[b"x".repeat(99), b"\n".to_vec()].concat().repeat(1000))
            .unwrap();
    }
    drop(out);
    desk.expect("out", &format!("{}\n", "x".repeat(99)).repeat(50_000));
    assert!(desk.handle.dropped_chunks() > 0);
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
