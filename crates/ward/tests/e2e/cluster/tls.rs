//! TLS under several workers.

use std::collections::BTreeSet;

use crate::harness::{Ward, free_port};

#[test]
fn tls_sessions_are_resumed_by_another_worker() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args([
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .current_dir(ward.dir())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("openssl makes a certificate");
    assert!(made.success());
    ward.write(
        "app.js",
        "
const fs = require('fs')
const options = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') }
require('tls').createServer(options, (socket) => socket.end(String(process.pid))).listen(process.env.PORT)
",
    );
    let client = ward.write(
        "client.js",
        "
const tls = require('tls')
const found = []
function once (session) {
  const socket = tls.connect({ port: process.env.PORT, host: '127.0.0.1', rejectUnauthorized: false, session })
  let ticket, reused, pid = ''
  socket.on('secureConnect', () => { reused = socket.isSessionReused() })
  socket.on('session', (data) => { ticket = data })
  socket.on('data', (data) => { pid += data })
  socket.on('close', () => {
    found.push({ pid, reused })
    if (found.length < 5) once(ticket || session)
    else console.log(JSON.stringify(found))
  })
}
once()
",
    );
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let output = std::process::Command::new("node")
        .arg(client)
        .env("PORT", port.to_string())
        .output()
        .unwrap();
    let found: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let pids: BTreeSet<&str> = found.iter().filter_map(|it| it["pid"].as_str()).collect();
    assert_eq!(pids.len(), 2, "{found:?}");
    assert!(
        found[1..].iter().all(|it| it["reused"] == true),
        "{found:?}"
    );
}
