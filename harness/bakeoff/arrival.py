"""When trainings arrive at their target: over seeds, and beside the oracle's own trainings.

How many epochs a training takes depends on its first weights and on the order of its batches, so
that one training says little: a *family* of cases differs in nothing but the seed. Over a family
the mean is taken without the fastest and the slowest, as MLPerf does.

The oracle trains each seed too, in float64. From the spread of its own arrivals follows where
the mean of as many others lies but for chance: a backend whose mean does not learns from what
it should not, or does not do all its steps.

Sources: Mattson et al., MLPerf training benchmark, MLSys 2020, section 3.2.2 (the mean without
the extremes); Tukey and McLaughlin, Sankhyā A 25 (1963) (the interval of a trimmed mean);
Hahn and Meeker, *Statistical Intervals* (1991), section 4.8 (the mean of a future sample).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from bakeoff.case import Case
from bakeoff.record import Record
from bakeoff.student import t_quantile

LEAST_SEEDS = 20  # of the oracle: fewer do not tell its spread
SURE = 0.999  # a page has many cells
WHOLE_EPOCHS = 1 / math.sqrt(12)  # what counting whole epochs spreads an arrival by


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A mean without the extremes, its interval, and how many values it was taken of."""

    mean: float
    low: float
    high: float
    count: int


def trimmed_mean(values: Iterable[float], confidence: float = 0.95) -> Trimmed | None:
    """Return the mean without the smallest and the largest value; None of fewer than five.

    The interval is the t interval of the values whose extremes are drawn in to their
    neighbours (winsorised), with as many degrees of freedom as values are left, less one.

    >>> trimmed_mean([9.0, 2.0, 3.0, 4.0, 3.0]).mean
    3.3333333333333335
    """
    ordered = sorted(values)
    n = len(ordered)
    if n < 5:
        return None
    inner = ordered[1:-1]
    drawn_in = [inner[0], *inner, inner[-1]]
    half = t_quantile(0.5 + confidence / 2, n - 3) * stdev(drawn_in) / ((1 - 2 / n) * math.sqrt(n))
    mean = fmean(inner)
    return Trimmed(mean, mean - half, mean + half, n)


def plausible(epochs: Sequence[float], count: int) -> tuple[float, float]:
    """Return where the geometric mean of ``count`` further arrivals lies with certainty `SURE`.

    ``epochs`` are arrivals that are known to be honest. Logarithms: arrivals are skew.
    """
    logs = [math.log(e) for e in epochs]
    n, middle = len(logs), fmean(logs)
    spread = max(stdev(logs), math.log1p(WHOLE_EPOCHS / math.exp(middle)))
    half = t_quantile(0.5 + SURE / 2, n - 1) * spread * math.sqrt(1 / count + 1 / n)
    return math.exp(middle - half), math.exp(middle + half)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Epochs that a family's trainings took: those of a backend, and those of the oracle.

    A training that did not arrive counts with all the epochs that it was allowed.
    """

    own: tuple[float, ...] = ()
    oracle: tuple[float, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is enough to judge by."""
        return bool(self.own) and len(self.oracle) >= LEAST_SEEDS

    @property
    def range(self) -> tuple[float, float]:
        """Where the geometric mean of the backend's epochs lies but for chance."""
        return plausible(self.oracle, len(self.own))

    @property
    def implausible(self) -> str:
        """Say how the backend's arrivals cannot be; empty if they can."""
        if not self.known:
            return ""
        low, high = self.range
        mean = geometric(self.own)
        if low <= mean <= high:
            return ""
        return (
            f"learns too {'fast' if mean < low else 'slowly'}: {mean:.3g} epochs to the target, "
            f"over {len(self.own)} seeds, where float64 takes {geometric(self.oracle):.3g}, and "
            f"chance leaves {low:.3g} to {high:.3g}"
        )


def geometric(values: Sequence[float]) -> float:
    """Return the geometric mean of positive values."""
    return math.exp(fmean(math.log(v) for v in values))


Family = tuple[str, tuple[tuple[str, str | int | float], ...]]


def family(case: Case) -> Family | None:
    """Return what a case shares with those that differ in the seed only; None if it has no such."""
    if case.fit is None or "seed" not in case.tags:
        return None
    return case.suite, tuple(sorted((k, v) for k, v in case.tags.items() if k != "seed"))


def families(cases: Iterable[Case]) -> Mapping[Family, tuple[str, ...]]:
    """Return the ids of the cases of each family, in the order of the plan."""
    found: dict[Family, list[str]] = {}
    for case in cases:
        key = family(case)
        if key is not None:
            found.setdefault(key, []).append(case.id)
    return {key: tuple(ids) for key, ids in found.items()}


def epochs(records: Sequence[Record]) -> float | None:
    """Return the epochs of a cell's training in its first round; None if it did not train."""
    return next((r.figures["epochs"] for r in records if r.figures.get("epochs")), None)


def oracle_epochs(records: Sequence[Record]) -> float | None:
    """Return the epochs that the oracle took beside a cell, if it was asked."""
    return next((float(len(s)) for r in records if (s := r.series.get("oracle_losses"))), None)
