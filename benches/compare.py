#!/usr/bin/env python3
"""Measures ward beside PM2 and beside the kernel's own limit, in one run, and prints the ratios.

    benches/compare.py [--apps 100] [--rounds 7] [--no-pm2] [--ward PROGRAM]

Needs cargo, node and npm. Builds ward in release mode and installs PM2 from npm into
target/bench-pm2. Everything runs in scratch homes that are removed at the end. The peers take
turns (A B A B …), so that a drift of the machine hits all of them; medians are printed.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PM2_VERSION = "7.0.4"
PIPE_BYTES = 256 << 10  # of the bare log loop; what ward asks for


class Peer:
    """A process manager under test, with a home of its own."""

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.home = tempfile.mkdtemp(prefix=f"bench-{name}-")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "PM2_HOME": self.home + "/home",
            "WARD_HOME": self.home + "/home",
            "LANG": "C.UTF-8",
        }

    def run(self, *words):
        """Runs a command to its end, returns seconds and what it printed."""
        begin = time.perf_counter()
        done = subprocess.run(
            [*self.command, *words], env=self.env, cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180,
        )
        seconds = time.perf_counter() - begin
        if done.returncode != 0:
            sys.exit(f"{self.name} {' '.join(words)} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
        return seconds, done.stdout.decode()

    def daemon_pids(self):
        """The daemon. (A guardian, when there will be one, belongs here, too.)"""
        pid = int(pathlib.Path(self.home, "home", "pm2.pid").read_text())
        return [pid]

    def memory_mb(self):
        """What the daemon shows as resident, and what would be free without it."""
        total = {"Rss": 0, "Private_Clean": 0, "Private_Dirty": 0}
        for pid in self.daemon_pids():
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name in total:
                    total[name] += int(rest.split()[0])
        return total["Rss"] / 1024, (total["Private_Clean"] + total["Private_Dirty"]) / 1024

    def cpu_seconds(self):
        """By the clock of the process, which counts nanoseconds and threads that have ended, too."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.daemon_pids())

    def kill(self):
        self.run("kill")

    def remove(self):
        with contextlib.suppress(SystemExit, subprocess.SubprocessError):
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def ecosystem(path, apps):
    path.write_text(json.dumps({"apps": apps}))
    return str(path)


def sleepers(count):
    return [
        {"name": f"app-{i}", "script": "/bin/sleep", "interpreter": "none", "exec_mode": "fork",
         "args": "100000", "pmx": False, "vizion": False}
        for i in range(count)
    ]


def median_of(rounds, peers, measure, limit=None):
    """Measures each peer in turn, `rounds` times; returns the medians by name. The kernel's own limit takes its turn
    like a peer, so that other work on the machine slows all of them alike."""
    results = {peer.name: [] for peer in peers}
    if limit is not None:
        results["limit"] = []
    for _ in range(rounds):
        for peer in peers:
            results[peer.name].append(measure(peer))
        if limit is not None:
            results["limit"].append(limit())
    return {name: statistics.median(values) for name, values in results.items()}


def first_command(peer):
    shutil.rmtree(peer.env["PM2_HOME"], ignore_errors=True)
    seconds, _ = peer.run("ls")
    peer.kill()
    return seconds * 1000


def bare_programs(count):
    """The kernel's own limit: starting and ending small programs."""
    begin = time.perf_counter()
    for _ in range(count):
        subprocess.run(["/bin/true"], check=True)
    return (time.perf_counter() - begin) * 1000


def bare_first_command():
    """A command and a daemon: two programs."""
    return bare_programs(2)


def start_all(peer, file):
    seconds, _ = peer.run("start", file)
    peer.run("delete", "all")
    return seconds * 1000


def bare_spawn(count):
    """The kernel's own limit: posix_spawn of the same programs in a loop."""
    begin = time.perf_counter()
    pids = [os.posix_spawn("/bin/sleep", ["sleep", "100000"], os.environ) for _ in range(count)]
    milliseconds = (time.perf_counter() - begin) * 1000
    for pid in pids:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return milliseconds


def bare_start(folder, count):
    """The same with what each app of a process manager has: two log files and two pipes."""
    begin = time.perf_counter()
    pids, kept = [], []
    for i in range(count):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        files = [os.open(f"{folder}/bare-{i}-{name}.log", flags, 0o600) for name in ("out", "error")]
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, out_end, 1), (os.POSIX_SPAWN_DUP2, err_end, 2)]
        pids.append(os.posix_spawn("/bin/sleep", ["sleep", "100000"], os.environ, file_actions=actions))
        os.close(out_end)
        os.close(err_end)
        kept += [*files, out, err]
    milliseconds = (time.perf_counter() - begin) * 1000
    for fd in kept:
        os.close(fd)
    for pid in pids:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return milliseconds


def bare_list(count):
    """What a list of so many processes cannot do without: three small programs' worth of time for one, and a read of
    `/proc/<pid>/stat` for each process."""
    own = "/proc/self/stat"
    begin = time.perf_counter()
    for _ in range(count):
        fd = os.open(own, os.O_RDONLY)
        os.read(fd, 1024)
        os.close(fd)
    return 3 * bare_programs(1) + (time.perf_counter() - begin) * 1000


class Beacon:
    """A shell app that writes its pid into a fifo as soon as it runs."""

    def __init__(self, folder):
        self.fifo = f"{folder}/beacon"
        if not os.path.exists(self.fifo):
            os.mkfifo(self.fifo)
        self.script = f"{folder}/beacon.sh"
        pathlib.Path(self.script).write_text(f"#!/bin/sh\necho $$ > {self.fifo}\nexec sleep 100000\n")
        os.chmod(self.script, 0o755)
        self.reader = os.open(self.fifo, os.O_RDWR)

    def wait(self):
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.reader, 64)
        return int(line)

    def close(self):
        os.close(self.reader)


def crash_to_successor(peer, beacon, pid):
    begin = time.perf_counter()
    os.kill(pid, 9)
    successor = beacon.wait()
    return (time.perf_counter() - begin) * 1000, successor


def bare_beacon(beacon):
    begin = time.perf_counter()
    pid = os.posix_spawn(beacon.script, [beacon.script], os.environ)
    beacon.wait()
    milliseconds = (time.perf_counter() - begin) * 1000
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return milliseconds


def command_ms(peer):
    """The latency of commands: one that asks for nothing, and the list."""
    return (peer.run("ping")[0] + peer.run("ls")[0]) * 1000


def latencies(peer, file, rounds):
    """`ping` and `ls` with an idle daemon that runs the apps, and while it starts them."""
    peer.run("start", file)
    peer.run("ls")
    idle = statistics.median(command_ms(peer) for _ in range(rounds * 3))
    busy = []
    for _ in range(rounds):
        peer.run("stop", "all")
        start = subprocess.Popen([*peer.command, "restart", "all", "--parallel", "1000"] if peer.name == "ward"
                                 else [*peer.command, "restart", "all"], env=peer.env, cwd=peer.home,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        samples = []
        while start.poll() is None:
            samples.append(command_ms(peer))
        # The last one may have begun when all ran.
        busy += samples[:-1] or samples
    peer.run("delete", "all")
    return statistics.median(busy), idle


def crashes(peers, rounds):
    """SIGKILL of an app until its successor runs."""
    beacons, pids = {}, {}
    for peer in peers:
        beacons[peer.name] = Beacon(peer.home)
        app = {"name": "beacon", "script": beacons[peer.name].script, "interpreter": "none",
               "exec_mode": "fork", "max_restarts": 100000, "min_uptime": 100, "pmx": False}
        peer.run("start", ecosystem(pathlib.Path(peer.home, "beacon.json"), [app]))
        pids[peer.name] = beacons[peer.name].wait()
    bare = Beacon(tempfile.mkdtemp(prefix="bench-bare-"))

    def measure(peer):
        time.sleep(0.2)  # longer than min_uptime: a stable life, not a crash loop
        milliseconds, pids[peer.name] = crash_to_successor(peer, beacons[peer.name], pids[peer.name])
        return milliseconds

    result = median_of(rounds, peers, measure, lambda: bare_beacon(bare))
    bare.close()
    shutil.rmtree(os.path.dirname(bare.fifo), ignore_errors=True)
    for peer in peers:
        peer.run("delete", "all")
        beacons[peer.name].close()
    return result


def writer(mode, megabytes):
    """Words of a shell that write so much, and how many bytes that is."""
    if mode == "blocks":
        return f"dd if=/dev/zero bs=65536 count={megabytes * 16} 2>/dev/null", megabytes << 20
    lines = megabytes * 10486
    return f"yes {'x' * 99} | dd bs=100 count={lines} iflag=fullblock 2>/dev/null", lines * 100


def log_cpu(peer, mode, megabytes):
    """Daemon CPU seconds for a gigabyte of output, measured on `megabytes`."""
    words, expected = writer(mode, megabytes)
    go, done = (pathlib.Path(peer.home, f"{word}-{mode}") for word in ("go", "done"))
    os.mkfifo(go)
    app = {"name": f"log-{mode}", "script": "/bin/bash", "args": ["-c", f"read < {go}; {words}; touch {done}; read < {go}"],
           "interpreter": "none", "exec_mode": "fork", "autorestart": False, "pmx": False}
    peer.run("start", ecosystem(pathlib.Path(peer.home, "log.json"), [app]))
    out = pathlib.Path(peer.home, "home", "logs", f"log-{mode}-out.log")
    before = peer.cpu_seconds()
    go.write_text("\n")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (done.exists() and out.stat().st_size >= expected):
        time.sleep(0.05)
    seconds = (peer.cpu_seconds() - before) * (1 << 30) / expected
    lost = expected - out.stat().st_size
    peer.run("delete", f"log-{mode}")
    for path in (out, go, done):
        path.unlink(missing_ok=True)
    if lost > 0:
        print(f"note: {peer.name} lost {lost} bytes of {expected} ({mode})", file=sys.stderr)
    return seconds


def log_limit(folder, mode, megabytes):
    """The same from a bare loop of read and write, which `dd` is: it takes what is there, at most 64 KiB, and appends it."""
    words, expected = writer(mode, megabytes)
    reader, end = os.pipe()
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    out = pathlib.Path(folder, "bare.log")
    source = subprocess.Popen(["/bin/bash", "-c", words], stdout=end)
    loop = subprocess.Popen(["dd", "bs=65536", f"of={out}", "oflag=append", "conv=notrunc"],
                            stdin=reader, stderr=subprocess.DEVNULL)
    os.close(reader)
    os.close(end)
    _, _, usage = os.wait4(loop.pid, 0)
    loop.returncode = 0
    source.wait()
    assert out.stat().st_size == expected
    out.unlink()
    return (usage.ru_utime + usage.ru_stime) * (1 << 30) / expected


def ward_peer(program):
    if program:
        return Peer("ward", [os.path.abspath(program)])
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "ward"], cwd=ROOT, check=True)
    return Peer("ward", [str(ROOT / "target" / "release" / "ward")])


def pm2_peer():
    folder = ROOT / "target" / "bench-pm2"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "node_modules" / "pm2" / "bin" / "pm2"
    if not script.exists():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", f"pm2@{PM2_VERSION}"], cwd=folder, check=True)
    return Peer("pm2", [shutil.which("node"), str(script)])


def measure_all(peers, options):
    rows = []

    def row(what, values):
        rows.append((what, values))
        print(format_row(what, values), flush=True)
        if options.keep:
            with open(options.keep, "a", encoding="utf-8") as file:
                print(format_row(what, values), file=file)

    def memory(when, of=peers):
        both = {peer.name: peer.memory_mb() for peer in of}
        row(f"daemon memory, {when}, RSS MB", {name: rss for name, (rss, _) in both.items()})
        row(f"daemon memory, {when}, private MB", {name: private for name, (_, private) in both.items()})

    values = median_of(options.rounds, peers, first_command, bare_first_command)
    row("first command incl. daemon start, ms", values)

    for peer in peers:
        peer.run("ls")
    memory("idle")

    files = {p.name: ecosystem(pathlib.Path(p.home, "all.json"), sleepers(options.apps)) for p in peers}
    values = median_of(max(3, options.rounds // 2), peers, lambda peer: start_all(peer, files[peer.name]),
                       lambda: bare_start(peers[0].home, options.apps))
    row(f"{options.apps} apps from one file, all running, ms", values)

    for peer in peers:
        peer.run("start", files[peer.name])
        peer.run("ls")
    row(f"`ls` with {options.apps} apps, ms",
        median_of(options.rounds * 3, peers, lambda peer: peer.run("ls")[0] * 1000, lambda: bare_list(options.apps)))
    time.sleep(1)  # what the commands needed for a moment is given back by then
    memory(f"{options.apps} apps")
    row(f"`restart` of one of {options.apps} apps, ms",
        median_of(options.rounds, peers, lambda peer: peer.run("restart", "app-0")[0] * 1000))
    before = {peer.name: peer.cpu_seconds() for peer in peers}
    time.sleep(options.idle)
    row(f"CPU of the idle daemon, {options.apps} apps, % of a core",
        {peer.name: (peer.cpu_seconds() - before[peer.name]) * 100 / options.idle for peer in peers})
    for peer in peers:
        peer.run("delete", "all")

    # One app, as the table of budgets has it: `sleep` dies of the first signal.
    for peer in peers:
        peer.run("start", ecosystem(pathlib.Path(peer.home, "one.json"), sleepers(1)))
    row("`restart` of an app that dies at once, ms",
        median_of(options.rounds, peers, lambda peer: peer.run("restart", "app-0")[0] * 1000,
                  lambda: bare_programs(2)))
    for peer in peers:
        peer.run("delete", "all")

    many(peers[:1], options, row, memory)
    row("SIGKILL of an app until its successor runs, ms", crashes(peers, options.rounds * 3))
    for what, mode, megabytes in (("64 KiB", "blocks", 256), ("100-byte", "lines", 64)):
        values = median_of(3, peers, lambda peer: log_cpu(peer, mode, megabytes),
                           lambda: log_limit(peers[0].home, mode, megabytes))
        row(f"daemon CPU per GB of log, {what} writes, s", values)
    return rows


def many(peers, options, row, memory):
    """How it grows: 500 apps that start while somebody asks, and ten times as many apps. Of ward alone; PM2 takes
    minutes for it. What stands as limit is ward itself: with an idle daemon, and ten times the value for a tenth."""
    ward = peers[0]
    file = ecosystem(pathlib.Path(ward.home, "500.json"), sleepers(500))
    busy, idle = latencies(ward, file, 3)
    row("`ping` and `ls` while 500 apps start; limit: while they run, ms", {ward.name: busy, "limit": idle})
    files = {n: ecosystem(pathlib.Path(ward.home, f"{n}.json"), sleepers(n)) for n in (100, 1000)}
    few, all_of_them = (statistics.median(start_all(ward, files[n]) for _ in range(3)) for n in (100, 1000))
    row("1000 apps from one file, all running; limit: 10 x 100 apps, ms", {ward.name: all_of_them, "limit": 10 * few})
    lists = []
    for n in (100, 1000):
        ward.run("start", files[n])
        ward.run("ls")
        lists.append(statistics.median(ward.run("ls")[0] * 1000 for _ in range(options.rounds)))
        if n == 1000:
            time.sleep(1)
            memory("1000 apps", [ward])
            before = ward.cpu_seconds()
            time.sleep(options.idle)
            used = (ward.cpu_seconds() - before) * 100 / options.idle
            row("CPU of the idle daemon, 1000 apps, % of a core", {ward.name: used})
        ward.run("delete", "all")
    row("`ls` with 1000 apps; limit: 10 x 100 apps, ms", {ward.name: lists[1], "limit": 10 * lists[0]})


def format_row(what, values):
    ward, pm2, limit = (values.get(name) for name in ("ward", "pm2", "limit"))
    cell = lambda value: f"{value:.2f}" if value is not None else "-"
    ratio = f"{pm2 / ward:.1f}x" if pm2 is not None and ward else "-"
    over = f"{ward / limit:.2f}x" if limit else "-"
    return f"| {what} | {cell(ward)} | {cell(pm2)} | {cell(limit)} | {ratio} | {over} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--idle", type=float, default=10.0, help="seconds of the idle measurement")
    parser.add_argument("--ward", help="measure this program instead of a fresh release build")
    parser.add_argument("--keep", help="append the rows to this file as well")
    parser.add_argument("--no-pm2", action="store_true")
    options = parser.parse_args()
    peers = [ward_peer(options.ward)]
    if not options.no_pm2:
        peers.append(pm2_peer())
    print("| what | ward | PM2 | limit | PM2 / ward | ward / limit |\n|---|---|---|---|---|---|", flush=True)
    try:
        measure_all(peers, options)
    finally:
        for peer in peers:
            peer.remove()


if __name__ == "__main__":
    main()
