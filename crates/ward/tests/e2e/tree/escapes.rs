//! Descendants that do what they can to outlive the stop of their app, with cgroups and without.

use super::pids_in;
use crate::harness::{Attack, Ward, alive, processes};

/// Leaves the session, has an empty environment, ignores the polite request, and loses its parent as
/// soon as that one is asked to end.
const HIDDEN: &str = "import os, signal, sys
if os.fork():
    print('started', flush=True)
    signal.pause()
os.setsid()
for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(asked, signal.SIG_IGN)
os.execve(sys.executable, ['python3', '-c', '''
import os, signal, sys
print('pid', os.getpid(), flush=True)
signal.pause()
'''], {})
";

/// Another process, in another session, all the time.
const HOPPING: &str = "import os, signal
for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(asked, signal.SIG_IGN)
if os.fork():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print('started', flush=True)
    signal.pause()
while True:
    if os.fork(): os._exit(0)
    os.setsid()
";

/// As the first, and moves to the cgroup above that of all lives before it does the rest.
const LEAVING: &str = "import os, signal, sys
if os.fork():
    print('started', flush=True)
    signal.pause()
for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(asked, signal.SIG_IGN)
try:
    own = [line[3:].strip() for line in open('/proc/self/cgroup') if line.startswith('0::')][0]
    mounts = [line.split(' ') for line in open('/proc/self/mountinfo') if ' - cgroup2 ' in line]
    above = mounts[0][4] + os.path.dirname(os.path.dirname(own))
    open(above + '/cgroup.procs', 'w').write(str(os.getpid()))
    print('left', flush=True)
except (IndexError, OSError) as error:
    print('cannot leave', error, flush=True)
os.setsid()
os.execve(sys.executable, ['python3', '-c', '''
import os, signal, sys
print('pid', os.getpid(), flush=True)
signal.pause()
'''], {})
";

/// Other processes of the machine end at any time.
fn has_variable(pid: u32, variable: &str) -> bool {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let mut variables = environ.split(|byte| *byte == 0);
    variables.any(|it| it == variable.as_bytes())
}

/// What the command ends is gone to the last process.
fn leaves_nothing(ward: &Ward, command: &str) {
    let life = ward.pid("app");
    let unique = ward.app("app")["pm2_env"]["unique_id"].clone();
    let marker = format!("unique_id={}", unique.as_str().expect("it has one"));
    let of_app = || processes().filter(|pid| has_variable(*pid, &marker));
    let before: Vec<u32> = of_app().collect();
    ward.run(&[command, "app"]).succeeds();
    assert!(!alive(life));
    let left: Vec<u32> = if command == "stop" {
        of_app().collect()
    } else {
        before.into_iter().filter(|pid| alive(*pid)).collect()
    };
    assert!(left.is_empty(), "{left:?} survived");
}

/// Starts the program and stops it once its child has said where it is.
fn stop(ward: &Ward, program: &str) -> u32 {
    ward.write("app.py", program);
    ward.run(&["start", "app.py", "--kill-timeout", "300"])
        .succeeds();
    let written = |log: &str| !pids_in(log, "pid ").is_empty() && log.contains("started");
    let [hidden] = pids_in(&ward.log_when("app-out.log", written), "pid ")[..] else {
        panic!("one child");
    };
    assert!(alive(hidden));
    ward.run(&["stop", "app"]).succeeds();
    hidden
}

#[test]
fn what_was_seen_when_the_stop_began_does_not_survive_it() {
    let ward = Ward::new().with_env("WARD_CGROUPS", "off");
    let hidden = stop(&ward, HIDDEN);
    assert!(!alive(hidden), "{hidden} survived the stop");
}

#[test]
fn an_app_that_stops_by_message_leaves_nothing_either() {
    let ward = Ward::new()
        .with_env("WARD_CGROUPS", "off")
        .with_env("PM2_KILL_USE_MESSAGE", "true");
    // Told so by the daemon, the main process ends by itself, before anybody signals its tree.
    ward.write("hidden.py", HIDDEN);
    ward.write(
        "app.js",
        "const child = require('child_process').spawn('python3', ['hidden.py'], {stdio: 'inherit'});
         process.on('message', () => { child.kill('SIGKILL'); process.exit(0) });",
    );
    ward.run(&["start", "app.js", "--kill-timeout", "300"])
        .succeeds();
    let written = |log: &str| !pids_in(log, "pid ").is_empty();
    let [hidden] = pids_in(&ward.log_when("app-out.log", written), "pid ")[..] else {
        panic!("one child");
    };
    ward.run(&["stop", "app"]).succeeds();
    assert!(!alive(hidden), "{hidden} survived the stop");
}

#[test]
fn who_is_another_process_all_the_time_does_not_survive_a_stop() {
    for cgroups in ["off", "on"] {
        let ward = Ward::for_heavy_load()
            .with_env("WARD_MEASURE_STALLS", "1")
            .with_env("WARD_CGROUPS", cgroups);
        ward.write("app.py", HOPPING);
        ward.run(&["start", "app.py", "--kill-timeout", "300"])
            .succeeds();
        ward.log_when("app-out.log", |log| log.contains("started"));
        let attack = Attack::begin(&ward);
        leaves_nothing(&ward, "stop");
        assert_eq!(ward.status("app"), "stopped");
        attack.end();
    }
}

/// Each of them in a session of its own, and none of them impressed by a polite request.
const CROWD: &str = "import os, signal
for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(asked, signal.SIG_IGN)
for number in range(300):
    if not os.fork():
        os.setsid()
        signal.pause()
print('started', flush=True)
signal.pause()
";

#[test]
fn a_crowd_of_sessions_is_ended() {
    for cgroups in ["off", "on"] {
        let ward = Ward::under_attack().with_env("WARD_CGROUPS", cgroups);
        ward.write("app.py", CROWD);
        ward.run(&["start", "app.py", "--kill-timeout", "300"])
            .succeeds();
        ward.log_when("app-out.log", |log| log.contains("started"));
        let attack = Attack::begin(&ward);
        leaves_nothing(&ward, "restart");
        ward.log_when("app-out.log", |log| log.matches("started").count() == 2);
        leaves_nothing(&ward, "stop");
        attack.end();
    }
}

/// Whoever may write to cgroups (root, or the daemon's own user) can leave its own.
#[test]
fn who_left_its_cgroup_is_caught_by_descent() {
    let ward = Ward::new();
    let hidden = stop(&ward, LEAVING);
    if ward.log("app-out.log").contains("cannot leave") {
        eprintln!("no cgroup v2 here that an app may write to: it was killed in its own");
    }
    assert!(!alive(hidden), "{hidden} survived the stop");
}
