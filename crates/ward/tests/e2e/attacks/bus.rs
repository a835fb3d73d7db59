//! Apps that publish much, and subscribers that read nothing.

use crate::harness::{Attack, Ward};

/// An app that sends messages of several megabytes, and many small ones.
const LOUD: &str = "
const large = 'x'.repeat(5 << 20);
const small = 'y'.repeat(4000);
let left = 4000;
process.send({type: 'large', data: large}, function next() {
  if (left === 0) return process.send({type: 'last', data: {left}});
  left--;
  if (left % 400 === 0) process.send({type: 'large', data: large}, next);
  else process.send({type: 'small', data: small}, next);
});
setInterval(() => {}, 1000);
";

#[test]
fn many_subscribers_that_read_nothing_cost_little_and_others_get_large_messages() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    let mute: Vec<_> = (0..200).map(|_| ward.bus()).collect();
    ward.write("loud.js", LOUD);
    ward.run(&["start", "loud.js"]).succeeds();
    let mut bus = ward.bus();
    bus.choose(r#"{"topics":["last"]}"#);
    ward.run(&["restart", "loud"]).succeeds();
    bus.wait("the last message", |event| event.topic == "last");
    attack.end();
    drop(mute);
    bus.choose(r#"{"topics":["large"]}"#);
    ward.run(&["restart", "loud"]).succeeds();
    let event = bus.wait("a large message", |event| event.topic == "large");
    assert_eq!(event.payload["data"].as_str().unwrap().len(), 5 << 20);
    assert_eq!(event.payload["process"]["name"], "loud");
}
