#!/usr/bin/env python3
"""Measures what it costs a worker to be reported on: ward's agent beside PM2's pmx.

    benches/agent.py [--rounds 5] [--milliseconds 2000] [--clients 16] [--no-build]

Needs what cluster.py needs. The same worker runs under ward without agent, with the agent's draining
part alone, and with all of it; under PM2 with and without its library. All run at the same time and
are loaded in turns. A cost is the difference to the same process manager without.
"""

import argparse
import signal
import statistics
import subprocess
import sys

from cluster import MODES, ROOT, WARD, Kept, measure, pm2, rss_mb

# Name: the row it is compared with, and what its app declares.
ROWS = {
    "ward, no agent": (None, {"agent": False}),
    "ward, drain alone": ("ward, no agent", {"pmx": False}),
    "ward, agent": ("ward, no agent", {}),
    "pm2, no pmx": (None, {"pmx": False}),
    "pm2, pmx": ("pm2, no pmx", {}),
}


def show(kept, seen):
    titles = [f"{mode}, µs | cost" for mode in MODES]
    print("| worker | " + " | ".join(titles) + " | memory, MB | cost |")
    print("|---|" + "---|" * (2 * len(MODES) + 2))
    memory = {row.name: statistics.mean(rss_mb(pid) for pid in row.workers) for row in kept}
    for row in kept:
        cells = []
        for mode in MODES:
            own = [it["workers"] for it in seen[mode][row.name]]
            # Rounds are compared one by one: a slow moment hits both.
            base = [it["workers"] for it in seen[mode][row.base]] if row.base else []
            cost = [a - b for a, b in zip(own, base)]
            cells += [f"{statistics.median(own):.1f}", f"{statistics.median(cost):+.1f}" if cost else ""]
        cells.append(f"{memory[row.name]:.1f}")
        cells.append(f"{memory[row.name] - memory[row.base]:+.1f}" if row.base else "")
        print(f"| {row.name} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--milliseconds", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--no-build", action="store_true", help="measure what was built before")
    options = parser.parse_args()
    options.workers, options.node = 1, None
    # What was started shall end on a signal too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    if not options.no_build:
        subprocess.run(["cargo", "build", "--release", "--locked", "-p", "ward", "-p", "ward-load"], cwd=ROOT, check=True)
    kept = []
    try:
        for name, (base, extra) in ROWS.items():
            command = [str(WARD)] if name.startswith("ward") else pm2()
            kept.append(Kept(name, command, base, extra, options))
        seen, _ = measure(kept, options)
        show(kept, seen)
    finally:
        for row in kept:
            row.end()


if __name__ == "__main__":
    main()
