"""Many process rounds of bakeoff's own, measured by a real run, from which trials are cut."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from unittest.mock import patch

from kernels import KERNELS, SUITE, backends
from measured import measured

from bakeoff import machine
from bakeoff.interface import Backend
from bakeoff.record import Record
from bakeoff.seating import Provided
from bakeoff.settings import Settings
from bakeoff.statistics import per_call_ns
from bakeoff.timing import Pace

BLOCK_NS = 2_000_000

Times = dict[tuple[str, int], list[float]]  # backend, replica → ns per call, by round


@dataclass(frozen=True)
class Bank:
    """Rounds of one condition.

    Attributes
    ----------
    times
        By kernel: CPU time per call of every seat, in the order of rounds.
    block_s, start_s
        Median wall time of a seat's blocks of one kernel in a round, by kernel, and of the
        start of a worker.
    """

    times: Mapping[str, Times]
    block_s: Mapping[str, float]
    start_s: float


def collect(rounds: int, cpu: int, drifts: bool, max_time_s: float | None = None) -> Bank:
    """Measure rounds, each with fresh workers of all seats, on the given processor."""
    offered = {b.name: b for b in backends(drifts)}
    pace = Pace(max_time_s, rounds, sweeps=2, block_ns=BLOCK_NS, timeout_s=60, half_width=0.0)
    settings = Settings(preset="smoke", backends=tuple(offered))
    with (
        patch.object(machine, "pick_cpu", lambda: cpu),
        measured(settings, pace, offered, {"kernels": SUITE}, _in_place) as journal,
    ):
        return _bank(list(journal.records()))


def _in_place(backend: Backend, progress: Callable[[str], None]) -> Provided:
    return Provided(sys.executable, {})


def _bank(records: list[Record]) -> Bank:
    times: dict[str, Times] = {name: {} for name in KERNELS}
    spent: dict[str, list[float]] = {name: [] for name in KERNELS}
    for record in sorted(records, key=lambda r: r.round):
        kernel = record.case_id.partition("/")[2]
        seat = record.backend, record.replica
        times[kernel].setdefault(seat, []).append(per_call_ns(record.blocks, "cpu"))
        spent[kernel].append(sum(b.wall_ns for b in record.blocks) / 1e9)
    starts = sorted(r.figures["ready_ns"] / 1e9 for r in records)
    middles = {name: sorted(values)[len(values) // 2] for name, values in spent.items()}
    return Bank(times, middles, starts[len(starts) // 2])
