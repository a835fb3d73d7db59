//! What workers make the daemon hold is bounded in bytes.

use super::*;

const E2BIG: i64 = -7;
const ENOBUFS: i64 = -105;

/// A question for a socket, with something all workers shall share.
fn question(port: u16, data: &Value) -> Value {
    let mut query = address(port);
    query["act"] = "queryServer".into();
    query["data"] = data.clone();
    query
}

fn refused(desk: &mut Desk) -> i32 {
    let (_, event) = desk.event(|event| matches!(event, WorkerEvent::Refused { .. }));
    match event {
        WorkerEvent::Refused { errno, .. } => errno,
        other => panic!("a refusal, not {other:?}"),
    }
}

#[test]
fn what_workers_want_to_share_has_a_largest_size() {
    let mut desk = Desk::new();
    let mut worker = desk.silent(1, Desk::config(1));
    worker.say(question(0, &json!("x".repeat(60 << 10))));
    assert!(worker.hear()["errno"].is_null());
    let mut query = question(0, &json!("x".repeat(70 << 10)));
    query["index"] = 1.into();
    worker.say(query);
    let answer = worker.hear();
    assert_eq!(
        (&answer["errno"], &answer["data"]),
        (&json!(E2BIG), &Value::Null)
    );
    assert_eq!(refused(&mut desk), 7);
}

#[test]
fn what_one_instance_wants_to_share_is_bounded_in_total() {
    let mut desk = Desk::new();
    let mut worker = desk.silent(1, Desk::config(1));
    let data = json!("x".repeat(60 << 10));
    let mut answers = Vec::new();
    for index in 0..6 {
        let mut query = question(0, &data);
        query["index"] = index.into();
        worker.say(query);
        answers.push(worker.hear()["errno"].clone());
    }
    assert_eq!(answers[..4], vec![Value::Null; 4]);
    assert_eq!(answers[4..], vec![json!(ENOBUFS); 2]);
    assert_eq!(refused(&mut desk), 105);
    // What has nothing to share still gets its socket.
    let mut query = question(0, &Value::Null);
    query["index"] = 9.into();
    worker.say(query);
    assert!(worker.hear()["errno"].is_null());
}

#[test]
fn a_worker_that_asks_and_never_reads_is_not_served_for_ever() {
    let mut desk = Desk::new();
    let mut neighbour = desk.worker(2);
    let mut worker = desk.silent(1, Desk::config(1));
    let query = question(0, &json!("x".repeat(60 << 10)));
    worker.say(query.clone());
    // The second question for the same key is refused, with the data in the answer.
    let mut asking = worker.socket.try_clone().unwrap();
    asking.set_nonblocking(true).unwrap();
    let mut line = query;
    line["cmd"] = "NODE_CLUSTER".into();
    line["seq"] = 1.into();
    let line = format!("{line}\n").into_bytes();
    let asker = std::thread::spawn(move || {
        asking.set_nonblocking(false).unwrap();
        asking.set_write_timeout(Some(LIMIT)).unwrap();
        // Ends when nobody reads any more, or with an error.
        for _ in 0..2000 {
            if asking.write_all(&line).is_err() {
                break;
            }
        }
    });
    let life = desk.next(|event| match event {
        ChannelEvent::Deaf { life } => Some(life),
        _ => None,
    });
    assert_eq!(life, Life(1));
    // The daemon ends the process and closes its channel then.
    desk.handle.close(life);
    desk.next(|event| matches!(event, ChannelEvent::Closed { life: Life(1) }).then_some(()));
    asker.join().unwrap();
    let client = desk.connect();
    neighbour.serve();
    assert_eq!(served_by(client), "2");
}
