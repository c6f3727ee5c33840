"""What the harness itself costs, and what it loses: nothing that was acknowledged.

Run: ``python benchmarks/harness_costs.py [--kills 500]``. Prints each figure beside the target
that it is held to; exits with 1 if something acknowledged was lost.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from bakeoff.case import Case, draw
from bakeoff.journal import Journal
from bakeoff.program import Value, trace
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.worker import Launch, Worker, WorkerFailure
from bakeoff_worker import measure

FAKE = Path(__file__).parents[1] / "tests" / "worker" / "fake_adapter.py"
CASE = Case(
    "costs", "exp", trace(lambda ops, x: ops.exp(x), [Value("x", (2,), "float32")]),
    {"x": draw("normal")}, "float32",
)  # fmt: skip

# Appends records as fast as it can, and says the number of each once it is durable.
_WRITER = """
import sys
from pathlib import Path
from benchmarks_costs import CASE, a_record
from bakeoff.journal import Journal
path, first = Path(sys.argv[1]), int(sys.argv[2])
with Journal(path) as journal:
    for number in range(first, first + 10**6):
        journal.append(a_record(number))
        print(number, flush=True)
"""


def a_record(number: int) -> Record:
    """Return a record of the usual size: twenty blocks, three checks."""
    return Record(
        CASE.id, "numpy", 0, number, Outcome.OK,
        checks=tuple(Check(f"y{i}", "gamma", 1e-7, 1e-6, 0.1) for i in range(3)),
        figures={f"figure_{i}_ns": 1234.5 * i for i in range(12)},
        blocks=tuple(Block(i, 100, 5_000_000 + i, 4_900_000 + i, 0, 10**8) for i in range(20)),
        environment_id="0123456789abcdef", started="2026-01-01T00:00:00+00:00", elapsed_s=0.5,
    )  # fmt: skip


def per_call_ns() -> float:
    """Return what the timed loop adds to each call, of a call that does nothing."""
    blocks = [
        measure.timed_block(lambda: None, [()], 100_000, lambda values: None) for _ in range(20)
    ]
    bare = []
    for _ in range(20):
        nothing = (lambda: None).__call__
        began = time.process_time_ns()
        for _ in range(100_000):
            nothing()
        bare.append((time.process_time_ns() - began) / 100_000)
    return statistics.median(b["cpu_ns"] / b["loops"] for b in blocks) - statistics.median(bare)


def starts_s(scratch: Path, count: int = 10) -> Iterator[float]:
    """Yield the seconds until a worker on the fake toolkit answers."""
    for _ in range(count):
        with Worker(Launch(sys.executable, str(FAKE), "FakeAdapter"), 60, scratch) as worker:
            yield worker.hello["ready_ns"] / 1e9


def crash_s(scratch: Path) -> float:
    """Return the seconds from a crash to the failure that names it."""
    launch = Launch(sys.executable, str(FAKE), "FakeAdapter", mode={"fault": "segfault"})
    with Worker(launch, 60, scratch) as worker:
        worker.prepare(CASE.program, {"x": np.zeros(2, np.float32)})
        began = time.perf_counter()
        with suppress(WorkerFailure):
            worker.call()
            raise SystemExit("harness_costs: a crash went unnoticed")
        return time.perf_counter() - began


def append_s(folder: Path, count: int = 200) -> list[float]:
    """Return the seconds of durable appends."""
    taken = []
    with Journal.create(folder / "journal.sqlite", {}, (CASE,)) as journal:
        for number in range(count):
            began = time.perf_counter()
            journal.append(a_record(number))
            taken.append(time.perf_counter() - began)
    return taken


def lost(folder: Path, kills: int) -> tuple[int, int]:
    """Kill a writer again and again; return acknowledged records that are gone, and all."""
    path = folder / "killed.sqlite"
    Journal.create(path, {}, (CASE,)).close()
    said: list[int] = []
    rng = np.random.default_rng(0)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    for _ in range(kills):
        code = _WRITER.replace("benchmarks_costs", Path(__file__).stem)
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(said[-1] + 1000 if said else 0)],
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert writer.stdout is not None
        said.append(int(writer.stdout.readline()))
        time.sleep(float(rng.uniform(0, 0.02)))
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines(keepends=True)
        said += [int(line) for line in rest if line.endswith("\n")]
        writer.wait()
    with Journal(path) as journal:
        kept = {r.round for r in journal.records()}
    return len(set(said) - kept), len(said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        starts = list(starts_s(scratch))
        appends = append_s(scratch)
        crashes = [crash_s(scratch) for _ in range(10)]
        gone, acknowledged = lost(scratch, options.kills)
    print(f"{'':44}{'measured':>12}{'target':>12}")
    for what, measured, target in (
        ("the timed loop, per call", f"{per_call_ns():.0f} ns", "25 ns"),
        ("a worker's start", f"{1000 * statistics.median(starts):.0f} ms", "50 ms"),
        ("a crash is named after", f"{1000 * statistics.median(crashes):.0f} ms", "100 ms"),
        ("a durable append", f"{1000 * statistics.median(appends):.2f} ms", "1 ms"),
        (f"lost of {acknowledged}, {options.kills} kills", str(gone), "0"),
    ):
        print(f"{what:44}{measured:>12}{target:>12}")
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main())
