//! The end of the daemon: whoever asked something before it gets the answer.

use serde_json::json;

use crate::harness::Ward;

/// Requests that may be unanswered on one connection.
const REQUESTS: usize = 60;

/// More than a socket holds, so that most replies wait for the client to read.
const RECORD_BYTES: usize = 50_000;

#[test]
fn replies_that_wait_for_a_slow_reader_arrive_after_the_end() {
    let ward = Ward::new().with_env("LARGE", &"x".repeat(RECORD_BYTES));
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh"]).succeeds();
    let mut rpc = ward.rpc();
    for _ in 0..REQUESTS {
        rpc.send("getMonitorData", &json!([{}]));
    }
    // A list is answered when the apps were measured. Whoever asks later is answered later.
    assert_eq!(ward.list().len(), 1);
    rpc.send("killMe", &json!([{}]));
    // The sockets are gone before the last replies are: from here on nobody is asked any more.
    let mut bytes = 0;
    for _ in 0..REQUESTS {
        let (_, reply) = rpc.reply();
        let records = reply["args"][0].as_array().unwrap();
        assert_eq!(records.len(), 1);
        bytes += reply.to_string().len();
    }
    assert!(bytes > REQUESTS * RECORD_BYTES);
}
