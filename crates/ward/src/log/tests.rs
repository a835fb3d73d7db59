//! The log thread with real pipes, files and programs.

use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::mpsc::{Receiver, channel};
use ward_core::id::Life;
use ward_core::launch::Output;

use super::{LogChunk, LogHandle, LogThread};

const LIMIT: Duration = Duration::from_secs(20);

struct Desk {
    folder: TempDir,
    handle: LogHandle,
    chunks: Receiver<LogChunk>,
}

impl Desk {
    fn new() -> Self {
        Self::with_queue(1024)
    }

    fn with_queue(size: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let (sender, chunks) = channel(size);
        let log = folder.path().join("pm2.log");
        let handle = LogThread::start(sender, Some(&log)).unwrap();
        Self {
            folder,
            handle,
            chunks,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Output to `out` and `err`.
    fn output(&self) -> Output {
        let at = |name: &str| Some(self.path(name).to_str().unwrap().to_owned());
        Output {
            app_name: "web".to_owned(),
            namespace: "default".to_owned(),
            pm_id: 3,
            out_path: at("out"),
            err_path: at("err"),
            ..Output::default()
        }
    }

    /// Both streams into one file.
    fn one_file(&self) -> Output {
        Output {
            err_path: self.output().out_path,
            ..self.output()
        }
    }

    fn attach(&self, life: u64, output: &Output) -> (fs::File, fs::File) {
        let (out, err) = self.handle.attach(Life(life), output).unwrap();
        (out.into(), err.into())
    }

    /// Runs a program to its end; nobody waits for its output.
    fn run(&self, life: u64, output: &Output, program: &str, args: &[&str]) {
        let (out, err): (OwnedFd, OwnedFd) = self.handle.attach(Life(life), output).unwrap();
        let status = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .status()
            .unwrap();
        assert!(status.success(), "{program}: {status}");
    }

    /// Waits until a file holds a text: the only observer of the thread is the file.
    fn expect(&self, name: &str, wanted: &str) {
        let deadline = Instant::now() + LIMIT;
        let mut text = String::new();
        while Instant::now() < deadline {
            text = fs::read_to_string(self.path(name)).unwrap_or_default();
            if text == wanted {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{name} holds {text:?}, not {wanted:?}");
    }

    /// Ends the thread, which takes all that is in the pipes first.
    fn finish(self) -> TempDir {
        self.handle.stop(LIMIT);
        self.folder
    }

    fn next(&mut self) -> LogChunk {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime
            .block_on(async { tokio::time::timeout(LIMIT, self.chunks.recv()).await })
            .expect("a chunk comes in time")
            .expect("the thread lives")
    }
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

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
        desk.run(1, &desk.output(), program, &[flag, script]);
        let folder = desk.finish();
        let out = read(&folder, "out");
        assert_eq!(out.lines().count(), 5000, "{program}");
        assert!(out.ends_with("line 4999\n"), "{program}");
        assert_eq!(read(&folder, "err"), "last\n", "{program}");
    }
}

#[test]
fn bytes_without_form_pass_as_they_are() {
    let desk = Desk::new();
    let (mut out, err) = desk.attach(1, &desk.output());
    out.write_all(b"a prompt: ").unwrap();
    desk.expect("out", "a prompt: ");
    out.write_all(&[0xFF, 0xFE, b'\n']).unwrap();
    drop((out, err));
    let folder = desk.finish();
    let bytes = fs::read(folder.path().join("out")).unwrap();
    assert_eq!(bytes, b"a prompt: \xFF\xFE\n");
}

#[test]
fn every_line_has_its_date_however_it_was_written() {
    let desk = Desk::new();
    let output = Output {
        date_format: Some("[D]".to_owned()),
        ..desk.output()
    };
    let (mut out, err) = desk.attach(1, &output);
    drop(err);
    for piece in ["part1 ", "part2\nline2\n\nline4 ", "goes on\n", "no end"] {
        out.write_all(piece.as_bytes()).unwrap();
    }
    drop(out);
    let folder = desk.finish();
    assert_eq!(
        read(&folder, "out"),
        "D: part1 part2\nD: line2\nD: \nD: line4 goes on\nD: no end\n"
    );
}

#[test]
fn json_records_are_one_per_line_in_the_known_form() {
    let desk = Desk::new();
    let output = Output {
        json: true,
        date_format: Some("[when]".to_owned()),
        combined_path: Some(desk.path("both").to_str().unwrap().to_owned()),
        ..desk.output()
    };
    let (mut out, mut err) = desk.attach(1, &output);
    out.write_all("say \"é\"\n".as_bytes()).unwrap();
    err.write_all(b"oops").unwrap();
    drop((out, err));
    let folder = desk.finish();
    let first = "{\"message\":\"say \\\"é\\\"\\n\",\"timestamp\":\"when\",\"type\":\"out\",\"process_id\":3,\"app_name\":\"web\"}\n";
    let second = "{\"message\":\"oops\",\"timestamp\":\"when\",\"type\":\"err\",\"process_id\":3,\"app_name\":\"web\"}\n";
    assert_eq!(read(&folder, "out"), first);
    assert_eq!(read(&folder, "err"), second);
    let both = read(&folder, "both");
    assert!(
        both.contains(first) && both.contains(second) && both.lines().count() == 2,
        "{both}"
    );
}

#[test]
fn json_without_a_format_has_an_iso_timestamp() {
    let desk = Desk::new();
    let output = Output {
        json: true,
        ..desk.output()
    };
    desk.run(1, &output, "echo", &["x"]);
    let folder = desk.finish();
    let record: serde_json::Value = serde_json::from_str(&read(&folder, "out")).unwrap();
    let timestamp = record["timestamp"].as_str().unwrap();
    assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    assert_eq!(timestamp.len(), "2026-11-21T01:47:22.132Z".len());
}

#[test]
fn characters_split_over_writes_stay_whole() {
    let mut desk = Desk::new();
    desk.handle.set_followed(true);
    let output = Output {
        json: true,
        ..desk.output()
    };
    let (mut out, _err) = desk.attach(1, &output);
    let (mut plain, _err2) = desk.attach(
        2,
        &Output {
            out_path: None,
            ..desk.output()
        },
    );
    let crab = "🦀\n".as_bytes();
    for byte in crab {
        out.write_all(&[*byte]).unwrap();
        plain.write_all(&[*byte]).unwrap();
    }
    let (mut json, mut raw) = (String::new(), String::new());
    while !(json.contains("app_name") && raw.ends_with('\n')) {
        let chunk = desk.next();
        let text = if chunk.life == Life(1) {
            &mut json
        } else {
            &mut raw
        };
        text.push_str(&chunk.data);
    }
    assert!(json.contains("\"message\":\"🦀\\n\""), "{json}");
    assert_eq!(raw, "🦀\n");
}

#[test]
fn an_overlong_line_gets_one_date_and_no_line_end() {
    let desk = Desk::new();
    let output = Output {
        date_format: Some("[D]".to_owned()),
        ..desk.output()
    };
    let (mut out, err) = desk.attach(1, &output);
    drop(err);
    let long = "é".repeat(200_000);
    out.write_all(long.as_bytes()).unwrap();
    out.write_all(b"\nnext\n").unwrap();
    drop(out);
    let folder = desk.finish();
    assert!(
        read(&folder, "out") == format!("D: {long}\nD: next\n"),
        "the line was changed"
    );
}

#[test]
fn lines_of_streams_that_share_a_file_do_not_mix() {
    let desk = Desk::new();
    let output = desk.one_file();
    let mut writers = Vec::new();
    for life in 0..4 {
        let (out, err) = desk.attach(life, &output);
        for (mut pipe, name) in [(out, "o"), (err, "e")] {
            writers.push(std::thread::spawn(move || {
                let line = format!("{name}{life}{}\n", "x".repeat(97));
                for byte_pairs in line.repeat(1000).as_bytes().chunks(37) {
                    pipe.write_all(byte_pairs).unwrap();
                }
            }));
        }
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let folder = desk.finish();
    let text = read(&folder, "out");
    assert_eq!(text.lines().count(), 8000);
    for line in text.lines() {
        assert_eq!(line.len(), 99, "{line}");
        assert_eq!(line[2..].trim_matches('x'), "", "{line}");
    }
}

#[test]
fn an_unfinished_line_is_not_continued_by_another_app() {
    let desk = Desk::new();
    desk.run(1, &desk.one_file(), "printf", &["no end"]);
    desk.run(2, &desk.one_file(), "echo", &["next"]);
    let folder = desk.finish();
    assert_eq!(read(&folder, "out"), "no end\nnext\n");
}

#[test]
fn rotation_by_rename_and_reopen_loses_nothing() {
    const LINES: usize = 200_000;
    let desk = Desk::new();
    let (out, err) = desk.attach(1, &desk.output());
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
        desk.handle.reopen_all().unwrap().blocking_recv().unwrap();
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
    let (mut out, err) = desk.attach(1, &desk.output());
    out.write_all(b"one\n").unwrap();
    desk.expect("out", "one\n");
    fs::remove_file(desk.path("out")).unwrap();
    let (mut second, err2) = desk.attach(2, &desk.output());
    second.write_all(b"two\n").unwrap();
    drop((out, err, second, err2));
    assert_eq!(read(&desk.finish(), "out"), "two\n");
}

#[test]
fn flush_empties_open_and_closed_files_and_makes_none() {
    let desk = Desk::new();
    let (mut out, _err) = desk.attach(1, &desk.output());
    out.write_all(b"old\n").unwrap();
    desk.expect("out", "old\n");
    fs::write(desk.path("closed"), "old").unwrap();
    let paths = ["out", "closed", "missing"].map(|name| desk.path(name));
    desk.handle
        .flush(paths.to_vec())
        .unwrap()
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
    let _ends = desk.attach(1, &output);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn no_file_means_no_file() {
    let mut desk = Desk::new();
    desk.handle.set_followed(true);
    let output = Output {
        out_path: Some("/dev/null".to_owned()),
        err_path: Some("NULL".to_owned()),
        ..desk.output()
    };
    desk.run(1, &output, "echo", &["seen"]);
    assert_eq!(desk.next().data, "seen\n");
    desk.run(
        2,
        &Output {
            disabled: true,
            ..desk.output()
        },
        "echo",
        &["unseen"],
    );
    desk.handle.say(false, "hello");
    desk.handle.reopen_all().unwrap().blocking_recv().unwrap();
    assert!(
        desk.chunks.try_recv().is_err(),
        "nothing of a disabled log is shown"
    );
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
    let error = desk.handle.attach(Life(1), &output).unwrap_err();
    assert!(error.to_string().contains("file/out"), "{error}");
}

#[test]
fn a_full_disk_is_told_once_and_delays_nobody() {
    let desk = Desk::new();
    let output = Output {
        out_path: Some("/dev/full".to_owned()),
        ..desk.output()
    };
    let (mut full, err) = desk.attach(1, &output);
    // More than the pipe holds: it goes on being read.
    full.write_all(&vec![b'x'; 3_000_000]).unwrap();
    desk.run(2, &desk.output(), "echo", &["fine"]);
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
    let (mut out, err) = desk.attach(1, &output);
    drop(err);
    out.write_all(&vec![b'x'; 1_000_000]).unwrap();
    let deadline = Instant::now() + LIMIT;
    while rustix::io::ioctl_fionread(&out).unwrap() > 0 {
        assert!(Instant::now() < deadline, "a full file blocks the app");
        std::thread::yield_now();
    }
    // When this is answered, what was read last has been dealt with.
    desk.handle.reopen_all().unwrap().blocking_recv().unwrap();
    let held = rustix::io::ioctl_fionread(&reader).unwrap();
    let mut before = vec![0; usize::try_from(held).unwrap()];
    reader.read_exact(&mut before).unwrap();
    out.write_all(b"end\n").unwrap();
    let mut after = [0; 4];
    reader.read_exact(&mut after).unwrap();
    assert_eq!(&after, b"end\n");
    drop(out);
    let folder = desk.finish();
    let log = read(&folder, "pm2.log");
    assert!(log.contains("can be written again"), "{log}");
    let lost = format!("{} bytes of output were lost", 1_000_000 - held);
    assert!(log.contains(&lost), "{lost}: {log}");
}

#[test]
fn a_follower_sees_a_prompt_after_a_while_and_lines_at_once() {
    let mut desk = Desk::new();
    desk.handle.set_followed(true);
    let (mut out, _err) = desk.attach(1, &desk.output());
    out.write_all(b"whole\nname? ").unwrap();
    let first = desk.next();
    assert_eq!((first.data.as_str(), first.error), ("whole\n", false));
    assert_eq!(
        *first.origin,
        super::Origin {
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
    let (mut out, err) = desk.attach(1, &desk.output());
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
fn forget_takes_what_is_there_and_lets_go() {
    let desk = Desk::new();
    let (mut out, _err) = desk.attach(1, &desk.output());
    out.write_all(b"before\n").unwrap();
    desk.handle.forget(Life(1));
    let deadline = Instant::now() + LIMIT;
    while out.write_all(b"x").is_ok() {
        assert!(Instant::now() < deadline, "the pipe is still read");
    }
    let folder = desk.finish();
    assert!(read(&folder, "out").starts_with("before\n"));
}

#[test]
fn stop_waits_no_longer_than_told() {
    let desk = Desk::new();
    let (mut out, _err) = desk.attach(1, &desk.output());
    out.write_all(b"kept\n").unwrap();
    let begin = Instant::now();
    let folder = desk.folder;
    desk.handle.stop(Duration::from_millis(50));
    assert!(begin.elapsed() < LIMIT / 2);
    assert_eq!(read(&folder, "out"), "kept\n");
}
