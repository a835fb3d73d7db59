//! HTTP/2: a session is asked to end and no stream is refused.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::{node, reload, rounds, start};

const SERVER: &str = r"
const server = require('http2').createServer()
server.on('stream', (stream, headers) => {
  const token = headers[':path'].slice(1)
  setTimeout(() => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200 })
    stream.end(token.repeat(64))
  }, Number(token) % 5)
})
server.listen(process.env.PORT)
";

/// Sessions with several requests at once each, until standard input ends. A session the server
/// says good-bye to is used no more; everything that was sent before must be answered. Node writes
/// a request at the end of its turn, after native and before other immediates: one that a good-bye
/// overtook within that turn never left, so that it is asked elsewhere.
const CLIENT: &str = r"
const http2 = require('http2')
let stop = false, number = 10000, served = 0, unsent = 0, refused = 0, open = 0
const errors = []
process.stdin.on('end', () => { stop = true }).resume()
const session = () => {
  const it = http2.connect('http://127.0.0.1:' + process.env.PORT)
  it.waiting = new Set()
  it.on('error', (error) => errors.push('session: ' + error.message))
  it.on('goaway', () => {
    if (!it.leaving) for (const request of it.waiting) request.overtaken = true
    it.leaving = true
  })
  return it
}
const ask = (it) => new Promise((resolve) => {
  const token = String(number++), request = {}
  let body = '', status, done = false
  const end = (error) => {
    if (done) return
    done = true
    clearTimeout(timer)
    if (error && request.overtaken && status === undefined) unsent++
    else if (error && error.endsWith('REFUSED_STREAM') && status === undefined) refused++
    else if (error) errors.push(error)
    else if (++served % 20 === 0) console.log(served)
    resolve()
  }
  const timer = setTimeout(end, 60000, 'hung')
  const stream = it.request({ ':path': '/' + token })
  it.waiting.add(request)
  setImmediate(() => it.waiting.delete(request))
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
  while (!stop && errors.length < 20 && refused < 500) {
    const it = session()
    await connected(it)
    const free = () => !stop && !it.leaving && !it.closed && !it.destroyed && errors.length < 20 && refused < 500
    const lane = async () => { while (free()) await ask(it) }
    await Promise.all(Array.from({ length: streams }, lane))
    if (!it.closed) it.close()
  }
  if (--open === 0) { console.log(JSON.stringify({ served, unsent, refused, errors })); process.exit() }
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
    // A known gap: streams that cross the good-bye can be refused, and which side refuses them is
    // not settled. A refused one was not begun, so clients may repeat it; this bounds how many.
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let number = |name: &str| report[name].as_u64().unwrap();
    assert!(
        number("refused") * 1000 <= number("served"),
        "{version:?}: {report}"
    );
}

#[test]
fn sessions() {
    survives(None);
}

#[test]
fn sessions_on_node_22() {
    survives(Some("22"));
}
