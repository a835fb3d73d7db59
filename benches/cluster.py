#!/usr/bin/env python3
"""Measures cluster mode beside Node's own primary and PM2, in one run on the same worker script.

    benches/cluster.py [--rounds 5] [--milliseconds 2000] [--clients 16] [--workers 2] [--no-pm2]

Needs cargo, node and npm. Builds ward in release mode and installs PM2 from npm into
target/bench-pm2. All primaries run at the same time, in scratch homes, and are loaded in turns
(A B A B …), so that a drift of the machine hits all of them; medians are printed, and ratios to
Node's own primary with the same way to spread connections.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "benches" / "cluster"
PM2_VERSION = "7.0.4"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Primary:
    """A primary with its workers, on a port and in a home of its own."""

    def __init__(self, name, base, workers):
        self.name, self.base, self.workers = name, base, workers
        self.port = free_port()
        self.home = tempfile.mkdtemp(prefix="bench-cluster-")
        self.env = {
            "PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8", "PORT": str(self.port),
            "WORKERS": str(workers), "PM2_HOME": self.home + "/home", "WARD_HOME": self.home + "/home",
        }

    def await_port(self):
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        sys.exit(f"{self.name} does not listen")

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def children(self):
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == self.pid:
                    found.append(int(stat.parent.name))
        return found

    def load(self, mode, clients, milliseconds):
        """Loads it once; what the clients saw, and the primary's CPU time per request."""
        before = self.cpu()
        words = [str(ROOT / "target/release/ward-load"), str(self.port), str(clients), str(milliseconds), mode]
        seen = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
        seen["rate"] = seen["requests"] / seen["ms"] * 1000
        seen["cpu_us"] = (self.cpu() - before) / max(seen["requests"], 1) * 1e6
        return seen


class NodePrimary(Primary):
    def __init__(self, name, policy, workers):
        super().__init__(name, None, workers)
        env = {**self.env, "NODE_CLUSTER_SCHED_POLICY": policy}
        self.process = subprocess.Popen(["node", str(SCRIPTS / "primary.js")], env=env)
        self.pid = self.process.pid
        self.await_port()

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Kept(Primary):
    """A process manager that speaks PM2's command line."""

    def __init__(self, name, command, workers, base, extra=None):
        super().__init__(name, base, workers)
        self.command = command
        app = {"name": "app", "script": str(SCRIPTS / "worker.js"), "instances": workers,
               "exec_mode": "cluster", **(extra or {})}
        file = pathlib.Path(self.home, "apps.config.json")
        file.write_text(json.dumps({"apps": [app]}))
        self.run("start", str(file))
        self.pid = int(pathlib.Path(self.home, "home", "pm2.pid").read_text())
        self.await_port()

    def run(self, *words):
        done = subprocess.run([*self.command, *words], env=self.env, cwd=self.home, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode != 0:
            sys.exit(f"{self.name} {' '.join(words)} failed:\n{done.stdout.decode()}")

    def end(self):
        with contextlib.suppress(SystemExit, subprocess.SubprocessError):
            self.run("kill")
        shutil.rmtree(self.home, ignore_errors=True)


def rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def pm2():
    folder = ROOT / "target" / "bench-pm2"
    script = folder / "node_modules" / "pm2" / "bin" / "pm2"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"pm2@{PM2_VERSION}"],
                       check=True, stdout=subprocess.DEVNULL)
    return ["node", str(script)]


def begin(options):
    primaries = []
    ward = [str(ROOT / "target/release/ward")]
    workers = options.workers
    try:
        primaries.append(NodePrimary("node rr", "rr", workers))
        primaries.append(NodePrimary("node none", "none", workers))
        if not options.no_pm2:
            primaries.append(Kept("pm2 cluster", pm2(), workers, "node rr"))
        for sched, base in [("rr", "node rr"), ("least-conn", "node rr"), ("shared", "node none"), ("slot", "node none")]:
            primaries.append(Kept(f"ward {sched}", ward, workers, base, {"sched": sched}))
    except BaseException:
        for primary in primaries:
            primary.end()
        raise
    return primaries


def measure(primaries, options):
    """Rounds of each mode for each primary, interleaved; lists by mode and name."""
    seen = {mode: {it.name: [] for it in primaries} for mode in ("close", "keep-alive")}
    for number in range(options.rounds + 1):
        for mode, results in seen.items():
            for primary in primaries:
                # The first round warms up.
                time_ms = options.milliseconds if number else 500
                result = primary.load(mode, options.clients, time_ms)
                if number:
                    results[primary.name].append(result)
    return seen


def show(primaries, seen):
    for mode, results in seen.items():
        print(f"\n{mode}: requests per second, latency, CPU time of the primary per request\n")
        print("| primary | req/s | ratio | p50 ms | p99 ms | primary µs/req | ratio | spread | errors |")
        print("|---|---|---|---|---|---|---|---|---|")
        middle = {
            name: {key: statistics.median(it[key] for it in rounds) for key in ("rate", "p50_us", "p99_us", "cpu_us")}
            for name, rounds in results.items()
        }
        for primary in primaries:
            own, base = middle[primary.name], middle.get(primary.base)
            # Ratios within a round are less noisy than ratios of medians.
            ratio = cpu = "1"
            if base:
                pairs = list(zip(results[primary.name], results[primary.base]))
                ratio = f"{statistics.median(a['rate'] / b['rate'] for a, b in pairs):.2f}"
                cpu = f"{own['cpu_us'] / base['cpu_us']:.2f}" if base["cpu_us"] >= 1 else "–"
            spread = results[primary.name][-1]["spread"]
            share = "/".join(f"{100 * count / sum(spread):.0f}" for count in spread)
            errors = sum(it["errors"] for it in results[primary.name])
            print(f"| {primary.name} | {own['rate']:.0f} | {ratio} | {own['p50_us'] / 1000:.2f} | {own['p99_us'] / 1000:.2f} "
                  f"| {own['cpu_us']:.1f} | {cpu} | {share} | {errors} |")
    print("\nMemory after the load, RSS in MB\n\n| primary | primary | per worker |\n|---|---|---|")
    for primary in primaries:
        workers = statistics.mean(rss_mb(pid) for pid in primary.children())
        print(f"| {primary.name} | {rss_mb(primary.pid):.1f} | {workers:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--milliseconds", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-pm2", action="store_true")
    parser.add_argument("--no-build", action="store_true", help="measure what was built before")
    options = parser.parse_args()
    if not options.no_build:
        subprocess.run(["cargo", "build", "--release", "--locked", "-p", "ward", "-p", "ward-load"], cwd=ROOT, check=True)
    primaries = begin(options)
    try:
        show(primaries, measure(primaries, options))
    finally:
        for primary in primaries:
            primary.end()


if __name__ == "__main__":
    main()
