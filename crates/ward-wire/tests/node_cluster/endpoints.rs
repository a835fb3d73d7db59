//! What a worker wants to listen on.

use ward_wire::node_cluster::{Endpoint, Host, handle_key};

use super::{ip, query};

#[test]
fn keys_follow_nodes_rule() {
    for (fields, key) in [
        (
            r#""address":null,"port":80,"addressType":4,"index":0"#,
            "null:80:4:undefined",
        ),
        (
            r#""address":null,"port":80,"addressType":4,"index":1"#,
            "null:80:4:undefined",
        ),
        (
            r#""address":"::1","port":0,"addressType":6,"index":1"#,
            "::1:0:6:undefined:1",
        ),
        (
            r#""address":"/a.sock","port":-1,"addressType":-1"#,
            "/a.sock:-1:-1:undefined",
        ),
        (
            r#""address":null,"port":null,"addressType":null,"fd":9"#,
            "null:null:null:9",
        ),
        (
            r#""address":"0.0.0.0","addressType":"udp4","fd":-1"#,
            "0.0.0.0:null:udp4:-1:0",
        ),
    ] {
        assert_eq!(handle_key(&query(fields)), key);
    }
}

#[test]
fn endpoints_follow_the_listen_matrix() {
    let endpoint = |fields: &str| query(fields).endpoint();
    let host = |address, zone: Option<&str>| {
        let address = ip(address);
        let zone = zone.map(str::to_owned);
        Some(Host { address, zone })
    };
    let tcp = |host, port, ipv6_only| {
        Ok(Endpoint::Tcp {
            host,
            port,
            ipv6_only,
        })
    };
    assert_eq!(
        endpoint(r#""address":null,"port":80,"addressType":4,"flags":0"#),
        tcp(None, 80, false)
    );
    assert_eq!(
        endpoint(r#""address":"::","port":80,"addressType":6,"flags":1"#),
        tcp(host("::", None), 80, true)
    );
    assert_eq!(
        endpoint(r#""address":"fe80::1%lo","port":80,"addressType":6,"flags":0"#),
        tcp(host("fe80::1", Some("lo")), 80, false)
    );
    assert_eq!(
        endpoint(r#""address":"/w/a.sock","port":-1,"addressType":-1"#),
        Ok(Endpoint::Path("/w/a.sock".to_owned()))
    );
    assert_eq!(
        endpoint(r#""address":"/w/\u0000x","port":-1,"addressType":-1"#),
        Ok(Endpoint::Abstract("x".to_owned()))
    );
    assert_eq!(
        endpoint(r#""address":null,"port":null,"addressType":null,"fd":9"#),
        Ok(Endpoint::Descriptor(9))
    );
    assert_eq!(
        endpoint(r#""address":"0.0.0.0","port":"53","addressType":"udp4","fd":-1,"flags":4"#),
        Ok(Endpoint::Udp {
            host: host("0.0.0.0", None),
            ipv6: false,
            port: 53,
            ipv6_only: false,
            reuse_addr: true
        })
    );
    for broken in [
        r#""address":"localhost","port":80,"addressType":4"#,
        r#""address":null,"port":65536,"addressType":4"#,
        r#""address":null,"port":-1,"addressType":-1"#,
        r#""address":null,"addressType":null"#,
        r#""address":null,"addressType":null,"fd":4294967296"#,
        r#""address":null,"port":80,"addressType":5"#,
        r#""address":[],"port":80,"addressType":4"#,
        r#""address":null,"port":"http","addressType":"udp4""#,
    ] {
        assert_eq!(endpoint(broken).unwrap_err().errno(), -22, "{broken}");
    }
}

#[test]
fn odd_values_of_apps_are_read_as_javascript_reads_them() {
    // Sent by Node 20 for `listen(80, "127.0.0.1", callback)`.
    let seen = query(
        r#""index":0,"data":null,"address":"127.0.0.1","port":80,"addressType":4,"flags":0,"backlog":false"#,
    );
    assert_eq!((seen.backlog(), seen.port), (511, Some(80)));
    // Sent by Node 20 and Bun for `readableAll: 1`.
    let seen = query(r#""address":"/a.sock","port":-1,"addressType":-1,"readableAll":1"#);
    assert_eq!((seen.readable_all, seen.writable_all), (true, false));
}

#[test]
fn backlogs_default_and_stay_in_range() {
    let backlog = |text: &str| query(&format!(r#""port":80,"addressType":4{text}"#)).backlog();
    assert_eq!(backlog(""), 511);
    assert_eq!(backlog(r#","backlog":0"#), 511);
    assert_eq!(backlog(r#","backlog":77"#), 77);
    assert_eq!(backlog(r#","backlog":"77""#), 77);
    assert_eq!(backlog(r#","backlog":1.5"#), 1);
    assert_eq!(backlog(r#","backlog":true"#), 1);
    assert_eq!(backlog(r#","backlog":{}"#), 511);
    assert_eq!(backlog(r#","backlog":99999999999"#), i32::MAX);
    assert_eq!(backlog(r#","backlog":-99999999999"#), -1);
}
