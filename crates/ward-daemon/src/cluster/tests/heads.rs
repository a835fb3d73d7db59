//! Connections of which nobody knows whose they are are waited for within a bound.

use std::net::TcpStream;

use ward_core::cluster::Sched;
use ward_core::id::InstanceId;

use super::{Desk, spread};
use crate::cluster::WorkerConfig;
use crate::cluster::pending_heads::AWAITED;

/// Fewer than the kernel keeps for a listener, twice as many are beyond the bound.
const CROWD: usize = 400;

#[test]
fn a_crowd_that_is_accepted_at_once_does_not_exceed_the_bound() {
    ward_sys::limits::raise_open_files().unwrap();
    let mut desk = Desk::new();
    let mut options = spread(Sched::StickyCookie("sid".to_owned()));
    // All that are not waited for are handed out.
    options.window = 1024;
    let config = WorkerConfig {
        options,
        ..Desk::config(1)
    };
    let mut worker = desk.worker_at(1, config);
    let crowd = |desk: &Desk| -> Vec<TcpStream> { (0..CROWD).map(|_| desk.connect()).collect() };
    let _first = crowd(&desk);
    while desk.metrics().cluster.connections.accepted < CROWD as u64 {
        desk.settle();
    }
    desk.handle.pause(InstanceId(1), true);
    desk.acknowledged();
    let _second = crowd(&desk);
    desk.handle.pause(InstanceId(1), false);
    desk.acknowledged();
    let metrics = loop {
        // Those who only ask have listeners of their own.
        let listeners = desk.metrics().cluster.listeners;
        let of_app = listeners
            .into_iter()
            .max_by_key(|it| it.connections.accepted);
        let listener = of_app.expect("the app's");
        let waiting = listener.waiting;
        assert!(waiting <= AWAITED as u64, "{waiting} are waited for");
        if listener.connections.accepted == 2 * CROWD as u64 {
            break listener;
        }
        desk.settle();
    };
    let handed_out = metrics.connections.dispatched;
    assert_eq!(
        handed_out + metrics.waiting,
        2 * CROWD as u64,
        "none is lost: {metrics:?}"
    );
    for _ in 0..handed_out {
        worker.offered();
        worker.fds.clear();
    }
}
