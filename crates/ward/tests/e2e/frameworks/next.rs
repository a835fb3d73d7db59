//! Next as it runs in production: built once, then `next start`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::site::{PATIENCE, Site, check_env};
use super::{parse, pid};
use crate::harness::{build, npm_all};

const NEXT: [&str; 3] = ["next@16.4.6", "react@19.3.1", "react-dom@19.3.1"];

const SOURCES: [(&str, &str); 3] = [
    ("app/layout.js", include_str!("apps/next/layout.js")),
    ("app/page.js", include_str!("apps/next/page.js")),
    ("app/seen/route.js", include_str!("apps/next/seen/route.js")),
];

/// The folder with the built app.
fn built() -> PathBuf {
    npm_all("next", &NEXT);
    build(
        "next",
        &SOURCES,
        &["node", "node_modules/next/dist/bin/next", "build"],
    )
}

/// Fetches a path so many times.
fn fetched(site: &Site, path: &str, count: &str) -> Vec<String> {
    let client = include_str!("clients/pages.cjs");
    let all = site.client("client.cjs", client, &[&site.port.to_string(), path, count]);
    serde_json::from_value(all).unwrap()
}

/// Both workers answer in turn, and see what they should see.
fn serves(site: &Site, next: &str) {
    let port = site.port.to_string();
    let answers: Vec<Value> = fetched(site, "/seen", "6")
        .iter()
        .map(|it| parse(it))
        .collect();
    site.took_turns(&answers);
    let records = site.records();
    let mut seen = BTreeSet::new();
    for answer in &answers {
        assert_eq!(answer["isWorker"], true);
        assert_eq!(answer["script"], next);
        assert_eq!(answer["argv"], json!(["start", "-p", port]));
        assert_eq!(answer["execArgv"], json!([]));
        let slot = check_env(&answer["env"], &records[&pid(answer)]);
        seen.insert((answer["worker"].as_u64().unwrap(), slot));
    }
    assert_eq!(seen.len(), 2, "two ids, two slots: {seen:?}");
}

#[test]
fn next_start() {
    let folder = built();
    let next = folder.join("node_modules/next/dist/bin/next");
    let (next, cwd) = (next.to_str().unwrap(), folder.to_str().unwrap());
    let site = Site::prepare("unused.js", "", 2);
    let port = site.port.to_string();
    let mut bus = site.ward.bus();
    let words = ["start", next, "-i", "2", "--name", "site", "--cwd", cwd];
    let words = [&words[..], &PATIENCE, &["--", "start", "-p", &port]].concat();
    site.ward.run(&words).succeeds().prints("cluster");
    for _ in 0..2 {
        bus.wait_output("site", "Ready in");
    }
    serves(&site, next);
    let pages = fetched(&site, "/", "4");
    for slot in 0..2 {
        let text = format!("<p>Rendered by instance {slot}</p>");
        let count = pages.iter().filter(|page| page.contains(&text)).count();
        assert_eq!(count, 2, "{text} in {pages:?}");
    }
    std::thread::scope(|scope| {
        // The client is strict: one lost request, and it fails.
        scope.spawn(|| fetched(&site, "/seen", "200"));
        site.replaces_all();
    });
    serves(&site, next);
    // Next answers SIGINT by this code itself.
    site.stops(130);
}
