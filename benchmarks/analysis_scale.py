"""How long an archive takes to be analysed, and in how much memory.

Makes a journal of so many records that never were, as a run of 26 backends would leave them,
then loads and analyses it by column in a process of its own:

    python benchmarks/analysis_scale.py --records 1000000

Measured on two cores at a load of 2, with Python 3.11 (a million records of 63,154 cells in a
journal of 1.51 GiB), three times: 5.9 to 6.3 s by the clock, 5.8 to 6.2 s of CPU; 0.40 GiB at the
peak. The analysis behind a page, which reads the records themselves, takes about 0.13 ms of CPU
for each (25,164 records in 3.2 s).
"""

import argparse
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path

from bakeoff.case import Case
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Block, Check, Outcome, Record

BACKENDS = [f"backend-{i:02}" for i in range(26)]
SUITES = ("matmul", "conv", "operators", "two_layer")
HELLO = {"describe": {"toolkit": "none", "version": "1", "threads": 1}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="Make the journal there; use it if it is.")
    parser.add_argument("--analyse", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.analyse:
        analyse(given.analyse)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = given.keep or Path(place)
        if not (folder / FILE_NAME).exists():
            make(folder, given.records)
        subprocess.run([sys.executable, __file__, "--analyse", str(folder)], check=True)


def analyse(folder: Path) -> None:
    """Analyse a journal; print the seconds and the peak memory of this process."""
    from bakeoff_reports.archive import read_columns
    from bakeoff_reports.bulk import analyse_columns

    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    archive = read_columns(folder)
    read_s = time.perf_counter()
    found = analyse_columns(archive)
    ended_s = time.perf_counter()
    peak_bytes = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size_bytes = (folder / FILE_NAME).stat().st_size
    print(
        f"{len(archive.cell):,} records of {len(found.cells):,} cells, {size_bytes / 2**30:.2f} GiB"
    )
    print(f"read     {read_s - began_s:6.2f} s")
    print(f"analysed {ended_s - read_s:6.2f} s")
    print(f"in all   {ended_s - began_s:6.2f} s, {time.process_time() - began_cpu_s:.2f} s of CPU")
    print(f"peak     {peak_bytes / 2**30:6.2f} GiB")


def make(folder: Path, count: int) -> None:
    """Write a journal of so many records, and be quick about it."""
    cases = [c for s in SUITES for c in import_module(f"bakeoff_{s}").SUITE.of("full")]
    meta = {
        "reference": BACKENDS[0], "backends": [{"name": b} for b in BACKENDS],
        "settings": {"threads": 1}, "ending": "complete",
    }  # fmt: skip
    with Journal.create(folder / FILE_NAME, meta, tuple(cases)) as journal:
        place = journal.add_environment({"hello": HELLO})
        made = records(cases, count, place, random.Random(0))
        while part := list(islice(made, 10_000)):
            journal.append(*part)


def records(cases: list[Case], count: int, place: str, rng: random.Random) -> Iterator[Record]:
    """Yield records of all cases on all backends, by round; the reference has a twin."""
    seats = [(b, 0) for b in BACKENDS] + [(BACKENDS[0], 1)]
    rounds = max(1, math.ceil(count / len(cases) / len(seats)))
    made = 0
    for case in cases:
        for number in range(rounds):
            for seat, (backend, replica) in enumerate(seats):
                if made == count:
                    return
                made += 1
                ns = 1e4 * (1 + 0.1 * seat) * math.exp(rng.gauss(0, 0.01))
                yield replace(
                    TYPICAL, case_id=case.id, backend=backend, replica=replica, round=number,
                    environment_id=place, checks=CHECKS if number == 0 else None,
                    blocks=tuple(_block(i, ns * rng.gauss(1, 0.004)) for i in range(6)),
                )  # fmt: skip


def _block(position: int, ns: float) -> Block:
    return Block(position, 500, round(510 * ns), round(500 * ns), 0, 10**8)


CHECKS = (Check("y", "gamma", 1e-7, 2e-6, 0.05, 2.0, 1.0),)
TYPICAL = Record(
    "", "", 0, 0, Outcome.OK,
    figures={
        "transfer_ns": 2e5, "compile_ns": 4e5, "first_call_ns": 1e6, "import_ns": 1e9,
        "ready_ns": 1.6e8, "peak_rss_bytes": 3e8, "peak_is_of_program": 1, "steal_ns": 0.0,
        "frequency_mhz": 2600.0,
    },
    started="2026-05-12T14:03:20+00:00", elapsed_s=0.3, digests=("0" * 16, "0" * 16),
)  # fmt: skip

if __name__ == "__main__":
    main()
