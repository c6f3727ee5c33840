"""What bakeoff decides on trials cut from a bank of rounds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bank import Bank, Times

from bakeoff import statistics
from bakeoff.statistics import Verdict
from bakeoff.stopping import LEAST_ROUNDS, narrow_enough

ROUNDS = 10  # of a trial
MOST_ROUNDS = 60  # of a sequential one

EQUAL = ((("a", 0), ("a", 1)), (("c", 0), ("d", 0)))
SLOWER = {"+2 %": ((("a", 0), ("slower-2", 0)),), "+5 %": ((("c", 0), ("slower-5", 0)),)}

Pairs = tuple[tuple[tuple[str, int], tuple[str, int]], ...]


@dataclass(frozen=True)
class Count:
    """How many of how many."""

    found: int
    of: int

    def __str__(self) -> str:
        return f"{self.found}/{self.of} ({100 * self.found / self.of:.1f} %)" if self.of else "–"


def logs(times: Times, pairs: Pairs) -> Iterator[list[float]]:
    """Yield the log ratios, by round, of each pair of seats."""
    for base, new in pairs:
        yield [math.log(n / b) for b, n in zip(times[base], times[new], strict=True)]


def trials(times: Times, pairs: Pairs, rounds: int = ROUNDS) -> Iterator[list[float]]:
    """Yield disjoint runs of rounds."""
    for values in logs(times, pairs):
        rest = iter(values)
        while len(trial := list(islice(rest, rounds))) == rounds:
            yield trial


def differing(bank: Bank, kernel: str, pairs: Pairs) -> Count:
    """Count the trials whose interval excludes 1."""
    found = [statistics.interval(t) for t in trials(bank.times[kernel], pairs)]
    return Count(sum(i is not None and not i.low <= 1 <= i.high for i in found), len(found))


def claimed(bank: Bank, kernel: str, pairs: Pairs) -> Count:
    """Count the trials of which `faster` or `slower` is said, at the minimum effect of 2 %."""
    said = [statistics.verdict(statistics.interval(t)) for t in trials(bank.times[kernel], pairs)]
    return Count(sum(v in (Verdict.FASTER, Verdict.SLOWER) for v in said), len(said))


@dataclass(frozen=True)
class Sequential:
    """Trials that add rounds until the interval is narrow.

    Attributes
    ----------
    rounds
        Median number needed.
    held
        How many intervals hold the truth.
    measuring_s, all_s
        Median seconds of timed blocks of a pair, and with the starting of its workers.
    """

    rounds: int
    held: Count
    measuring_s: float
    all_s: float


def sequential(bank: Bank, kernel: str, half_width: float) -> Sequential | None:
    """Run trials of equals one after the other until each is narrow; None if none came to it."""
    needed: list[int] = []
    held = 0
    for values in logs(bank.times[kernel], EQUAL):
        for trial in _narrow(values, half_width):
            found = statistics.interval(trial)
            assert found is not None
            needed.append(len(trial))
            held += found.low <= 1 <= found.high
    if not needed:
        return None
    middle = sorted(needed)[len(needed) // 2]
    measuring = 2 * middle * bank.block_s[kernel]
    return Sequential(
        middle, Count(held, len(needed)), measuring, measuring + 2 * middle * bank.start_s
    )


def _narrow(values: Sequence[float], half_width: float) -> Iterator[list[float]]:
    trial: dict[int, float] = {}
    for value in values:
        trial[len(trial)] = value
        if narrow_enough(trial, half_width, LEAST_ROUNDS) or len(trial) == MOST_ROUNDS:
            yield list(trial.values())
            trial = {}


def spread(bank: Bank, kernel: str) -> float:
    """Return the standard deviation of log ratios of equal processes."""
    pooled = [v for values in logs(bank.times[kernel], EQUAL) for v in values]
    return math.sqrt(math.fsum(v * v for v in pooled) / len(pooled))
