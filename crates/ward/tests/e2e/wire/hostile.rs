//! Any bytes, any arguments.

use serde_json::{Value, json};

use crate::harness::Ward;

fn malformed() -> Vec<Value> {
    let vectors = include_str!("../../../../ward-wire/tests/data/axon-vectors.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    vectors["malformed"].as_array().unwrap().clone()
}

fn bytes_of(vector: &Value) -> Vec<u8> {
    let hex = vector["hex"].as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// Lifecycle 10.2: all 45 inputs, on a connection each, and the daemon answers the next one.
#[test]
fn no_bytes_on_the_sockets_harm_the_daemon() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    let pid = ward.pid("sleep");
    let inputs = malformed();
    assert_eq!(inputs.len(), 45);
    let mut texts = std::collections::BTreeMap::new();
    for input in &inputs {
        let name = input["name"].as_str().unwrap().to_owned();
        let mut rpc = ward.rpc();
        rpc.send_raw(&bytes_of(input));
        let silent = [
            "only one argument",
            "argument count 0",
            "truncated",
            "HTTP",
            "length 0xf",
            "pub.sock",
        ];
        if !silent.iter().any(|word| name.contains(word)) {
            let (_, reply) = rpc.reply();
            assert!(
                reply.get("error").is_some() != reply.get("args").is_some(),
                "{name}: {reply}"
            );
            texts.insert(name, reply);
        }
        drop(rpc);
        assert_eq!(
            ward.rpc().call("ping", &json!([{}])),
            json!({ "args": [{ "msg": "pong" }] })
        );
    }
    for (name, text) in [
        ("message is null", ".method required"),
        ("args is an object", ".args required"),
        ("method toString", "method \"toString\" does not exist"),
        (
            "restartProcessId null",
            "opts.id not passed to restartProcessId",
        ),
        ("stopProcessId null", "null : id unknown"),
        ("reloadProcessId null", "PM2 ID unknown"),
        ("sendSignalToProcessId null", "undefined id unknown"),
        ("sendLineToStdin null", "pm_id or line field missing"),
        ("msgProcess null", "method requires name or id field"),
        ("notifyByProcessId null", "process id missing"),
    ] {
        assert_eq!(texts[name]["error"], text, "{name}");
    }
    assert_eq!(ward.pid("sleep"), pid, "the app never noticed");
    assert_eq!(ward.daemons().len(), 1);
}

/// Every method is answered once, whatever its arguments are; the two that PM2 never answers are
/// left out.
#[test]
fn every_method_answers_every_argument() {
    let ward = Ward::new();
    let mut rpc = ward.rpc();
    rpc.send_raw(&crate::harness::frame(&[
        b"j:{\"type\":\"methods\"}",
        b"s:m",
    ]));
    let (_, listing) = rpc.reply();
    let methods: Vec<String> = listing["methods"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(methods.len(), 30);
    for method in methods
        .iter()
        .filter(|name| !["notifyKillPM2", "killMe"].contains(&name.as_str()))
    {
        for args in [
            json!([]),
            json!([null]),
            json!([{}]),
            json!(["x", [], 7]),
            json!([99]),
            json!([{"id": "99"}]),
        ] {
            let reply = rpc.call(method, &args);
            assert!(
                reply.get("error").is_some() != reply.get("args").is_some(),
                "{method}{args}: {reply}"
            );
        }
    }
    for method in [
        "ward:prepare",
        "ward:act",
        "ward:scale",
        "ward:spec",
        "ward:status",
        "ward:reason",
        "ward:nope",
    ] {
        let reply = rpc.call(method, &json!([null]));
        assert!(
            reply.get("error").is_some() != reply.get("args").is_some(),
            "{method}: {reply}"
        );
    }
}
