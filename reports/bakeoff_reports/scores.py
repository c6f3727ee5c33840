"""Scores from weights: pure functions from columns of values to points, places and their spread.

A column holds one value per toolkit, turned so that more is better. A method makes points of a
column; a toolkit's score is the mean of its points, weighted by column. Points depend on no
weight, so that a page can weigh them again by itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Column = Sequence[float | None]  # None: not known
Points = list[float]

DRAWS, SEED = 10_000, 0
ALIKE = 9  # decimals to which scores must agree to share a place: beyond them rounding begins


def directed(
    values: Column, better: Literal["higher", "lower"], log: bool = False
) -> list[float | None]:
    """Return values of which more is better; what is not finite is not known.

    Times, sizes and ratios go by their logarithm: twice as slow lies as far from 1 as twice
    as fast.
    """
    sign = 1.0 if better == "higher" else -1.0
    return [
        sign * (math.log(v) if log else v)
        if v is not None and math.isfinite(v) and not (log and v <= 0)
        else None
        for v in values
    ]


def power_points(column: Column) -> Points:
    """Return 0 for the least value to 100 for the greatest; 0 where none is known.

    Where all that are known are alike, each has 100.

    Source: J. Hale, Deep Learning Framework Power Scores 2018 (September 2018), which scales
    each category to 0..1 by its least and greatest value, weighs, sums and multiplies by 100.
    """
    known = [v for v in column if v is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if high == low:
        return [0.0 if v is None else 100.0 for v in column]
    return [0.0 if v is None else 100 * (v - low) / (high - low) for v in column]


def z_points(column: Column) -> Points:
    """Return how many standard deviations a value lies above the mean of those known.

    One that is not known counts as the least of those that are. The deviation is that of the
    population. Where all are alike, each has 0.

    Source: R. Allen and M. Li, Ranking Popular Deep Learning Libraries for Data Science
    (The Data Incubator, 2017), which standardises each count to mean 0 and deviation 1.
    """
    known = [v for v in column if v is not None]
    if not known:
        return [0.0] * len(column)
    mean = sum(known) / len(known)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in known) / len(known))
    if deviation <= 1e-12 * max(map(abs, known)):  # alike, but for rounding
        return [0.0] * len(column)
    return [((min(known) if v is None else v) - mean) / deviation for v in column]


def rank_points(column: Column) -> Points:
    """Return the percentage of the others that a value beats, of those alike one half each.

    One that is not known is beaten by each that is, and alike to others not known. This is
    Borda's count, scaled: it heeds the order alone, and no distance.
    """
    keys = [-math.inf if v is None else v for v in column]
    others = max(len(keys) - 1, 1)
    return [100 * (sum(k < key for k in keys) + (keys.count(key) - 1) / 2) / others for key in keys]


@dataclass(frozen=True, slots=True)
class Method:
    """A named way from a column's values to points."""

    name: str
    title: str
    explanation: str
    points: Callable[[Column], Points]
    decimals: int


METHODS = (
    Method(
        "power",
        "Power score, as of 2018",
        "Each column runs from 0 for its worst value to 100 for its best, however close they "
        "lie; a value that is missing has 0. The method of the Deep Learning Framework Power "
        "Scores 2018 (Jeff Hale), here on what was measured.",
        power_points,
        1,
    ),
    Method(
        "z",
        "z-score",
        "Each column in standard deviations above its mean; a value that is missing counts as "
        "the worst of its column. So The Data Incubator ranked libraries in 2017.",
        z_points,
        2,
    ),
    Method(
        "rank",
        "Mean rank",
        "In each column, the percentage of the other backends that one is better than, ties one "
        "half; a value that is missing stands last. It heeds no distance, only the order.",
        rank_points,
        1,
    ),
)


def scores(points: Sequence[Points], weights: Sequence[float]) -> list[float]:
    """Return the weighted mean over columns for each toolkit; 0 if no column weighs anything.

    Parameters
    ----------
    points
        By column, then by toolkit.
    """
    total = sum(weights)
    count = len(points[0]) if points else 0
    if not total:
        return [0.0] * count
    return [
        sum(w * column[i] for w, column in zip(weights, points, strict=True)) / total
        for i in range(count)
    ]


def places(found: Sequence[float]) -> list[int]:
    """Return each score's place, 1 for the greatest; scores that are alike share the better."""
    keys = [round(score, ALIKE) for score in found]
    return [1 + sum(other > key for other in keys) for key in keys]


def stability(
    points: Sequence[Points], draws: int = DRAWS, seed: int = SEED
) -> NDArray[np.float64]:
    """Return in what share of random weightings a toolkit (row) takes each place (column).

    Weights are drawn evenly from all that sum to 1 (Dirichlet with every parameter 1).
    """
    table = np.array(points, dtype=float)  # (criteria, toolkits)
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(table)), draws)
    drawn = np.round(weights @ table, ALIKE)  # (draws, toolkits)
    count = table.shape[1]
    shares = np.empty((count, count))
    for toolkit in range(count):
        place = (drawn > drawn[:, toolkit, None]).sum(axis=1)  # 0 is the first
        shares[toolkit] = np.bincount(place, minlength=count) / draws
    return shares
