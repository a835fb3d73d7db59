"""The daemon under attack: its home, its apps, its sockets, and a client that watches it."""

import contextlib
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

ANSWER_WITHIN = 60  # seconds


def frame(*arguments):
    """Encodes an AMP frame: a version and count byte, and each argument behind its length."""
    parts = [struct.pack("B", 0x10 | len(arguments))]
    for argument in arguments:
        parts += [struct.pack(">I", len(argument)), argument]
    return b"".join(parts)


def call(method, *arguments, number=0):
    """Encodes a call of the daemon."""
    body = json.dumps({"type": "call", "method": method, "args": list(arguments)})
    return frame(b"j:" + body.encode(), b"s:%d" % number)


class Target:
    """A daemon in a scratch folder."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.home = folder / "home"
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "WARD_HOME": str(self.home), "LANG": "C.UTF-8",
            "WARD_SETTLING_TIME": "100",
        }

    def run(self, *words, env=None):
        """Runs a command to its end."""
        return subprocess.run(
            [self.program, *words], env={**self.env, **(env or {})}, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=ANSWER_WITHIN * 3, check=False,
        )

    def start(self):
        self.run("ping").check_returncode()
        self.pid = int((self.home / "pm2.pid").read_text())

    def kill(self):
        self.run("kill")

    def app(self, name, text, **settings):
        """Starts an app with this program."""
        (self.folder / name).write_text(text)
        app = {"name": name.split(".")[0], "script": name, **settings}
        (self.folder / "ecosystem.json").write_text(json.dumps({"apps": [app]}))
        return self.run("start", "ecosystem.json")

    def wait_for(self, file, word):
        """Waits until a log file of an app has a word."""
        until = time.monotonic() + ANSWER_WITHIN
        path = self.home / "logs" / file
        while time.monotonic() < until:
            with contextlib.suppress(FileNotFoundError):
                if word in path.read_text(errors="replace"):
                    return True
            time.sleep(0.05)
        return False

    def connect(self, name="rpc.sock"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_WITHIN)
        connection.connect(str(self.home / name))
        return connection

    @contextlib.contextmanager
    def watched(self):
        """Watches the daemon while something goes on."""
        watch = Watch(self)
        watch.begin()
        try:
            yield watch
        finally:
            watch.end()


class Watch:
    """Asks for `ping` all the time, and measures the peak of the daemon's memory."""

    def __init__(self, target):
        self.target = target
        self.slowest = 0.0
        self.count = 0
        self.alive = True
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._ping)

    def begin(self):
        pathlib.Path(f"/proc/{self.target.pid}/clear_refs").write_text("5")
        self.before = self._memory("VmRSS")
        self.peak = self.before
        self.thread.start()

    def end(self):
        self.over.set()
        self.thread.join()
        self.alive &= b"pong" in self.target.run("ping").stdout
        self.peak = self._memory("VmHWM") or self.peak

    def growth_mb(self):
        return (self.peak - self.before) / 1024

    def _memory(self, field):
        try:
            status = pathlib.Path(f"/proc/{self.target.pid}/status").read_text()
            return int(re.search(rf"{field}:\s+(\d+)", status)[1])
        except (OSError, TypeError):
            self.alive = False
            return 0

    def _ping(self):
        try:
            connection = self.target.connect()
            while not self.over.wait(0.01):
                self.peak = max(self.peak, self._memory("VmHWM"))
                begin = time.monotonic()
                connection.sendall(call("ping", {}))
                if not connection.recv(4096):
                    raise OSError("the daemon closed the connection")
                self.slowest = max(self.slowest, time.monotonic() - begin)
                self.count += 1
        except OSError:
            self.alive = False
