"""Attacks by apps and workers."""

import json
import socket
import time

SLEEP = "setInterval(() => {}, 1000);\n"


def metric_of_zeros(target, scale):
    """metrics that are arrays of 7 million numbers"""
    target.app("zeros.js", f"""
const line = Buffer.from('{{"type":"axm:monitor","data":{{"a":{{"value":[' + '0,'.repeat(7_000_000) + '0]}}}}}}\\n');
const fs = require('fs'), fd = 3;
for (let i = 0; i < {8 * scale}; i++) {{
  for (let at = 0; at < line.length;) try {{ at += fs.writeSync(fd, line, at); }} catch (error) {{ if (error.code !== 'EAGAIN') throw error; }}
}}
console.log('sent'); {SLEEP}""")
    target.wait_for("zeros-out.log", "sent")


def large_metrics(target, scale):
    """metrics of 15 MiB each"""
    target.app("large.js", f"""
let number = 0;
const next = () => {{
  if (number === {64 * scale}) {{ console.log('sent'); return; }}
  process.send({{type: 'axm:monitor', data: {{['m' + number++]: {{value: 'x'.repeat(15 << 20)}}}}}}, next);
}};
next(); {SLEEP}""")
    target.wait_for("large-out.log", "sent")


def many_metrics(target, scale):
    """apps with 100 MiB of small metrics each, while others ask for lists"""
    for app in range(2):
        target.app(f"many{app}.js", f"""
let number = 0;
const next = () => {{
  if (number === {400 * scale}) {{ console.log('sent'); return; }}
  const data = {{}};
  for (let i = 0; i < 256; i++) data['m' + number + '.' + i] = {{value: 'x'.repeat(1000)}};
  number++;
  process.send({{type: 'axm:monitor', data}}, next);
}};
next(); {SLEEP}""")
        target.wait_for(f"many{app}-out.log", "sent")
    listed = target.run("jlist")
    return f"jlist has {len(listed.stdout) >> 10} KiB"


def worker_that_never_reads(target, scale):
    """a worker that asks for a socket again and again and reads no answer"""
    target.app("mute.js", f"""
const fs = require('fs'), fd = 3;
let line = '';
for (let i = 0; i < 200; i++) line += JSON.stringify({{cmd: 'NODE_CLUSTER', act: 'queryServer', index: i, data: null,
  address: '127.0.0.1', port: 1, addressType: 4, backlog: 0, seq: i}}) + '\\n';
const until = Date.now() + {3000 * scale};
while (Date.now() < until) try {{ fs.writeSync(fd, line); }} catch (error) {{ if (error.code !== 'EAGAIN') throw error; }}
{SLEEP}""", exec_mode="cluster", instances=1)
    # It may be ended for this, and come back.
    time.sleep(4 * scale)


def listeners_with_data(target, scale):
    """a worker that asks for listeners with 8 MiB of data each"""
    target.app("data.js", f"""
let number = 0;
const next = () => {{
  if (number === {24 * scale}) {{ console.log('sent'); return; }}
  process.send({{cmd: 'NODE_CLUSTER', act: 'queryServer', index: number, data: 'x'.repeat(8 << 20),
    address: '127.0.0.1', port: 0, addressType: 4, backlog: 0, seq: number++}}, next);
}};
next(); {SLEEP}""", exec_mode="cluster", instances=1)
    target.wait_for("data-out-0.log", "sent")


def line_without_end(target, scale):
    """512 MB of output without a line break"""
    target.app("line.sh", f"head -c {512 * scale}M /dev/zero | tr '\\0' x; echo done >&2; exec sleep 1000", interpreter="bash")
    target.wait_for("line-error.log", "done")


def channel_without_end(target, scale):
    """512 MB on the IPC channel without a line break"""
    target.app("channel.js", f"""
const fs = require('fs'), fd = 3, part = Buffer.alloc(1 << 20, 'x');
for (let sent = 0; sent < {512 * scale << 20};) try {{ sent += fs.writeSync(fd, part); }} catch (error) {{ if (error.code !== 'EAGAIN') throw error; }}
console.log('sent'); {SLEEP}""")
    target.wait_for("channel-out.log", "sent")


def messages_to_nobody(target, scale):
    """messages to the bus with subscribers that never read"""
    mute = [target.connect("pub.sock") for _ in range(50)]
    target.app("talk.js", f"""
let number = 0;
const next = () => {{
  if (number++ === {2000 * scale}) {{ console.log('sent'); return; }}
  process.send({{type: 'process:msg', data: 'x'.repeat(64 << 10)}}, next);
}};
next(); {SLEEP}""")
    target.wait_for("talk-out.log", "sent")
    for connection in mute:
        connection.close()


def fork_bomb(target, scale):
    """an app that forks sessions of their own"""
    target.app("bomb.py", f"""
import os, time
for _ in range({500 * scale}):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    os.wait()
print("full", flush=True)
time.sleep(1000)
""", interpreter="python3")
    target.wait_for("bomb-out.log", "full")
    target.run("delete", "bomb")


def silent_connections(target, scale):
    """TCP connections that say nothing, to an app that sticks by cookie"""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = target.app(
        "sticky.js", f"require('http').createServer((q, r) => r.end('ok')).listen({port}, '127.0.0.1')",
        exec_mode="cluster", instances=2, cluster={"sched": "sticky-cookie", "cookie": "sid"},
    )
    silent = []
    for _ in range(6000 * scale):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        silent.append(connection)
    listed = target.run("jlist")
    for connection in silent:
        connection.close()
    if started.returncode or not json.loads(listed.stdout.splitlines()[-1]):
        raise RuntimeError("the list has no app")


def escapes(target, _scale):
    """a name and metrics full of escape sequences"""
    target.app("red.js", f"""
process.send({{type: 'axm:option:configuration', data: {{name: 'a\\u001b[31m\\nb'}}}});
process.send({{type: 'axm:monitor', data: {{'\\u001b[2J': {{value: '\\u001b[31mred'}}}}}}, () => console.log('sent')); {SLEEP}""")
    target.wait_for("red-out.log", "sent")
    time.sleep(0.2)  # the report is taken in beside the log
    shown = [target.run(*words).stdout for words in (["list"], ["describe", "0"], ["prettylist"], ["env", "0"])]
    shown.append((target.home / "pm2.log").read_bytes())
    if any(b"\x1b[2J" in text or b"\x1b[31m\n" in text for text in shown):
        raise RuntimeError("an escape sequence of the app is shown as it is")


ATTACKS = {
    "metric-of-zeros": metric_of_zeros, "large-metrics": large_metrics, "many-metrics": many_metrics,
    "mute-worker": worker_that_never_reads, "listener-data": listeners_with_data, "line-without-end": line_without_end,
    "channel-without-end": channel_without_end, "messages-to-nobody": messages_to_nobody, "fork-bomb": fork_bomb,
    "silent-connections": silent_connections, "escapes": escapes,
}
