"""The state of the machine while verdicts are tried: quiet, with a hog, drifting."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff import machine

CONDITIONS = ("quiet", "hog", "drift")

# Busy on the measured core for 0.3 s, idle for 0.3 s, in memory and arithmetic.
_HOG = """
import os, sys, time
import numpy as np
os.sched_setaffinity(0, {int(sys.argv[1])})
x = np.ones(1 << 18)
while True:
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        x.sum()
    time.sleep(0.3)
"""


@contextmanager
def condition(name: str) -> Iterator[int]:
    """Bring the machine into a state; yields the processor that workers are to be pinned to.

    ``drift`` needs nothing here: the kernels play it (`kernel_adapter`).
    """
    cpu = machine.pick_cpu()
    if cpu is None:
        raise SystemExit("verdicts: workers cannot be pinned on this system, expected Linux")
    hog = subprocess.Popen([sys.executable, "-c", _HOG, str(cpu)]) if name == "hog" else None
    try:
        yield cpu
    finally:
        if hog is not None:
            hog.kill()
            hog.wait()
