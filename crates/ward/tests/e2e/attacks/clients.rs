//! Clients that ask for much and read nothing, or send much and never finish: each costs itself, not the others.

use serde_json::{Value, json};

use crate::harness::{Attack, Rpc, Ward};

/// A home with apps whose list is some nine megabytes long.
fn with_a_long_list() -> Ward {
    let ward = Ward::under_attack();
    let mut rpc = ward.rpc();
    let filler = "x".repeat(20_000);
    let app = |number: u32| {
        json!({
            "name": format!("app{number}"), "pm_exec_path": "/bin/true", "exec_mode": "fork_mode",
            "autostart": false, "env": {"FILLER": filler},
        })
    };
    for some in 0..4 {
        let apps: Vec<Value> = (0..50).map(|number| app(some * 50 + number)).collect();
        let reply = rpc.call("ward:prepare", &json!([{"apps": apps}]));
        assert!(reply["error"].is_null(), "{reply}");
    }
    ward
}

#[test]
fn clients_that_read_no_reply_cost_neither_memory_nor_others_their_turn() {
    let ward = with_a_long_list();
    let attack = Attack::begin(&ward);
    let mute: Vec<Rpc> = (0..4)
        .map(|_| {
            let mut rpc = ward.rpc();
            for _ in 0..64 {
                rpc.send("getMonitorData", &json!([{}]));
            }
            rpc
        })
        .collect();
    // What is small is answered whatever others leave unread, and lists are, too.
    assert_eq!(
        ward.rpc().call("ping", &json!([{}]))["args"][0]["msg"],
        "pong"
    );
    let list = ward.rpc().call("getMonitorData", &json!([{}]));
    assert_eq!(list["args"][0].as_array().map(Vec::len), Some(200));
    assert_eq!(ward.list().len(), 200);
    attack.end();
    drop(mute);
}

#[test]
fn one_client_with_many_calls_gets_all_its_replies_in_turn() {
    let ward = with_a_long_list();
    let attack = Attack::begin(&ward);
    let mut rpc = ward.rpc();
    let asked: Vec<String> = (0..8)
        .map(|_| rpc.send("getMonitorData", &json!([{}])))
        .collect();
    for id in asked {
        let (answered, message) = rpc.reply();
        assert_eq!(answered, id);
        assert_eq!(message["args"][0].as_array().map(Vec::len), Some(200));
    }
    attack.end();
}

#[test]
fn frames_that_never_end_cost_only_their_share() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    // Each announces seven megabytes and sends as much of them as the daemon takes.
    let halves: Vec<Rpc> = (0..200)
        .map(|_| {
            let mut rpc = ward.rpc();
            rpc.send_what_fits(&[&[0x12_u8, 0, 0x70, 0, 0][..], &vec![b'j'; 6 << 20]].concat());
            rpc
        })
        .collect();
    // Small calls need no share of theirs.
    for _ in 0..10 {
        ward.rpc().call("ping", &json!([{}]));
    }
    ward.run(&["ls"]).succeeds();
    drop(halves);
    attack.end();
}

#[test]
fn a_request_longer_than_any_ends_its_connection_and_a_dense_one_is_refused() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    let mut long = ward.rpc();
    long.send_raw(&[0x12, 0x40, 0, 0, 0]);
    long.ends();
    let mut rpc = ward.rpc();
    let zeros = vec![0; 1 << 20];
    rpc.send("sendDataToProcessId", &json!([zeros]));
    let (_, message) = rpc.reply();
    assert_eq!(message["error"], "the request is too large");
    // The connection goes on.
    rpc.call("ping", &json!([{}]));
    attack.end();
}

#[test]
fn so_many_connections_that_none_is_left_give_way_to_new_ones() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    let mut used = ward.rpc();
    used.call("ping", &json!([{}]));
    let mut silent: Vec<Rpc> = (0..520).map(|_| ward.rpc()).collect();
    ward.run(&["ls"]).succeeds();
    // The first ones were silent longest.
    silent[0].ends();
    // The last one is still there, and so is the one that was used.
    silent.last_mut().unwrap().call("ping", &json!([{}]));
    used.call("ping", &json!([{}]));
    attack.end();
}
