"""Is the engine right and fast on this GPU? Eight steps, in less than eight minutes.

Run: ``make gpu-check``, or ``python benchmarks/gpu [--steps GLOB ...] [--out FOLDER]``. No network
is needed: environments must be there (``bakeoff env create cupy cupy-graph torch-cuda …``).
Exit code 0: every step is ok; 1: one is not; 3: no CUDA device, and nothing is written; 130:
interrupted.
"""

import argparse
import ctypes
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # also when run as a folder's path
sys.path.append(str(Path(__file__).parents[1]))

from driver import Command, Done, commands, run
from page import page
from provided import interpreter
from steps import STEPS, chosen

import bakeoff
from bakeoff import devices
from bakeoff.plugins import load

DOCS = Path(__file__).parents[2] / "docs" / "gpu"
NO_DEVICE, INTERRUPTED = 3, 130  # 3 as of `bakeoff run`: nothing could be measured
GOOD = ("ok", "told")


def main(arguments: list[str] | None = None, command: Command | None = None) -> int:
    """Run the steps; ``command`` starts them otherwise than under the backends' Pythons."""
    parser = argparse.ArgumentParser(prog="gpu-check", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", action="append", default=[], metavar="GLOB",
                        help=f"only these of {', '.join(s.name for s in STEPS)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=DOCS, metavar="FOLDER",
                        help="for the page and the records (docs/gpu)")  # fmt: skip
    parser.add_argument("--in-place", action="store_true",
                        help="all toolkits are in the running Python")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        steps = chosen(options.steps)
    except ValueError as error:
        parser.error(str(error))
    if why := devices.why_missing("cuda"):
        print(f"gpu-check: {why}; nothing was checked, and nothing written", file=sys.stderr)
        return NO_DEVICE
    cupy = load().backends["cupy"]
    command = command or commands(lambda: interpreter(cupy, options.in_place), options.in_place)
    return _check(steps, command, options.out, device_name())


def _check(steps: tuple, command: Command, out: Path, device: str) -> int:
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"RESULTS-{re.sub(r'[^A-Za-z0-9]+', '-', device).strip('-')}.md"
    records, began = target.with_suffix(".jsonl"), time.monotonic()
    about = {
        "device": device, "records": records.name, "version": bakeoff.__version__,
        "commit": _commit(), "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }  # fmt: skip
    done: list[Done] = []
    with records.open("w", encoding="utf-8") as file:
        for step in run(steps, command, file, _say):
            done.append(step)
            elapsed_s = time.monotonic() - began
            target.write_text(page(done, {**about, "elapsed_s": elapsed_s}), encoding="utf-8")
    _say(f"{target} and {records.name}")
    if any(d.status in ("interrupted", "not run") for d in done):
        return INTERRUPTED
    return int(any(d.status not in GOOD for d in done))


def _say(text: str) -> None:
    print(f"gpu-check: {text}", file=sys.stderr, flush=True)


def device_name(load: Callable[[str], ctypes.CDLL] = ctypes.CDLL) -> str:
    """Return what the driver calls the first device (``cuDeviceGetName``)."""
    driver, name, device = (
        load(devices.CUDA_DRIVER),
        ctypes.create_string_buffer(256),
        ctypes.c_int(),
    )
    status = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0)
    status = status or driver.cuDeviceGetName(name, len(name), device)
    return f"unknown device (CUDA error {status})" if status else name.value.decode()


def _commit() -> str:
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
