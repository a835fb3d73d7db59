//! Output of apps: files, followers, dates, rotation. Nothing is lost.

mod files;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::num::NonZero;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::harness::{Bus, DEADLINE, Ward, wait_gone};

/// An app that appends to its output what is written into the file `say` (a named pipe).
const ECHO: &str = "while :; do read -r line < say && echo \"$line\"; done\n";

/// The app `echo.sh`, and a bus that hears all it says.
struct Echo {
    bus: Bus,
}

impl Echo {
    fn start(ward: &Ward, words: &[&str]) -> Self {
        let bus = ward.bus();
        ward.write("echo.sh", ECHO);
        let pipe = ward.dir().join("say");
        rustix::fs::mkfifoat(rustix::fs::CWD, pipe, 0o600.into()).unwrap();
        ward.run(&[&["start"], words].concat()).succeeds();
        Self { bus }
    }

    /// Makes it print a line, and waits until that is in its file.
    fn say(&mut self, ward: &Ward, line: &str) {
        // Opening waits for the app, which opens it anew for each line.
        fs::write(ward.dir().join("say"), format!("{line}\n")).unwrap();
        self.bus.wait_output("echo", line);
    }
}

/// Lifecycle 10.4: the tail of a dying process is in the file.
#[test]
fn nothing_of_a_dying_app_is_lost() {
    let apps = [
        (
            "shell.sh",
            "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo \"line $i\"; done; echo last words >&2; exit 3",
        ),
        (
            "python.py",
            "import os, sys\nfor i in range(1, 5001): print('line', i)\nsys.stdout.flush()\n\
             os.write(2, b'last words\\n')\nos._exit(3)",
        ),
        (
            "node.js",
            "for (let i = 1; i <= 5000; i++) console.log('line ' + i);\n\
             console.error('last words'); process.exit(3)",
        ),
    ];
    let ward = Ward::new();
    let mut bus = ward.bus();
    for (file, text) in apps {
        ward.write(file, text);
        let name = file.split('.').next().unwrap();
        ward.run(&["start", file, "--no-autorestart"]);
        let (mut out, mut err) = (false, false);
        while !(out && err) {
            let event = bus.next("the last line of each stream");
            out |= event.is_output(name, "line 5000\n");
            err |= event.is_output(name, "last words\n");
        }
        let lines: Vec<String> = (1..=5000).map(|number| format!("line {number}")).collect();
        let kept = ward.log(&format!("{name}-out.log"));
        assert!(
            kept.lines().eq(lines.iter()),
            "{file}: {} lines",
            kept.lines().count()
        );
        assert_eq!(
            ward.log(&format!("{name}-error.log")),
            "last words\n",
            "{file}"
        );
    }
}

/// Lifecycle 10.5: a date before each line, and no line lost or broken.
#[test]
fn dates_stand_before_lines_not_before_writes() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "printf 'part1 '; printf 'part2\\nline2\\n'; printf 'line3\\n'; exec sleep 1000",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh", "--log-date-format", "YYYY [of] dddd"])
        .succeeds();
    bus.wait_output("app", "line3");
    let text = ward.log("app-out.log");
    let year = text.split(' ').next().unwrap();
    assert!(
        year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()),
        "{text}"
    );
    for (line, end) in text
        .lines()
        .zip(["day: part1 part2", "day: line2", "day: line3"])
    {
        assert!(
            line.starts_with(&format!("{year} of ")) && line.ends_with(end),
            "{text}"
        );
    }
}

/// Lines of several instances in one file are kept whole, but a prompt has no end to wait for.
#[test]
fn a_prompt_in_a_merged_log_is_written() {
    let ward = Ward::new();
    ward.write("ask.sh", "printf 'name? '; exec sleep 1000");
    ward.write(
        "eco.json",
        r#"{"name": "ask", "script": "ask.sh", "instances": 2, "exec_mode": "fork", "merge_logs": true}"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    ward.log_when("ask-out.log", |text| text == "name? \nname? ");
}

#[test]
fn json_lines_have_the_known_form() {
    let ward = Ward::new();
    ward.write(
        "eco.json",
        r#"{"name": "echo", "script": "echo.sh", "log_type": "json"}"#,
    );
    let mut echo = Echo::start(&ward, &["eco.json"]);
    echo.say(&ward, "héllo");
    let text = ward.log("echo-out.log");
    let record: Value = serde_json::from_str(&text).unwrap();
    let timestamp = record["timestamp"].as_str().unwrap();
    assert_eq!(
        text,
        format!(
            "{{\"message\":\"héllo\\n\",\"timestamp\":\"{timestamp}\",\"type\":\"out\",\"process_id\":0,\"app_name\":\"echo\"}}\n"
        )
    );
    assert!(timestamp.ends_with('Z'), "{timestamp}");
}

#[test]
fn logs_prints_the_last_lines_and_nothing_else() {
    let ward = Ward::new();
    let mut echo = Echo::start(&ward, &["echo.sh"]);
    for number in 1..=5 {
        echo.say(&ward, &format!("line {number}"));
    }
    ward.run(&["logs", "echo", "--nostream", "--lines", "2"])
        .succeeds()
        .prints("line 4")
        .prints("line 5")
        .prints_no("line 3");
    let raw = ward
        .run(&["logs", "echo", "--nostream", "--raw", "--lines", "1"])
        .succeeds();
    assert!(
        raw.stdout().lines().any(|line| line == "line 5"),
        "{}",
        raw.stdout()
    );
}

#[test]
fn logs_follows_what_is_written() {
    let ward = Ward::new();
    let mut echo = Echo::start(&ward, &["echo.sh"]);
    echo.say(&ward, "before");
    let mut logs = ward
        .command(&["logs", "echo", "--raw", "--lines", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = mpsc::channel();
    let output = BufReader::new(logs.stdout.take().unwrap());
    let reader = thread::spawn(move || {
        for line in output.lines() {
            sender.send(line.unwrap()).ok();
        }
    });
    let wait = |wanted: &str| loop {
        let line = lines.recv_timeout(DEADLINE);
        if line.unwrap_or_else(|_| panic!("no {wanted:?}")) == wanted {
            break;
        }
    };
    // It subscribes before it shows what was written.
    wait("before");
    echo.say(&ward, "after");
    wait("after");
    logs.kill().unwrap();
    logs.wait().unwrap();
    reader.join().unwrap();
}

/// Lifecycle 10.6: somebody who subscribes and never reads costs neither memory nor lines.
#[test]
fn a_subscriber_that_never_reads_is_no_burden() {
    let ward = Ward::new();
    let _sleepy = ward.bus();
    ward.write(
        "app.sh",
        "head -c $1 /dev/zero | tr '\\0' x | fold -w 99; echo; echo done",
    );
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    let peak_after = |name: &str, bytes: usize| {
        let bytes = bytes.to_string();
        let words = ["start", "app.sh", "--no-autorestart", "--name", name, "--"];
        ward.run(&[&words[..], &[&bytes]].concat()).succeeds();
        // It may have ended already.
        if let Some(pid) = NonZero::new(ward.pid(name)) {
            wait_gone(pid.get());
        }
        peak_kilobytes(daemon)
    };
    // All that is bounded is full after the first.
    let first = peak_after("first", 24_750_000);
    // The kernel counts roughly: the peak may seem to have shrunk.
    let grown = peak_after("second", 99_000_000).saturating_sub(first);
    // The daemon ends when all is in the files.
    ward.run(&["kill"]).succeeds();
    let text = ward.log("second-out.log");
    assert!(text.ends_with("x\ndone\n"));
    assert_eq!(text.len(), 100_000_000 + "done\n".len());
    // Who kept what was written would have 75 MB more than before.
    assert!(grown < 37_500, "the daemon grew by {grown} kB");
}

/// The most memory a process ever had.
fn peak_kilobytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// PM2 says nothing at all then, and exits with 0.
#[test]
fn logs_of_nothing_are_no_failure_unless_they_are_followed() {
    let ward = Ward::new();
    let ran = ward.run(&["logs", "nosuch", "--nostream"]).succeeds();
    let warning = "[PM2][WARN] Process or Namespace nosuch not found\n";
    assert!(ran.stderr().ends_with(warning), "{}", ran.stderr());
    ward.run(&["logs", "nosuch"]).fails().complains("not found");
}
