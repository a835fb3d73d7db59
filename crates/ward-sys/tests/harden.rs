//! What the daemon changes for itself is not what its apps begin with. A process of its own, as the
//! changes are those of the whole process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "what could not be tested is said")]

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;

use ward_sys::harden::harden;
use ward_sys::reap;
use ward_sys::spawn::{Command, Stdio, spawn};

fn core_limit(limits: &str) -> &str {
    let line = limits.lines().find(|line| line.starts_with("Max core"));
    line.unwrap()
}

#[test]
fn apps_get_back_what_was_changed() {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap();
    let (limits, score) = (read("limits"), read("oom_score_adj"));
    let before = harden();
    let now = read("limits");
    let soft = core_limit(&now).split_whitespace().nth(4);
    let is_none = core_limit(&limits).split_whitespace().nth(5) == Some("0");
    assert_eq!(soft.unwrap(), if is_none { "0" } else { "1" });
    if read("oom_score_adj") == score {
        eprintln!("the score for want of memory cannot be lowered here (CAP_SYS_RESOURCE)");
    } else {
        assert_eq!(read("oom_score_adj").trim(), "-900");
    }
    let mut command = Command::new("/bin/cat");
    let files = ["/proc/self/limits", "/proc/self/oom_score_adj"];
    command.argv.extend(files.map(Into::into));
    before.give_back(&mut command);
    let (mut reader, writer) = std::io::pipe().unwrap();
    command.stdout = Stdio::Fd(OwnedFd::from(writer));
    let child = spawn(&command).unwrap();
    drop(command);
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    reap::wait_pidfd(&child.pidfd).unwrap();
    assert_eq!(seen, limits + &score);
}
