//! Trees that are held by a cgroup.

use std::fs;

use ward_sys::{
    cgroup::Hierarchy,
    proc::{self, Sampler},
    reap::ExitStatus,
    tree::{self, Life},
};

use super::{ENV, collect, collect_all, kill_all, life, members, my_turn, nobody, pid_of};
use crate::common::{command, line, start};

#[test]
fn a_cgroup_holds_even_those_who_hide() {
    let _turn = my_turn();
    let Some(hierarchy) = Hierarchy::create() else {
        return;
    };
    let cgroup = hierarchy.cgroup("web-1").unwrap();
    assert_eq!(cgroup.populated(), Some(false));
    let mut hidden = command("orphan new-session clear-env pid hang -- exit 0", &[ENV]);
    hidden.cgroup = Some(cgroup.directory().unwrap());
    let (child, mut output) = start(hidden);
    assert!(child.in_cgroup);
    let orphan = pid_of(&line(&mut output));
    assert_eq!(collect(child.pid), ExitStatus::Code(0));
    let life = life(child.pid, Some(&cgroup));
    let without = Life {
        cgroup: None,
        ..life
    };
    assert_eq!(cgroup.procs(), [orphan]);
    assert_eq!(cgroup.members(), Some(vec![orphan]));
    let usage = Sampler::new().unwrap().cgroup_usage(&cgroup).unwrap();
    assert!(usage.processes == 1 && usage.rss_bytes > 0);
    let below = cgroup.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::write(
        below.join("cgroup.procs"),
        orphan.as_raw_nonzero().to_string(),
    )
    .unwrap();
    assert_eq!(
        cgroup.members(),
        Some(vec![orphan]),
        "also in a cgroup below"
    );
    assert_eq!(members(&without), []);
    assert_eq!(
        members(&life)
            .iter()
            .map(|member| member.pid)
            .collect::<Vec<_>>(),
        [orphan]
    );
    assert!(!tree::is_empty(&life, |_| true));
    kill_all(&life);
    collect_all();
    assert!(tree::is_empty(&life, nobody));
    let path = cgroup.path().to_owned();
    assert!(cgroup.remove());
    assert!(!path.exists());
    hierarchy.remove();
}

#[test]
fn a_refused_cgroup_does_not_stop_a_spawn() {
    let _turn = my_turn();
    let mut plain = command("exit 4", &[]);
    plain.cgroup = Some(fs::File::open("/").unwrap().into());
    let (child, _output) = start(plain);
    assert!(!child.in_cgroup);
    assert_eq!(collect(child.pid), ExitStatus::Code(4));
}

#[test]
fn the_directories_of_dead_daemons_are_removed() {
    let _turn = my_turn();
    let Some(hierarchy) = Hierarchy::create() else {
        return;
    };
    let start_time = proc::start_time(rustix::process::getpid()).unwrap();
    // Our pid, but started at another time: a daemon that is gone.
    let stale =
        hierarchy
            .path()
            .with_file_name(format!("ward-{}-{}", std::process::id(), start_time + 1));
    fs::create_dir_all(stale.join("app-1")).unwrap();
    let again = Hierarchy::create().unwrap();
    assert_eq!(again.path(), hierarchy.path());
    assert!(!stale.exists());
    assert!(again.path().exists());
    again.remove();
}
