//! That a running plane can be given to another one.

use std::fs;
use std::io::Write as _;

use ward_core::launch::Output;

use super::{Desk, next_output, read};
use crate::log::handover::{LogRole, LogState};
use crate::log::{LogHandle, LogThread};

/// Gives the plane of a desk to a new thread, the state by way of its serialised form.
fn hand_over(desk: Desk) -> Desk {
    let Desk {
        folder,
        handle,
        bus,
    } = desk;
    let (state, descriptors) = LogHandle::export(handle);
    let state: LogState = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    let log = folder.path().join("pm2.log");
    let handle = LogThread::import(state, descriptors, bus.publisher(), Some(&log)).unwrap();
    Desk {
        folder,
        handle,
        bus,
    }
}

#[test]
fn not_one_byte_is_lost_or_doubled_while_apps_write() {
    const LINES: usize = 100_000;
    let mut desk = Desk::new();
    let combined = |name: &str, desk: &Desk| Output {
        combined_path: Some(desk.path("both").to_str().unwrap().to_owned()),
        out_path: Some(desk.path(name).to_str().unwrap().to_owned()),
        ..desk.output()
    };
    let (mut a, mut b) = (combined("a", &desk), combined("b", &desk));
    a.pm_id = 1;
    b.date_format = Some("[D]".to_owned());
    let mut writers = Vec::new();
    for (life, output) in [(1, a), (2, b)] {
        let opened = crate::log::open(&output, &crate::rights::Rights::default(), |_| ()).unwrap();
        desk.handle
            .attach(ward_core::id::Life(life), opened.streams);
        desk.handle.post();
        let mut out = fs::File::from(opened.stdout);
        writers.push(std::thread::spawn(move || {
            for number in 0..LINES {
                // Lines come in two pieces, so that a hand-over finds unfinished ones.
                out.write_all(format!("{life} ").as_bytes()).unwrap();
                out.write_all(format!("{number}\n").as_bytes()).unwrap();
            }
        }));
    }
    for _ in 0..20 {
        desk = hand_over(desk);
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let folder = desk.finish();
    let expect = |name: &str, prefix: &str| {
        let lines = (0..LINES).map(|number| format!("{prefix}{number}"));
        let wanted = lines.collect::<Vec<_>>().join(
            "
",
        ) + "
";
        assert!(
            read(&folder, name) == wanted,
            "{name} is not what was written"
        );
    };
    expect("a", "1 ");
    expect("b", "D: 2 ");
    let both = read(&folder, "both");
    let of = |prefix: &str| both.lines().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(
        (of("1 "), of("D: 2 "), both.lines().count()),
        (LINES, LINES, 2 * LINES)
    );
}

#[test]
fn an_unfinished_line_goes_on_in_the_successor() {
    let desk = Desk::new();
    let mut reader = desk.follow();
    let dated = Output {
        date_format: Some("[D]".to_owned()),
        ..desk.output()
    };
    let (mut out, err) = desk.attach(&dated);
    out.write_all(b"whole\nhalf ").unwrap();
    assert_eq!(next_output(&mut reader).0, "D: whole\n");
    let desk = hand_over(desk);
    out.write_all(b"a line\n").unwrap();
    assert_eq!(next_output(&mut reader).0, "D: half a line\n");
    drop((out, err));
    let folder = desk.finish();
    assert_eq!(read(&folder, "out"), "D: whole\nD: half a line\n");
}

#[test]
fn a_missing_descriptor_is_named() {
    let desk = Desk::new();
    let _ends = desk.attach(&desk.output());
    // Seen by the thread before it is exported.
    desk.handle.reopen_all().blocking_recv().unwrap();
    let (state, mut descriptors) = desk.handle.export();
    assert_eq!(descriptors.len(), 4);
    descriptors
        .retain(|(role, _)| !matches!(role, LogRole::Sink(it) if it.place.path.ends_with("err")));
    let error = LogThread::import(state, descriptors, desk.bus.publisher(), None).unwrap_err();
    assert!(error.to_string().contains("/err"), "{error}");
}
