"""Statistics of groups by column: what `bakeoff.statistics` says, over arrays of groups."""

import math
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from bakeoff import statistics
from bakeoff.statistics import Aggregate, Interval

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


class Moments(NamedTuple):
    """Per group how many rounds it has, the mean over them, and its standard error s/√n."""

    rounds: Ints
    mean: Floats
    error: Floats


def moments(group: Ints, values: Floats, size: int) -> Moments:
    """Return the moments of each of ``size`` groups; the error of one value is infinite."""
    count = np.bincount(group, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, values, minlength=size) / count
        squares = np.bincount(group, (values - mean[group]) ** 2, minlength=size)
        error = np.where(count > 1, np.sqrt(squares / (count - 1) / count), math.inf)
    return Moments(count, mean, error)


def medians(group: Ints, values: Floats, size: int) -> Floats:
    """Return each group's median; NaN of an empty one."""
    order = np.lexsort((values, group))
    count = np.bincount(group, minlength=size)
    start = np.cumsum(count) - count
    found = np.full(size, math.nan)
    some = count > 0
    low, high = start + (count - 1) // 2, start + count // 2
    ordered = values[order]
    found[some] = (ordered[low[some]] + ordered[high[some]]) / 2
    return found


def greatest(group: Ints, values: Floats, size: int) -> Floats:
    """Return each group's greatest value, NaN if it has none but NaN."""
    found = np.full(size, -math.inf)
    known = ~np.isnan(values)
    np.maximum.at(found, group[known], values[known])
    return np.where(found == -math.inf, math.nan, found)


def aggregate(case: Ints, turn: Ints, logs: Floats, total: int) -> Aggregate:
    """Return the geometric mean over cases, from the rounds that hold every case."""
    if not len(logs):
        return Aggregate(Interval(math.nan, 0.0, math.inf, 0), 0, total)
    _, number, per_case = np.unique(case, return_inverse=True, return_counts=True)
    covered = len(per_case)
    whole = np.bincount(turn) == covered
    means = np.bincount(turn, logs)[whole] / covered
    found = statistics.interval(means.tolist())
    if found is None:
        centre = float(np.mean(np.bincount(number, logs) / per_case))
        found = Interval(math.exp(centre), 0.0, math.inf, 0)
    return Aggregate(found, covered, total)
