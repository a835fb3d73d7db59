//! The agent lets an app end as it would without it.

use rstest::rstest;

use crate::cluster::client::get;
use crate::harness::{Ward, free_port};

const APP: &str = "
const server = require('http').createServer((_, response) => {
  response.setHeader('Content-Length', 2)
  response.end('ok')
}).listen(process.env.PORT)
setInterval(() => {}, 1000)
";

/// Cleans up, and then sends itself the signal again, as Nest does.
const AGAIN: &str = "
process.once('SIGINT', () => server.close(() => process.kill(process.pid, 'SIGINT')))
";

/// Ends by the signal if nobody else listens for it, as the package `signal-exit` does.
const ALONE: &str = "
process.on('SIGINT', function last() {
  if (process.listenerCount('SIGINT') > 1) return
  process.removeListener('SIGINT', last)
  process.kill(process.pid, 'SIGINT')
})
";

#[rstest]
fn a_signal_ends_a_drained_worker(
    #[values(AGAIN, ALONE)] handler: &str,
    #[values("reload", "scale")] how: &str,
) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", &format!("{APP}{handler}"));
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    assert_eq!(get(port), "ok");
    let mut bus = ward.bus();
    let words = if how == "scale" {
        vec!["scale", "app", "1"]
    } else {
        vec!["reload", "app"]
    };
    ward.run(&words).succeeds();
    let exit = bus.wait("an exit", |event| event.is_process("exit"));
    assert_eq!(exit.payload["process"]["exit_code"], 130);
    let log = ward.daemon_log();
    assert!(!log.contains("SIGKILL"), "{log}");
    assert_eq!(get(port), "ok");
}
