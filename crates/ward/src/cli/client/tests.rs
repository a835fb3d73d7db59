//! The client over a real socket, against peers that answer well, late, wrongly or not at all.

use std::thread;

use super::*;

/// A client, and a peer that sends `answer` once it has read something.
fn client(answer: Vec<u8>, keep_open: bool) -> (Client, thread::JoinHandle<()>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let peer = thread::spawn(move || {
        let mut chunk = [0; 4096];
        let length = theirs.read(&mut chunk).unwrap();
        assert!(length > 0);
        // One byte after the other: a reply arrives as it pleases.
        for byte in answer {
            theirs.write_all(&[byte]).unwrap();
        }
        if keep_open {
            // Until the client goes.
            while theirs.read(&mut chunk).is_ok_and(|length| length > 0) {}
        }
    });
    (Client::over(ours), peer)
}

fn id(number: u64) -> RawArg {
    RawArg::text(&format!("{}:{number}", std::process::id()))
}

#[test]
fn a_reply_is_the_result() {
    let answer = rpc::reply_ok(&id(0), &[json!({"msg": "pong"})]);
    let (mut client, peer) = client(answer, false);
    let result = client.call("ping", &[json!({})]).unwrap();
    assert_eq!(result, json!({"msg": "pong"}));
    peer.join().unwrap();
}

#[test]
fn replies_to_calls_side_by_side_may_come_in_any_order() {
    let reply = |number: u64| rpc::reply_ok(&id(number), &[json!(number)]);
    let (mut client, peer) = client([reply(2), reply(7), reply(0), reply(1)].concat(), true);
    let first = client.begin("first", &[]).unwrap();
    let second = client.begin("second", &[]).unwrap();
    assert_eq!(client.call("third", &[]).unwrap(), json!(2));
    assert_eq!(client.finish(&second).unwrap(), json!(1));
    assert_eq!(client.finish(&first).unwrap(), json!(0));
    assert!(client.early.is_empty() && client.pending.is_empty());
    drop(client);
    peer.join().unwrap();
}

#[test]
fn a_reply_without_a_value_is_null() {
    let (mut client, _peer) = client(rpc::reply_ok(&id(0), &[]), false);
    assert_eq!(client.call("x", &[]).unwrap(), Value::Null);
}

#[test]
fn a_refusal_keeps_its_text() {
    let (mut client, _peer) = client(rpc::reply_error(&id(0), "99 id unknown"), false);
    let error = client.call("x", &[]).unwrap_err();
    assert!(matches!(&error, CallError::Refused(text) if text == "99 id unknown"));
}

#[test]
fn a_daemon_of_pm2_is_recognised() {
    let text = "method \"ward:act\" does not exist";
    let (mut client, _peer) = client(rpc::reply_refused(&id(0), text), false);
    let error = client.call("ward:act", &[]).unwrap_err();
    assert!(matches!(error, CallError::Foreign), "{error}");
}

#[test]
fn a_reply_to_another_call_is_passed_over() {
    let mut answer = rpc::reply_ok(&id(77), &[json!("wrong")]);
    answer.extend(rpc::reply_ok(&id(0), &[json!("right")]));
    let (mut client, _peer) = client(answer, false);
    assert_eq!(client.call("x", &[]).unwrap(), "right");
}

#[test]
fn silence_ends_at_the_deadline() {
    let (mut client, peer) = client(Vec::new(), true);
    client.set_patience(Duration::from_millis(20));
    let error = client.call("x", &[]).unwrap_err();
    assert!(matches!(error, CallError::Deadline(_)), "{error}");
    let text = Failure::from(error).to_string();
    assert!(
        text.contains("0.02s") && text.contains("--timeout"),
        "{text}"
    );
    drop(client);
    peer.join().unwrap();
}

#[test]
fn half_a_reply_is_a_closed_connection() {
    let mut answer = rpc::reply_ok(&id(0), &[json!("cut")]);
    answer.truncate(10);
    let (mut client, _peer) = client(answer, false);
    let error = client.call("x", &[]).unwrap_err();
    assert!(matches!(error, CallError::Closed), "{error}");
}

#[test]
fn what_is_no_reply_is_said_to_be_none() {
    for answer in [
        Frame::new(vec![RawArg::text("hello")]).encode(),
        Frame::new(vec![RawArg::text("hello"), id(0)]).encode(),
        vec![0xff; 200],
    ] {
        let (mut client, _peer) = client(answer, false);
        let error = client.call("x", &[]).unwrap_err();
        assert!(matches!(error, CallError::Garbage), "{error}");
    }
}

#[test]
fn the_end_of_the_daemon_is_the_end_of_the_connection() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    Client::over(ours).wait_for_end().unwrap();
}
