//! HTTP/2 with a client as people write them: Node's own, through a wire that notes which requests
//! left. Those are answered; one that a good-bye overtook inside the client may be asked again.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::http2::SERVER;
use super::{node, reload, rounds, start};

/// Sessions with several requests at once each, until standard input ends. A session the server
/// says good-bye to is used no more; everything that was sent before must be answered.
const CLIENT: &str = r"
const http2 = require('http2')
const net = require('net')
const { Duplex } = require('stream')
// Notes the streams whose HEADERS were written.
const wire = (sent) => {
  const socket = net.connect(process.env.PORT, '127.0.0.1')
  let bytes = Buffer.alloc(0), preface = 24
  const tap = new Duplex({
    read: () => socket.resume(),
    write: (chunk, encoding, done) => {
      bytes = Buffer.concat([bytes, chunk])
      if (preface && bytes.length >= preface) { bytes = bytes.subarray(preface); preface = 0 }
      while (!preface && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        if (bytes[3] === 1) sent.add(bytes.readUInt32BE(5))
        bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3))
      }
      socket.write(chunk, done)
    },
    final: (done) => socket.end(done),
    destroy: (error, done) => { socket.destroy(); done(error) },
  })
  socket.on('data', (chunk) => tap.push(chunk) || socket.pause())
  socket.on('end', () => tap.push(null)).on('error', (error) => tap.destroy(error))
  return tap
}
let stop = false, number = 10000, served = 0, unsent = 0, open = 0
const errors = []
process.stdin.on('end', () => { stop = true }).resume()
const session = () => {
  const sent = new Set()
  const it = http2.connect('http://127.0.0.1', { createConnection: () => wire(sent) })
  it.sent = sent
  it.on('error', (error) => errors.push('session: ' + error.message))
  it.on('goaway', () => { it.leaving = true })
  return it
}
const ask = (it) => new Promise((resolve) => {
  const token = String(number++)
  let body = '', status, done = false
  const end = (error) => {
    if (done) return
    done = true
    clearTimeout(timer)
    if (error && !it.sent.has(stream.id)) unsent++
    else if (error) errors.push(error)
    else if (++served % 20 === 0) console.log(served)
    resolve()
  }
  const timer = setTimeout(end, 10000, 'hung')
  const stream = it.request({ ':path': '/' + token })
  stream.setEncoding('utf8')
  stream.on('response', (headers) => { status = headers[':status'] })
  stream.on('data', (text) => { body += text })
  stream.on('error', (error) => end('stream: ' + error.code + ' ' + error.message))
  stream.on('close', () => {
    if (status !== 200) end('status ' + status + ', code ' + stream.rstCode)
    else end(body === token.repeat(64) ? undefined : 'wrong body of ' + body.length)
  })
})
const connected = (it) => new Promise((resolve) => it.once('connect', resolve).once('close', resolve))
const work = async (streams) => {
  open++
  while (!stop && errors.length < 20) {
    const it = session()
    await connected(it)
    const free = () => !stop && !it.leaving && !it.closed && !it.destroyed && errors.length < 20
    const lane = async () => { while (free()) await ask(it) }
    await Promise.all(Array.from({ length: streams }, lane))
    if (!it.closed) it.close()
  }
  if (--open === 0) { console.log(JSON.stringify({ served, unsent, errors })); process.exit() }
}
for (let i = 0; i < 4; i++) work(4)
";

/// The clients.
struct Clients {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Clients {
    fn start(ward: &crate::harness::Ward, port: u16) -> Self {
        let script = ward.write("client.js", CLIENT);
        let mut command = Command::new(node(None));
        command
            .arg(script)
            .env("PORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("node starts");
        let output = process.stdout.take().expect("its output");
        Self {
            process,
            output: BufReader::new(output),
        }
    }

    /// Waits for a sign that requests are served.
    fn serve_more(&mut self) {
        for _ in 0..2 {
            let mut line = String::new();
            self.output.read_line(&mut line).expect("its output");
            assert!(line.trim().parse::<u64>().is_ok(), "{line}");
        }
    }

    fn finish(mut self) -> String {
        drop(self.process.stdin.take());
        let mut text = String::new();
        self.output.read_to_string(&mut text).expect("its output");
        assert!(self.process.wait().expect("its end").success());
        text.lines().last().unwrap_or_default().to_owned()
    }
}

fn survives(version: Option<&str>) {
    let (ward, port) = start(SERVER, 2, version, &[]);
    let mut clients = Clients::start(&ward, port);
    for _ in 0..rounds(10) {
        clients.serve_more();
        reload(&ward);
    }
    clients.serve_more();
    let report = clients.finish();
    assert!(report.ends_with(r#""errors":[]}"#), "{version:?}: {report}");
    eprintln!("HTTP/2, Node's client, {version:?}: {report}");
}

#[test]
fn sessions() {
    survives(None);
}

#[test]
fn sessions_on_node_22() {
    survives(Some("22"));
}
