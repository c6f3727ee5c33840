"""Many process rounds of bakeoff's own, measured by a real run, from which trials are cut."""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pluggy
from kernels import KERNELS, SUITE, backends

from bakeoff import hookspecs, machine
from bakeoff.examiner import OracleExaminer, oracle_for
from bakeoff.plugins import Plugins, load
from bakeoff.progress import Silent
from bakeoff.record import Record
from bakeoff.runner import Run
from bakeoff.seating import Provided
from bakeoff.sessions import begin
from bakeoff.settings import Settings
from bakeoff.statistics import per_call_ns
from bakeoff.timing import PACES, Pace

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
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(manager, backends=offered, suites={"kernels": SUITE})
    pace = Pace(max_time_s, rounds, sweeps=2, block_ns=BLOCK_NS, timeout_s=60, half_width=0.0)
    engine = {"numpy": load().backends["numpy"]}
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(PACES, {"smoke": pace}),
        patch.object(machine, "pick_cpu", lambda: cpu),
    ):
        settings = Settings(preset="smoke", backends=tuple(offered))
        journal, plan = begin(settings, plugins, Path(folder))
        with journal:
            Run(
                journal, settings, plan, plugins, Silent(),
                lambda backend, progress: Provided(sys.executable, {}),
                lambda scratch, stack: OracleExaminer(
                    stack.enter_context(oracle_for(engine, scratch))
                ),
            ).measure()  # fmt: skip
            return _bank(list(journal.records()))


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
