#!/usr/bin/env python3
"""Attacks a ward daemon from all sides, and says what each attack cost it.

    tools/attack/attack.py [--ward PROGRAM] [--long] [--list] [ATTACK ...]

Builds ward in release mode unless a program is given. Each attack has a home, a daemon and apps of its own in a scratch
folder, which is removed. While it goes on another client asks for `ping` all the time. The table says how far the peak of
the daemon's memory was above its start (`docs/security.md` promises less than 64 MB) and how long the slowest `ping` took.
Ends with 1 if a daemon died, no longer answers, or grew beyond the bound. `--long` makes each attack several times larger.
Needs cargo and node.
"""

import argparse
import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import apps  # noqa: E402
import clients  # noqa: E402
from target import Target  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BOUND_MB = 64
ATTACKS = {**apps.ATTACKS, **clients.ATTACKS}


def build():
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "ward"], cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "ward"


def attack(program, name, scale):
    """Runs one attack; returns the row of the table, and whether the daemon held."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ward-attack-"))
    target = Target(program, folder)
    try:
        target.start()
        with target.watched() as watch:
            begin = time.monotonic()
            try:
                note, succeeded = ATTACKS[name](target, scale) or "", True
            except (RuntimeError, ValueError, OSError, subprocess.SubprocessError) as error:
                note, succeeded = str(error), False
            # What was sent is taken in after it was sent.
            time.sleep(1)
            took = time.monotonic() - begin
        growth = watch.growth_mb()
        # Apps that were asked for are no attack on memory.
        wanted = getattr(ATTACKS[name], "apps_grow", False)
        held = succeeded and watch.alive and (wanted or growth < BOUND_MB)
        return (name, f"{growth:.1f}", f"{watch.slowest * 1000:.0f}", str(watch.count), f"{took:.1f}",
                ("held" if held else "FAILED") + (f": {note}" if note else "")), held
    finally:
        with contextlib.suppress(Exception):
            target.kill()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK")
    parser.add_argument("--ward", type=pathlib.Path)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        for name, function in ATTACKS.items():
            print(f"{name:24} {function.__doc__}")
        return 0
    unknown = [name for name in options.attacks if name not in ATTACKS]
    if unknown:
        parser.error(f"no such attack: {', '.join(unknown)} (--list shows them)")
    program = (options.ward or build()).resolve()
    print("| attack | memory above the start, MB | slowest ping, ms | pings | seconds | |")
    print("|---|---|---|---|---|---|")
    all_held = True
    for name in options.attacks or ATTACKS:
        row, held = attack(program, name, 8 if options.long else 1)
        print(f"| {' | '.join(row)} |", flush=True)
        all_held &= held
    return 0 if all_held else 1


if __name__ == "__main__":
    sys.exit(main())
