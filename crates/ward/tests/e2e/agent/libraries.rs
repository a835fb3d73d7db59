//! PM2's own libraries from npm inside an app: they speak for it, in both modes.

use std::os::unix::fs::symlink;

use rstest::rstest;

use super::{exception, get, record_when};
use crate::harness::{Ward, free_port, npm_all};

const PACKAGES: [&str; 2] = ["@pm2/io@6.1.0", "pmx@1.6.7"];

const IO: &str = r"
const io = require('@pm2/io')
io.init({ metrics: { http: true } })
io.metric({ name: 'Orders' }).set(42)
io.action('greet', (reply) => reply({ hello: process.env.NODE_APP_INSTANCE }))
";

const PMX: &str = r"
const pmx = require('pmx').init({ http: true })
pmx.probe().metric({ name: 'Orders', value: () => 42 })
pmx.action('greet', (reply) => reply({ hello: process.env.NODE_APP_INSTANCE }))
";

const SERVER: &str = r"
require('http').createServer((request, response) => {
  response.end('ok')
  if (request.url === '/throw') setTimeout(() => { throw new TypeError('boom') }, 5)
}).listen(process.env.PORT)
setInterval(() => console.log('tick'), 50)
";

/// What only one of the two would say, and what our agent would.
#[rstest]
fn a_library_speaks_for_its_app(
    #[values(&[], &["-i", "1"])] mode: &[&str],
    #[values((IO, "km:cpu:profiling:start"), (PMX, "greet"))] library: (&str, &str),
) {
    let (text, action) = library;
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    symlink(
        npm_all("libraries", &PACKAGES),
        ward.dir().join("node_modules"),
    )
    .unwrap();
    ward.write("app.js", &format!("{text}{SERVER}"));
    ward.run(&[&["start", "app.js"], mode].concat()).succeeds();
    record_when(&ward, "the app's own metric", |env| {
        env["axm_monitor"]["Orders"]["value"] == 42
    });
    get(port, "/");
    let record = record_when(&ward, "its web", |env| {
        env["axm_monitor"]["HTTP"].is_object()
    });
    let actions = record["axm_actions"].as_array().unwrap();
    let named = |name: &str| {
        actions
            .iter()
            .filter(|it| it["action_name"] == name)
            .count()
    };
    assert_eq!(named("greet"), 1, "{actions:?}");
    assert_eq!(named(action), 1, "{actions:?}");
    assert!(named("km:heapdump") <= 1, "{actions:?}");
    // The agent would say something else.
    assert_eq!(record["axm_options"]["profiling"], true);
    let heap = record["axm_monitor"].get("Heap Size");
    assert_eq!(heap.is_some(), text == IO, "pmx does not tell");
    assert_eq!(record["axm_options"]["module_name"], "app");
    ward.run(&["describe", "app"])
        .succeeds()
        .prints("Orders")
        .prints("greet");
    ward.run(&["trigger", "app", "greet"])
        .succeeds()
        .prints(r#"[app:0:default]={"hello":"0"}"#);
    let mut bus = ward.bus();
    get(port, "/throw");
    assert_eq!(exception(&mut bus)["message"], "boom");
    // The agent does not say it again. (Without one, `@pm2/io` itself says it twice.)
    for _ in 0..20 {
        let since = bus.collect_until("a sign of life", |event| event.is_output("app", "tick"));
        let again = since.iter().any(|it| it.topic == "process:exception");
        assert!(!again || mode.is_empty());
    }
}
