//! Nothing is lost: strict clients, which repeat nothing, through many reloads, crashes, broken
//! code and blocked workers. Any error, a reset, a wrong body or a silence of a minute counts.
//!
//! `WARD_SOAK=1` makes it a hundred reloads in each mode on each version of Node.

mod blocked;
mod broken;
mod client;
mod crash;
mod frames;
mod http;
mod http2;
mod http2_node;
mod reload;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::harness::{Ward, free_port};

/// Answers `/token` with the token many times over, `/token/ms` in pieces over so long a time, and
/// `/block` after it has blocked its event loop until there is a file `go`.
const APP: &str = r"
const http = require('http')
http.createServer((request, response) => {
  const [, token, time] = request.url.split('/')
  const body = token.repeat(64), size = body.length
  response.setHeader('Content-Length', size)
  if (token === 'block') {
    console.log('blocks')
    while (!require('fs').existsSync(__dirname + '/go'));
    return response.end(body)
  }
  if (!time) return response.end(body)
  const pieces = 8
  let sent = 0
  const next = () => {
    response.write(body.slice(sent * size / pieces, ++sent * size / pieces))
    if (sent === pieces) return response.end()
    setTimeout(next, Number(time) / (pieces - 1))
  }
  next()
}).listen(process.env.PORT)
";

/// How many reloads a mode gets.
fn rounds(usual: usize) -> usize {
    match std::env::var("WARD_SOAK").as_deref() {
        Ok("1") => 100,
        _ => usual,
    }
}

/// The machine's Node, or one of another version from npm.
fn node(version: Option<&str>) -> PathBuf {
    version.map_or_else(|| PathBuf::from("node"), crate::harness::node)
}

/// A home with a script running in so many workers.
fn start(script: &str, workers: usize, version: Option<&str>, words: &[&str]) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::for_heavy_load().with_env("PORT", &port.to_string());
    ward.write("app.js", script);
    let (node, workers) = (node(version), workers.to_string());
    let node = node.to_str().unwrap();
    let line = ["start", "app.js", "-i", &workers, "--interpreter", node];
    ward.run(&[&line, words].concat()).succeeds();
    (ward, port)
}

/// The processes that run now.
fn pids(ward: &Ward) -> BTreeSet<u64> {
    let list = ward.list();
    list.iter()
        .map(|app| app["pid"].as_u64().unwrap())
        .collect()
}

/// Reloads everything, and makes sure that it was everything.
fn reload(ward: &Ward) {
    let before = pids(ward);
    ward.run(&["reload", "app"]).succeeds();
    let after = pids(ward);
    assert!(before.is_disjoint(&after), "all workers are new");
    assert_eq!(before.len(), after.len());
}
