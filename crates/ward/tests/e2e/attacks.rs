//! Attacks on the daemon by apps and clients: what they may cost it (`docs/security.md`). Attacks on one feature stand
//! beside its tests.

use std::fs;

use crate::harness::{Attack, Ward};

/// Megabytes the noisy app writes.
const NOISE: u64 = 192;

/// A line that never ends goes to its file whole, whoever listens on the bus, and is nowhere kept.
#[test]
fn a_line_without_an_end_with_subscribers_that_never_read() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    let mute: Vec<_> = (0..20).map(|_| ward.bus()).collect();
    let script =
        format!("head -c {NOISE}M /dev/zero | tr '\\0' x; echo; echo done >&2; exec sleep 1000");
    ward.write("noise.sh", &script);
    ward.run(&["start", "noise.sh"]).succeeds();
    ward.log_when("noise-error.log", |text| text.contains("done"));
    ward.run(&["stop", "noise"]).succeeds();
    attack.end();
    let written = fs::metadata(ward.home().join("logs/noise-out.log"))
        .unwrap()
        .len();
    assert_eq!(written, NOISE * 1024 * 1024 + 1);
    drop(mute);
}

/// An app that forks without end fills its own limit on processes, and stops with all of them when it is told to.
#[test]
fn a_fork_bomb_is_stopped_whole() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    // Each generation is a session of its own, and none lives long.
    let bomb = "
import os, time
count = 0
while True:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    os.wait()
    count += 1
    if count == 300:
        print('full', flush=True)
        time.sleep(1000)
";
    ward.write("bomb.py", bomb);
    ward.run(&["start", "bomb.py"]).succeeds();
    ward.log_when("bomb-out.log", |text| text.contains("full"));
    ward.run(&["delete", "bomb"]).succeeds();
    attack.end();
    let script = ward.dir().join("bomb.py").display().to_string();
    let left = crate::harness::processes().filter(|pid| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(&script)
    });
    assert_eq!(left.collect::<Vec<_>>(), [0_u32; 0]);
}
