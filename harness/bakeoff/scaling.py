"""Cost against size: families of cases that differ in one size, and the exponent of their time.

Where time grows as a power of the size, log t is a straight line over log n, and its slope the
exponent. Small sizes cost what a call costs, so that a slope over all sizes lies below that of the
arithmetic; the slope between the two largest says where it leads. As everywhere, the sample is the
process round: each gives a slope, by least squares, and the t interval is over rounds.

Source: Draper and Smith, Applied Regression Analysis (1998), chapter 1 (least squares).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bakeoff import cost
from bakeoff.case import Case
from bakeoff.statistics import CONFIDENCE, paired
from bakeoff.student import t_quantile

Tags = tuple[tuple[str, str | int | float], ...]

SIZES = ("n", "batch")  # the tags that hold a size, the first that a case has
LEAST_SIZES = 4  # of a family: three points lie on a line too easily
LARGEST = 2  # sizes that the slope at the end is taken between


@dataclass(frozen=True, slots=True)
class Family:
    """Cases that are alike but for a size.

    Attributes
    ----------
    suite, size
        The suite, and the tag that holds the size.
    tags
        Those that all have in common.
    cases
        By size, from small to large.
    """

    suite: str
    size: str
    tags: Mapping[str, str | int | float]
    cases: Mapping[float, Case]

    @property
    def flops(self) -> dict[float, float]:
        """Floating-point operations by size, as `bakeoff.cost` counts them."""
        return {n: float(cost.flops(case.program)) for n, case in self.cases.items()}


@dataclass(frozen=True, slots=True)
class Exponent:
    """A slope of log time over log size; a single round leaves it without bounds."""

    value: float
    low: float
    high: float
    rounds: int


def families(cases: Iterable[Case]) -> list[Family]:
    """Return the families of at least `LEAST_SIZES` sizes, in the order of their first cases."""
    found: dict[tuple[str, str, Tags], dict[float, Case]] = defaultdict(dict)
    for case in cases:
        size = next((tag for tag in SIZES if tag in case.tags), None)
        if size is not None and case.timed:
            rest = tuple(sorted((k, v) for k, v in case.tags.items() if k != size))
            found[case.suite, size, rest].setdefault(float(case.tags[size]), case)
    return [
        Family(suite, size, dict(rest), dict(sorted(by_size.items())))
        for (suite, size, rest), by_size in found.items()
        if len(by_size) >= LEAST_SIZES
    ]


def slope(points: Mapping[float, float]) -> float:
    """Return the least-squares slope of log values over log sizes.

    >>> round(slope({1.0: 5.0, 2.0: 40.0, 4.0: 320.0}), 12)
    3.0
    """
    xs = [math.log(n) for n in points]
    ys = [math.log(value) for value in points.values()]
    x, y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    across = math.fsum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True))
    return across / math.fsum((a - x) ** 2 for a in xs)


def exponent(
    times: Mapping[float, Mapping[int, float]], confidence: float = CONFIDENCE
) -> Exponent | None:
    """Return the exponent of times, by size and process round.

    Only rounds that hold every size count. None if there is none, or fewer than two sizes.
    """
    if len(times) < LARGEST:
        return None
    whole = sorted(set.intersection(*(set(by_round) for by_round in times.values())))
    slopes = [slope({n: by_round[r] for n, by_round in times.items()}) for r in whole]
    found = paired(slopes)
    if found is None:
        return None
    if not found.df:
        return Exponent(found.mean, -math.inf, math.inf, found.rounds)
    half = t_quantile((1 + confidence) / 2, found.df) * found.error
    return Exponent(found.mean, found.mean - half, found.mean + half, found.rounds)


def largest(sizes: Sequence[float] | Mapping[float, object]) -> list[float]:
    """Return the sizes that the slope at the end is taken between."""
    return sorted(sizes)[-LARGEST:]
