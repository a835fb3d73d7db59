//! Watching is switched on and off.

use serde_json::json;

use super::{restarted, restarts, start, watched, watching};

#[test]
fn a_stop_ends_watching_and_a_start_brings_it_back() {
    let (ward, mut bus) = watching(&json!({}));
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    ward.write("a.js", "1");
    ward.run(&["start", "app"]).succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.write("b.js", "1");
    assert_eq!(restarted(&mut bus), "b.js");
    assert_eq!(restarts(&ward), [1]);
    ward.run(&["stop", "app"]).succeeds();
    // `restart` of the file turns it on as `start` does.
    ward.run(&["restart", ward.dir().join("../apps.json").to_str().unwrap()])
        .succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.write("c.js", "1");
    assert_eq!(restarted(&mut bus), "c.js");
    ward.run(&["delete", "app"]).succeeds();
    ward.write("d.js", "1");
    start(&ward, &json!({ "name": "other" }));
    ward.write("e.js", "1");
    assert_eq!(restarted(&mut bus), "e.js");
}

#[test]
fn restart_with_watch_toggles() {
    let (ward, mut bus) = watching(&json!({ "watch": ["src"] }));
    ward.run(&["restart", "app", "--watch"]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    ward.write("src/a.js", "1");
    ward.run(&["restart", "app", "--watch"]).succeeds();
    // PM2 forgets the paths here.
    assert_eq!(watched(&ward), json!(["src"]));
    ward.write("src/b.js", "1");
    assert_eq!(restarted(&mut bus), "src/b.js");
    assert_eq!(restarts(&ward), [3]);
}

#[test]
fn what_was_switched_by_hand_lasts_until_the_file_says_otherwise() {
    let (ward, mut bus) = watching(&json!({ "watch": false }));
    ward.run(&["restart", "app", "--watch"]).succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.run(&["restart", "app", "--ignore-watch", "tmp out"])
        .succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.write("tmp", "1");
    ward.write("a.js", "1");
    assert_eq!(restarted(&mut bus), "a.js");
    let file = ward.dir().join("../apps.json");
    let file = file.to_str().unwrap();
    ward.run(&["restart", file]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    start(&ward, &json!({ "watch": true }));
    assert_eq!(watched(&ward), json!(true));
    ward.run(&["restart", "app", "--watch"]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    ward.run(&["restart", file]).succeeds();
    assert_eq!(watched(&ward), json!(true));
}
