"""McNemar's test: are two trained models differently good, or is it chance?

Both models have answered the same rows. Rows that both got right, or both wrong, tell nothing
of a difference; what counts are the rows that exactly one of them got right. If the models are
equally good, such a row falls to either with probability 1/2.

Sources: McNemar, Psychometrika 12 (1947), 153-157; Edwards, Psychometrika 13 (1948), 185-187 (the
continuity correction); Newcombe, Statistics in Medicine 17 (1998), 2635-2650, method 10 (the
difference of paired proportions); Clopper and Pearson, Biometrika 26 (1934), 404-413; Holm,
Scandinavian Journal of Statistics 6 (1979), 65-70 (many pairs at once).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar

from bakeoff.errors import UsageError
from bakeoff.statistics import CONFIDENCE, holm
from bakeoff.student import beta_quantile

K = TypeVar("K")

EXACT_BELOW = 25  # discordant rows: below, the χ² approximation is too coarse
CRITICAL_VALUES = {0.90: 2.706, 0.95: 3.841, 0.99: 6.635}  # of χ² with one degree of freedom
_NORMAL_97_5 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows which model got right: the lecture's A, B, C and D."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def rows(self) -> int:
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def discordant(self) -> int:
        """Rows that exactly one model got right: B + C."""
        return self.first_only + self.second_only


@dataclass(frozen=True, slots=True)
class Effect:
    """The size of a difference, with its interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class McNemar:
    """A test of two models.

    Attributes
    ----------
    counts
        What it rests on.
    statistic
        (|B − C| − 1)²/(B + C); 0 if the models never differ.
    p_value
        That equally good models differ by so much or more; adjusted if `together` gave it.
    exact
        Whether the p value is of the binomial distribution, and not of χ².
    """

    counts: Counts
    statistic: float
    p_value: float
    exact: bool

    @property
    def difference(self) -> Effect:
        """Of the accuracies, first − second."""
        return difference(self.counts)

    @property
    def odds(self) -> Effect:
        """B/C: how often the first is the one that is right, where just one is."""
        return odds_ratio(self.counts)

    def differ(self, confidence: float = CONFIDENCE) -> bool:
        """Return whether "the models are equally good" is rejected."""
        return self.p_value < 1 - confidence


def right(predictions: Sequence[object], labels: Sequence[object]) -> tuple[bool, ...]:
    """Return which rows a model got right.

    Raises
    ------
    UsageError
        If there are not as many predictions as labels.
    """
    if len(predictions) != len(labels):
        raise UsageError(
            f"mcnemar: {len(predictions)} predictions, expected {len(labels)}, one for each label; "
            "give the predictions of all models on the same rows, in the order of the labels"
        )
    return tuple(p == label for p, label in zip(predictions, labels, strict=True))


def count(first: Sequence[bool], second: Sequence[bool]) -> Counts:
    """Count over rows which of two models was `right`.

    >>> count((True, True, False), (True, False, False))
    Counts(both=1, first_only=1, second_only=0, neither=1)
    """
    rows = list(zip(first, second, strict=True))
    found = (rows.count(cell) for cell in ((True, True), (True, False), (False, True)))
    both, first_only, second_only = found
    return Counts(both, first_only, second_only, len(rows) - both - first_only - second_only)


def mcnemar(counts: Counts) -> McNemar:
    """Return McNemar's test: exact below 25 discordant rows, else χ² with continuity correction.

    >>> mcnemar(Counts(4, 2, 2, 1)).statistic
    0.25
    """
    statistic, exact = chi_squared(counts), counts.discordant < EXACT_BELOW
    p_value = exact_p_value(counts) if exact else math.erfc(math.sqrt(statistic / 2))
    return McNemar(counts, statistic, p_value, exact)


def chi_squared(counts: Counts) -> float:
    """Return Edwards' statistic, (|B − C| − 1)²/(B + C); 0 without discordant rows."""
    if not counts.discordant:
        return 0.0
    apart = abs(counts.first_only - counts.second_only)
    return (apart - 1) ** 2 / counts.discordant


def exact_p_value(counts: Counts) -> float:
    """Return the chance that fair coins are as uneven as B and C, or more so."""
    n, fewer = counts.discordant, min(counts.first_only, counts.second_only)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, math.ldexp(tail, 1 - n))


def difference(counts: Counts) -> Effect:
    """Return the difference of accuracies, with Newcombe's interval for paired proportions.

    Wilson's intervals of the two accuracies are put together with the correlation φ of the
    models' answers (its numerator corrected for continuity); the interval keeps within ±1 and
    holds where counts are small or zero.
    """
    n = counts.rows
    if not n:
        raise UsageError("mcnemar: no rows, expected at least one; give predictions and labels")
    p1, p2 = (counts.both + counts.first_only) / n, (counts.both + counts.second_only) / n
    (low1, high1), (low2, high2) = _wilson(p1, n), _wilson(p2, n)
    phi, value = _correlation(counts), (counts.first_only - counts.second_only) / n
    below, above = (
        math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))
        for a, b in ((p1 - low1, high2 - p2), (high1 - p1, p2 - low2))
    )
    return Effect(value, value - below, value + above)


def _wilson(p: float, n: int) -> tuple[float, float]:
    """Return Wilson's interval of a proportion (JASA 22, 1927)."""
    z2 = _NORMAL_97_5**2
    centre = p + z2 / (2 * n)
    half = _NORMAL_97_5 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low, high = (centre - half) / (1 + z2 / n), (centre + half) / (1 + z2 / n)
    return min(low, p), max(high, p)  # at p = 0 and 1 they are equal but for rounding


def _correlation(counts: Counts) -> float:
    a, b, c, d = counts.both, counts.first_only, counts.second_only, counts.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if not margins:
        return 0.0
    cross = float(a * d - b * c)
    if cross > 0:
        cross = max(0.0, cross - counts.rows / 2)
    return cross / math.sqrt(margins)


def odds_ratio(counts: Counts) -> Effect:
    """Return B/C; its interval is Clopper and Pearson's of B/(B + C), as odds.

    It leaves 1 out exactly where the exact test rejects. NaN without discordant rows, of which
    any odds may be the cause.
    """
    b, c, tail = counts.first_only, counts.second_only, (1 - CONFIDENCE) / 2
    low = beta_quantile(tail, b, c + 1) if b else 0.0
    high = beta_quantile(1 - tail, b + 1, c) if c else 1.0
    value = math.nan if not b + c else b / c if c else math.inf
    return Effect(value, low / (1 - low), high / (1 - high) if high < 1 else math.inf)


def every_pair(models: Mapping[K, Sequence[bool]]) -> dict[tuple[K, K], McNemar]:
    """Test every pair of models on the same rows, in order; p values are not adjusted."""
    pairs = combinations(models, 2)
    return {(a, b): mcnemar(count(models[a], models[b])) for a, b in pairs}


def together(found: Mapping[K, McNemar]) -> dict[K, McNemar]:
    """Adjust the p values of a family of tests (Holm).

    The chance that any two models of the family are called different without being so is then
    at most 5 %.
    """
    adjusted = holm([test.p_value for test in found.values()])
    return {
        key: replace(test, p_value=p)
        for (key, test), p in zip(found.items(), adjusted, strict=True)
    }
