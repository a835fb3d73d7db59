//! HTTP/2 and TLS.

use rstest::rstest;
use serde_json::{Value, json};

use super::site::Site;
use super::{by_connection, spread};
use crate::harness::free_port;

/// The app with its three servers, and the ports of HTTP/2 in the clear and of bare TLS.
fn secure(workers: usize) -> (Site, String, String) {
    let mut site = Site::prepare("secure.js", include_str!("apps/secure.js"), workers);
    site.client("identity.cjs", include_str!("clients/identity.cjs"), &[]);
    let (clear, bare) = (free_port().to_string(), free_port().to_string());
    site.ward.set_env("CLEAR", &clear);
    site.ward.set_env("BARE", &bare);
    site.start(&["--wait-ready"]);
    (site, clear, bare)
}

#[test]
fn http2() {
    let (site, clear, _) = secure(3);
    let port = site.port.to_string();
    for (scheme, port) in [("https", &port), ("http", &clear)] {
        let client = include_str!("clients/http2.cjs");
        let all = site.client("client.cjs", client, &[scheme, port, "6"]);
        let answers = by_connection(&all, |_, answer| assert_eq!(answer["version"], "2.0"));
        site.all_serve(&answers);
    }
    let client = include_str!("clients/https.cjs");
    let all = site.client("client.cjs", client, &[&port, "6"]);
    let answers = all.as_array().unwrap();
    assert!(answers.iter().all(|answer| answer["version"] == "1.1"));
    site.all_serve(answers);
    site.stops(130);
}

#[rstest]
#[case::one_two("TLSv1.2")]
#[case::one_three("TLSv1.3")]
fn tls_sessions_are_resumed_by_other_workers(#[case] version: &str) {
    let (site, _, bare) = secure(3);
    let client = include_str!("clients/tls.cjs");
    let all = site.client("client.cjs", client, &[version, &bare, "9"]);
    let answers = all.as_array().unwrap();
    let resumed: Vec<&Value> = answers.iter().map(|answer| &answer["resumed"]).collect();
    let mut expected = vec![json!(true); 9];
    expected[0] = json!(false);
    assert_eq!(resumed, expected.iter().collect::<Vec<_>>(), "{version}");
    assert!(answers.iter().all(|it| it["reused"] == it["resumed"]));
    // Three of them are the first one's own; the others resumed what they had not begun.
    assert_eq!(spread(answers).len(), 3);
    site.all_serve(answers);
    site.stops(130);
}
