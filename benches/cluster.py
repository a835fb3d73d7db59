#!/usr/bin/env python3
"""Measures cluster mode beside Node's own primary and PM2, in one run on the same worker script.

    benches/cluster.py [--rounds 7] [--milliseconds 2000] [--clients 16] [--workers 2]
                       [--node PATH] [--other PATH] [--only NAME,NAME] [--no-pm2] [--no-build]

Needs cargo, node and npm. Builds ward in release mode and installs PM2 from npm into
target/bench-pm2. All primaries are up at the same time, in scratch homes, and are loaded in turns:
each round loads every one once, beginning with another one, so that a drift of the machine and a
place in the order hit all alike. Ratios are taken within a round; their median and the quartiles
are printed. Processor time is the scheduler's own count in nanoseconds, of all threads.

Clients, primary and workers share the machine. Node's workers share the session of their primary,
ward's and PM2's daemon have sessions of their own, and ward gives each worker one; where the
scheduler shares processor time by session (autogroup), that would decide the race. It is switched
off for the run when we may (for the whole machine, and set back at the end unless we are killed by
SIGKILL), and the output says so.
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "benches" / "cluster"
WARD = ROOT / "target" / "release" / "ward"
LOAD = ROOT / "target" / "release" / "ward-load"
AUTOGROUP = pathlib.Path("/proc/sys/kernel/sched_autogroup_enabled")
PM2_VERSION = "7.0.4"
MODES = ("close", "keep-alive")

# Name: the row it is compared with, and what its app declares. Those of the second table are
# measured only when they are named, to find out what a part costs.
WARDS = {
    "ward rr": ("node rr", {"sched": "rr"}),
    "ward least-conn": ("node rr", {"sched": "least-conn"}),
    "ward shared": ("node none", {"sched": "shared"}),
    "ward slot": ("node none", {"sched": "slot"}),
}
VARIANTS = {
    "ward rr window 2": ("node rr", {"sched": "rr", "window": 2}),
    "ward rr drain only": ("node rr", {"sched": "rr", "pmx": False}),
    "ward rr bare": ("node rr", {"sched": "rr", "agent": False}),
    "ward shared drain only": ("node none", {"sched": "shared", "pmx": False}),
    "ward shared bare": ("node none", {"sched": "shared", "agent": False}),
}


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def busy_ns(pid):
    """What all threads of a process have used; 0 when it is gone."""
    total = 0
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total


def children_s():
    """What the processes that we waited for have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


class Primary:
    """A primary with its workers, on a port and in a home of its own."""

    def __init__(self, name, base, options):
        self.name, self.base, self.options = name, base, options
        self.port = free_port()
        self.home = tempfile.mkdtemp(prefix="bench-cluster-")
        path = os.environ["PATH"]
        if options.node:
            path = f"{pathlib.Path(options.node).resolve().parent}:{path}"
        self.env = {
            "PATH": path, "HOME": self.home, "LANG": "C.UTF-8", "PORT": str(self.port),
            "WORKERS": str(options.workers), "PM2_HOME": self.home + "/home", "WARD_HOME": self.home + "/home",
        }

    def await_workers(self):
        """Waits until the port answers and finds the workers."""
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                self.workers = self.children()
                if len(self.workers) == self.options.workers:
                    return
            time.sleep(0.02)
        sys.exit(f"{self.name} does not listen")

    def children(self):
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == self.pid:
                    found.append(int(stat.parent.name))
        return found

    def busy(self):
        return busy_ns(self.pid), sum(busy_ns(pid) for pid in self.workers)

    def load(self, mode, milliseconds):
        """Loads it once; what the clients saw, and the processor time per request."""
        before, clients = self.busy(), children_s()
        words = [str(LOAD), str(self.port), str(self.options.clients), str(milliseconds), mode]
        seen = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
        primary, workers = (after - before for after, before in zip(self.busy(), before))
        requests = max(seen["requests"], 1)
        clients = children_s() - clients
        share = [count / requests for count in seen["spread"]]
        return {
            "rate": seen["requests"] / seen["ms"] * 1000,
            "p50": seen["p50_us"] / 1000,
            "p99": seen["p99_us"] / 1000,
            "primary": primary / requests / 1000,
            "workers": workers / requests / 1000,
            "server": (primary + workers) / requests / 1000,
            "clients": clients / requests * 1e6,
            "least": 100 * min(share) if len(share) == self.options.workers else 0,
            "errors": seen["errors"],
        }


class NodePrimary(Primary):
    def __init__(self, name, policy, options):
        super().__init__(name, None, options)
        env = {**self.env, "NODE_CLUSTER_SCHED_POLICY": policy}
        self.process = subprocess.Popen(["node", str(SCRIPTS / "primary.js")], env=env, start_new_session=True,
                                        stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.await_workers()

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Kept(Primary):
    """A process manager that speaks PM2's command line."""

    def __init__(self, name, command, base, extra, options):
        super().__init__(name, base, options)
        self.command = command
        app = {"name": "app", "script": str(SCRIPTS / "worker.js"), "instances": options.workers,
               "exec_mode": "cluster", **extra}
        file = pathlib.Path(self.home, "apps.config.json")
        file.write_text(json.dumps({"apps": [app]}))
        self.run("start", str(file))
        self.pid = int(pathlib.Path(self.home, "home", "pm2.pid").read_text())
        self.await_workers()

    def run(self, *words):
        done = subprocess.run([*self.command, *words], env=self.env, cwd=self.home, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode != 0:
            sys.exit(f"{self.name} {' '.join(words)} failed:\n{done.stdout.decode()}")

    def end(self):
        with contextlib.suppress(SystemExit, subprocess.SubprocessError):
            self.run("kill")
        shutil.rmtree(self.home, ignore_errors=True)


def pm2():
    folder = ROOT / "target" / "bench-pm2"
    script = folder / "node_modules" / "pm2" / "bin" / "pm2"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"pm2@{PM2_VERSION}"],
                       check=True, stdout=subprocess.DEVNULL)
    return ["node", str(script)]


def begun(options):
    """Starts the primaries, one by one; the bases come before those compared with them."""
    for policy in ("rr", "none"):
        yield NodePrimary(f"node {policy}", policy, options)
    if not options.no_pm2 and (not options.only or "pm2 cluster" in options.only):
        yield Kept("pm2 cluster", pm2(), "node rr", {}, options)
    for name, (base, extra) in {**WARDS, **VARIANTS}.items():
        if (name in options.only) if options.only else (name in WARDS):
            yield Kept(name, [str(WARD)], base, extra, options)
            if options.other:
                yield Kept(name.replace("ward", "other"), [options.other], name, extra, options)


@contextlib.contextmanager
def without_autogroup():
    """The scheduler does not look at sessions; yields what the reader of the results should know."""
    setting = AUTOGROUP.read_text().strip() if AUTOGROUP.exists() else "0"
    if setting == "0":
        yield "off"
        return
    try:
        AUTOGROUP.write_text("0")
    except OSError:
        yield "ON, and sessions differ: read the rates with care (root can switch it off)"
        return
    try:
        yield "off for this run"
    finally:
        AUTOGROUP.write_text(setting)


def measure(primaries, options):
    """Rounds of each mode for each primary in turns; lists by mode and name, and the processor time
    that the ones that were not loaded used, as a share of one processor."""
    seen = {mode: {it.name: [] for it in primaries} for mode in MODES}
    idle, whole = 0, 0
    for mode in MODES:
        for primary in primaries:
            primary.load(mode, options.milliseconds)  # warms up
    for number in range(options.rounds):
        first = number % len(primaries)
        for mode, results in seen.items():
            for primary in primaries[first:] + primaries[:first]:
                others = [it for it in primaries if it is not primary]
                before, began = sum(sum(it.busy()) for it in others), time.monotonic_ns()
                results[primary.name].append(primary.load(mode, options.milliseconds))
                idle += sum(sum(it.busy()) for it in others) - before
                whole += time.monotonic_ns() - began
    return seen, idle / whole


def middle(values):
    return statistics.median(values)


def ratio(own, base, key):
    """The ratios within the rounds: median (first quartile … third quartile)."""
    if own is base:
        return "1"
    pairs = [(a[key], b[key]) for a, b in zip(own, base)]
    if middle([b for _, b in pairs]) < 0.5:
        return "–"
    ratios = [a / b for a, b in pairs]
    if len(ratios) < 2:
        return f"{ratios[0]:.2f}"
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle(ratios):.2f} ({low:.2f}…{high:.2f})"


def show(primaries, seen):
    for mode, results in seen.items():
        clients = middle([it["clients"] for rounds in results.values() for it in rounds])
        print(f"\n{mode}: rate, latency in ms, processor time per request in µs (the clients took {clients:.0f} besides), "
              "share of the worker with least\n")
        print("| primary | req/s | ratio | p50 | p99 | primary | ratio | workers | ratio | all | ratio | least % | errors |")
        print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
        for primary in primaries:
            own = results[primary.name]
            base = results[primary.base or primary.name]
            at = {key: middle([it[key] for it in own]) for key in own[0]}
            errors = sum(it["errors"] for it in own)
            print(f"| {primary.name} | {at['rate']:.0f} | {ratio(own, base, 'rate')} | {at['p50']:.2f} | {at['p99']:.2f} "
                  f"| {at['primary']:.1f} | {ratio(own, base, 'primary')} | {at['workers']:.1f} | {ratio(own, base, 'workers')} "
                  f"| {at['server']:.1f} | {ratio(own, base, 'server')} | {at['least']:.0f} | {errors} |")
    print("\nMemory after the load, RSS in MB\n\n| primary | primary | per worker |\n|---|---|---|")
    for primary in primaries:
        workers = statistics.mean(rss_mb(pid) for pid in primary.workers)
        print(f"| {primary.name} | {rss_mb(primary.pid):.1f} | {workers:.1f} |")


def run(options):
    node = subprocess.run([options.node or "node", "--version"], check=True, stdout=subprocess.PIPE).stdout.decode().strip()
    primaries = []
    try:
        with without_autogroup() as autogroup:
            for primary in begun(options):
                primaries.append(primary)
            seen, idle = measure(primaries, options)
            print(f"node {node}, {options.workers} workers, {options.clients} clients, "
                  f"{options.rounds} rounds of {options.milliseconds} ms, autogroup {autogroup}; "
                  f"the primaries that waited for their turn used {100 * idle:.1f} % of one processor in all")
            show(primaries, seen)
    finally:
        for primary in primaries:
            primary.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--milliseconds", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--node", help="another node binary, for everybody")
    parser.add_argument("--other", help="another ward binary, measured beside the first and compared with it")
    parser.add_argument("--only", help=f"these rows beside Node's; known: pm2 cluster, {', '.join([*WARDS, *VARIANTS])}",
                        type=lambda words: words.split(","), default=[])
    parser.add_argument("--no-pm2", action="store_true")
    parser.add_argument("--no-build", action="store_true", help="measure what was built before")
    options = parser.parse_args()
    unknown = set(options.only) - {"pm2 cluster", *WARDS, *VARIANTS}
    if unknown:
        parser.error(f"unknown rows: {', '.join(sorted(unknown))}")
    # What was started shall end, and what was set be set back, on a signal too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    if not options.no_build:
        subprocess.run(["cargo", "build", "--release", "--locked", "-p", "ward", "-p", "ward-load"], cwd=ROOT, check=True)
    run(options)


if __name__ == "__main__":
    main()
