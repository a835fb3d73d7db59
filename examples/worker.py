#!/usr/bin/env python3
"""A worker that does something every few seconds and leaves politely."""

import os
import signal
import sys
import time


def leave(number, _frame):
    print(f"{signal.Signals(number).name}: leaving", flush=True)
    sys.exit(0)


signal.signal(signal.SIGINT, leave)
signal.signal(signal.SIGTERM, leave)

pause = float(os.environ.get("PAUSE", "2"))
number = 0
while True:
    number += 1
    print(f"job {number} done", flush=True)
    time.sleep(pause)
