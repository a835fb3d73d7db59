//! Signals to the daemon itself, and what its apps begin with of what it is for itself.

use rustix::process::Signal;

use crate::harness::{Ward, kill};

/// Those that end it, those whose subject is a fault of the program, and those that stop a process.
const MEANT: [i32; 15] = [2, 3, 4, 5, 6, 7, 8, 9, 11, 15, 19, 20, 21, 22, 31];

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let digits = line.expect("the kernel tells it").trim();
    u64::from_str_radix(digits, 16).expect("a mask")
}

/// Whoever sends it the wrong signal, and whatever a shell or a timer sends, ends no app.
#[test]
fn the_daemon_survives_every_signal_without_a_meaning() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000\n");
    ward.run(&["start", "app.sh"]).succeeds();
    let app = ward.pid("app");
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon");
    };
    // libc keeps two numbers for itself, so rustix does not know them; Python sends those, too.
    let script =
        format!("import os\nfor n in set(range(1, 65)) - set({MEANT:?}): os.kill({daemon}, n)");
    let sent = std::process::Command::new("python3")
        .args(["-c", &script])
        .status();
    assert!(sent.expect("python runs").success(), "all were sent");
    // Whatever was sent is delivered before an answer.
    assert_eq!(ward.pid("app"), app);
    assert_eq!(ward.daemons(), [daemon]);
    kill(daemon, Signal::TERM);
    crate::harness::wait_gone(app);
}

/// What the daemon ignores for itself is no business of its apps.
#[test]
fn apps_begin_with_every_signal_at_its_default() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "cat /proc/self/status; echo seen; exec sleep 1000\n",
    );
    ward.run(&["start", "app.sh"]).succeeds();
    let status = ward.log_when("app-out.log", |log| log.contains("seen"));
    // What bash itself ignores is not inherited by what it runs.
    for mask in ["SigIgn:", "SigCgt:", "SigBlk:"] {
        assert_eq!(field(&status, mask), 0, "{mask}");
    }
}

/// The memory of the daemon holds the environments of all apps: it leaves no core. Its apps do, if
/// the shell that started it lets them.
#[test]
fn the_daemon_leaves_no_core_and_apps_have_the_limits_of_the_shell() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000\n");
    ward.run(&["start", "app.sh"]).succeeds();
    let file = |pid: u32, name: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{name}")).expect("it runs")
    };
    let core = |pid: u32| {
        let limits = file(pid, "limits");
        let line = limits.lines().find(|line| line.starts_with("Max core"));
        line.expect("the kernel tells it").to_owned()
    };
    let (own, app, daemon) = (std::process::id(), ward.pid("app"), ward.daemons()[0]);
    assert_eq!(core(app), core(own));
    let soft = core(daemon);
    let soft = soft.split_whitespace().nth(4);
    assert!(matches!(soft, Some("0" | "1")), "{soft:?}");
    assert_eq!(file(app, "oom_score_adj"), file(own, "oom_score_adj"));
}
