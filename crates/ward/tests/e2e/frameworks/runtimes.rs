//! Runtimes other than Node, from npm: Deno speaks Node's protocol, Bun a dialect of it and binds
//! the sockets of its web servers itself.

use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::parse;
use super::site::Site;
use crate::cluster::client::get;
use crate::harness::{Ward, free_port, npm};

const BUN: &str = "bun@1.4.5";
const DENO: &str = "deno@2.9.6";

/// The newest Deno that knows `cluster` and does not speak its protocol.
const OLD_DENO: &str = "deno@2.7.14";

/// What Deno needs to be told before the script.
const PERMITTED: [&str; 2] = ["--interpreter-args", "run --allow-all"];

/// The program of a runtime's package.
fn program(package: &str) -> PathBuf {
    let name = package.split('@').next().unwrap();
    npm(package).join(".bin").join(name)
}

/// The app in two workers, and the port of its raw server.
fn up(package: &str, options: &[&str]) -> (Site, u16) {
    let mut site = Site::prepare("plain.mjs", include_str!("apps/plain.mjs"), 2);
    let raw = free_port();
    site.ward.set_env("RAW", &raw.to_string());
    let program = program(package);
    let options = [&["--interpreter", program.to_str().unwrap()], options].concat();
    site.start(&options);
    site.settled();
    (site, raw)
}

fn talk(port: u16) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    parse(&text)
}

/// The raw server is in the daemon's hands.
fn raw_connections_take_turns(site: &Site, port: u16) {
    let answers: Vec<Value> = (0..6).map(|_| talk(port)).collect();
    site.all_serve(&answers);
}

#[test]
fn deno() {
    let (site, raw) = up(DENO, &PERMITTED);
    let answers: Vec<Value> = (0..6).map(|_| parse(&get(site.port))).collect();
    site.all_serve(&answers);
    raw_connections_take_turns(&site, raw);
    let log = site.ward.daemon_log();
    assert!(!log.contains("by itself"), "{log}");
    site.replaces_all();
    site.settled();
    raw_connections_take_turns(&site, raw);
    site.stops(130);
}

/// The kernel spreads the connections of its web server; nobody can say how evenly.
#[test]
fn bun() {
    let (site, raw) = up(BUN, &[]);
    let answers: Vec<Value> = (0..60).map(|_| parse(&get(site.port))).collect();
    site.seen_by_workers(&answers);
    raw_connections_take_turns(&site, raw);
    let log = (site.ward).daemon_log_when(|log| log.matches("by itself").count() >= 2);
    for slot in 0..2 {
        let text = format!("site:{slot} listens on port {} by itself", site.port);
        assert_eq!(log.matches(&text).count(), 1, "{log}");
        let described = site.ward.run(&["describe", &slot.to_string()]).succeeds();
        described.prints(&format!("port {} (by itself)", site.port));
    }
    assert!(!log.contains(&format!("port {raw} by itself")), "{log}");
    site.replaces_all();
    site.settled();
    raw_connections_take_turns(&site, raw);
    site.stops(130);
}

/// Such an app says nothing to its primary, neither that it runs nor that it listens.
#[test]
fn bun_without_its_cluster_module() {
    let mut site = Site::prepare(
        "serve.js",
        "Bun.serve({ port: process.env.PORT, fetch: () => new Response(`{\"pid\":${process.pid}}`) })",
        2,
    );
    // Nothing but the end of this time tells that it runs.
    (site.ward).set_env("PM2_GRACEFUL_LISTEN_TIMEOUT", "3000");
    (site.ward).set_env("WARD_SETTLING_TIME", "1500");
    let bun = program(BUN);
    site.start(&["--interpreter", bun.to_str().unwrap()]);
    site.settled();
    site.replaces_all();
    site.settled();
    site.stops(130);
    let log = site.ward.daemon_log();
    assert!(!log.contains("says nothing"), "{log}");
}

/// One worker binds the port itself, the other finds it taken; the daemon hears of neither.
#[test]
fn a_deno_that_does_not_speak_the_protocol_is_complained_about() {
    let port = free_port();
    let ward = Ward::new()
        .with_env("PM2_GRACEFUL_LISTEN_TIMEOUT", "3000")
        .with_env("PORT", &port.to_string());
    ward.write(
        "app.mjs",
        "import http from 'node:http'
         http.createServer((_, response) => response.end('ok')).listen(Number(process.env.PORT))",
    );
    let deno = program(OLD_DENO);
    let mut bus = ward.bus();
    let words = [
        "start",
        "app.mjs",
        "-i",
        "1",
        "--interpreter",
        deno.to_str().unwrap(),
    ];
    ward.run(&[&words[..], &PERMITTED].concat())
        .succeeds()
        .prints("cluster");
    bus.wait("a complaint", |event| {
        let said = event.payload["data"].as_str().unwrap_or_default();
        event.topic == "log:PM2" && said.contains("deno (2.8 or newer)")
    });
    ward.run(&["describe", "app"])
        .succeeds()
        .prints("says nothing");
}
