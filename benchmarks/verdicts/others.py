"""What other tools decide on the same kernels, from samples taken as they take them.

The sampling follows each tool's defaults, with about a second per pair: pytest-benchmark times
rounds in one process per side, one side after the other; pyperf starts ten processes a side and
keeps three values of each; asv takes ten samples in each of two processes a side, in turns.
The decisions are the tools' own: ``--benchmark-compare-fail=min:2%`` and ``mean:5%``, pyperf's
t test, and asv's Mann-Whitney test with a factor of 1.1. All read the wall clock.
"""

import math
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from kernels import ADAPTER, KERNELS

from bakeoff.program import Value, trace
from bakeoff.worker import Launch, Worker
from bakeoff_worker.program import Program

VALUE_NS = 10_000_000
PYPERF_PROCESSES, PYPERF_VALUES = 10, 3
ASV_PROCESSES, ASV_SAMPLES, ASV_FACTOR = 2, 10, 1.1
PYTEST_ROUNDS = {"about_1us": 5000, "about_50us": 3000, "about_2ms": 100}  # 0.05 to 0.2 s

TOOLS = ("pytest-benchmark min > 2 %", "pytest-benchmark mean > 5 %", "asv", "pyperf")


@dataclass(slots=True)
class Side:
    """Samples of one side of a pair: seconds per call, by how a tool takes them."""

    pytest: list[float] = field(default_factory=list)
    pyperf: list[float] = field(default_factory=list)
    asv: list[float] = field(default_factory=list)


Sides = dict[str, Side]  # by kernel


class Sampler:
    """Starts workers of a backend, and takes samples of every kernel in each."""

    def __init__(self, cpu: int, drifts: bool, scratch: Path) -> None:
        self._cpu, self._drifts, self._scratch = cpu, drifts, scratch

    @contextmanager
    def _worker(self, slower: float) -> Iterator[Worker]:
        file, _, name = ADAPTER.rpartition(":")
        mode = {"slower": slower, "drifts": self._drifts}
        launch = Launch(sys.executable, file, name, mode=mode, cpu=self._cpu)
        with Worker(launch, 60, self._scratch) as worker:
            yield worker

    def values(self, slower: float, count: int) -> dict[str, list[float]]:
        """Return means over blocks of about 10 ms, in a fresh process."""
        found = {}
        with self._worker(slower) as worker:
            for kernel in KERNELS:
                worker.prepare(_program(kernel, 1), {"x": np.zeros(1, np.float32)})
                loops = worker.calibrate(VALUE_NS)
                blocks = [worker.block(loops) for _ in range(count)]
                found[kernel] = [b.wall_ns / loops / 1e9 for b in blocks]
        return found

    def rounds(self, slower: float) -> dict[str, list[float]]:
        """Return times of single rounds, in a fresh process."""
        found = {}
        with self._worker(slower) as worker:
            for kernel, count in PYTEST_ROUNDS.items():
                x = np.zeros(count, np.float32)
                worker.prepare(_program(f"rounds_of_{kernel}", count), {"x": x})
                worker.call()  # the first warms up
                [times], _ = worker.call()
                found[kernel] = [float(t) for t in times]
        return found


def _program(name: str, size: int) -> Program:
    return trace(lambda ops, x: ops.exp(x), [Value("x", (size,), "float32")], name=name)


def sample(sampler: Sampler, slower: float) -> tuple[Sides, Sides]:
    """Take all samples of a pair: a steady side, and one that is slower by so much."""
    sides: tuple[Sides, Sides] = {k: Side() for k in KERNELS}, {k: Side() for k in KERNELS}
    both = list(zip(sides, (0.0, slower), strict=True))
    for side, amount in both:  # one side after the other
        for kernel, times in sampler.rounds(amount).items():
            side[kernel].pytest += times
    for side, amount in both:
        for _ in range(PYPERF_PROCESSES):
            for kernel, times in sampler.values(amount, PYPERF_VALUES).items():
                side[kernel].pyperf += times
    for _ in range(ASV_PROCESSES):  # in turns
        for side, amount in both:
            for kernel, times in sampler.values(amount, ASV_SAMPLES).items():
                side[kernel].asv += times
    return sides


def _pytest_min(a: Side, b: Side) -> bool:
    return abs(math.log(min(b.pytest) / min(a.pytest))) > math.log(1.02)


def _pytest_mean(a: Side, b: Side) -> bool:
    return abs(math.log(statistics.mean(b.pytest) / statistics.mean(a.pytest))) > math.log(1.05)


def _asv(a: Side, b: Side) -> bool:
    from asv._stats import is_different  # the rule of `asv compare`
    from asv_runner.statistics import compute_stats

    (_, stats_a), (_, stats_b) = (compute_stats(s.asv, 1) for s in (a, b))
    ratio = statistics.median(b.asv) / statistics.median(a.asv)
    beyond = not 1 / ASV_FACTOR <= ratio <= ASV_FACTOR
    return beyond and bool(is_different(a.asv, b.asv, stats_a, stats_b))


def _pyperf(a: Side, b: Side) -> bool:
    from pyperf._utils import is_significant  # the rule of `pyperf compare_to`

    return bool(is_significant(a.pyperf, b.pyperf)[0])


RULES: dict[str, Callable[[Side, Side], bool]] = dict(
    zip(TOOLS, (_pytest_min, _pytest_mean, _asv, _pyperf), strict=True)
)


def decide(cpu: int, drifts: bool, slower: float, trials: int) -> dict[str, Counter[str]]:
    """Return per kernel how often each tool says that the sides differ."""
    found: dict[str, Counter[str]] = {k: Counter() for k in KERNELS}
    with tempfile.TemporaryDirectory() as folder:
        sampler = Sampler(cpu, drifts, Path(folder))
        for _ in range(trials):
            a, b = sample(sampler, slower)
            for kernel in KERNELS:
                found[kernel].update(n for n, rule in RULES.items() if rule(a[kernel], b[kernel]))
    return found
