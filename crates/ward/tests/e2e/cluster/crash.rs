//! Workers that die: whoever was not read yet is served by another one.

use rustix::process::Signal;

use super::client::{Load, Style, get};
use super::{spread, start};
use crate::harness::{Counter, kill, look_again_until, stop_process};

#[test]
fn killed_workers_under_load_leave_no_client_hanging() {
    let (ward, port) = start(2);
    let load = Load::start(port, &[(Style::Close, 6)]);
    let mut bus = ward.bus();
    let kills = 10;
    for round in 0..kills {
        load.serve_more(50);
        let victim = &ward.list()[round % 2];
        kill(
            u32::try_from(victim["pid"].as_u64().unwrap()).unwrap(),
            Signal::KILL,
        );
        bus.wait("its return", |event| event.is_process("online"));
    }
    load.serve_more(50);
    let outcome = load.finish();
    let hung = outcome.errors.iter().filter(|error| *error == "hung");
    assert_eq!(hung.count(), 0, "{outcome:?}");
    // What a worker had begun to read dies with it: at most one request per client and kill.
    assert!(outcome.errors.len() <= 6 * kills, "{outcome:?}");
    assert!(
        outcome
            .errors
            .iter()
            .all(|error| !error.contains("refused")),
        "the port stays open: {outcome:?}"
    );
    let serving = || spread(port, 4).len();
    look_again_until("answer of both workers", serving, |workers| *workers == 2);
}

#[test]
fn clients_wait_while_no_worker_lives() {
    let (ward, port) = start(1);
    let pid = ward.pid("app");
    kill(pid, Signal::KILL);
    let answer = super::ask(port);
    assert_ne!(answer["pid"], pid);
}

#[test]
fn a_hung_worker_delays_no_more_than_its_window() {
    let (ward, port) = start(2);
    let victim = u32::try_from(ward.list()[0]["pid"].as_u64().unwrap()).unwrap();
    stop_process(victim);
    let served = Counter::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                get(port);
                served.increment();
            });
        }
        // One of them waits for the hung worker; the others were served by the other one.
        served.wait_for(7, "clients served");
        kill(victim, Signal::KILL);
        // Given to another worker after the death of the first.
        served.wait_for(8, "clients served");
    });
}
