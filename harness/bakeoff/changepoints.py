"""Where a series changed its level. Pure functions; no array library, no state.

A series has one value per run: a mean log ratio, with the standard error that the process
rounds *within* the run give. Runs differ by more than that (another day, another layout of
memory), so that the noise is read off the scatter of the runs about their level, and the
errors within are its floor and its weights. It is tested whether one level fits the whole
series, against one step, and against a stretch of another level, which a single step would
miss: a slow-down that was mended. Of both the best place is tested, with Student's t for the
scatter left, times the number of places there were (Bonferroni). What is found is tested
again in each of its parts.

Under no change the chance of any claim in a series is at most the level, whatever the
spread of its runs; it is not where runs drift, or hang together over time.

Sources: Page, Biometrika 42 (1955) (tests for a change of level); Olshen, Venkatraman, Lucito
& Wigler, Biostatistics 5 (2004) (circular binary segmentation: stretches beside steps); Birge,
Physical Review 40 (1932) (errors are raised to the scatter, and never lowered to it); Student
and Holm as in `bakeoff.statistics`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import fsum, inf, isfinite, log1p, sqrt

from bakeoff.statistics import MINIMUM_EFFECT, Contrast
from bakeoff.student import t_cdf


@dataclass(frozen=True, slots=True)
class Point:
    """One run's value: a mean of logs, its standard error, the process rounds behind it.

    The error of a single round is infinite: it says nothing of its spread.
    """

    value: float
    error: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Split:
    """The likeliest change in a series: the indices at which a new level begins."""

    p_value: float
    cuts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level: from ``index`` on; the contrast is after − before, in logs.

    Its interval is that of the two levels beside it; it does not know that their border was
    searched for.
    """

    index: int
    contrast: Contrast


def split(points: Sequence[Point]) -> Split:
    """Return the likeliest change of a series, and how likely none at all would look like it.

    Fewer than four runs show no scatter about two levels to speak of: the p value is then 1.
    """
    if len(points) < 4:
        return Split(1.0, ())
    sums = _Sums(points)
    found = [
        _best(sums, cuts) for cuts in (list(_steps(len(points))), list(_stretches(len(points))))
    ]
    best = min(found, key=lambda s: s.p_value)
    return Split(min(1.0, len(found) * best.p_value), best.cuts)


def changes(
    points: Sequence[Point], level: float, minimum_effect: float = MINIMUM_EFFECT
) -> list[Change]:
    """Return the changes of a series, in order.

    Parameters
    ----------
    points
        In order of time.
    level
        Largest p value of a `split` that is believed: adjusted for the family, if this is
        one series of many.
    minimum_effect
        Changes that are estimated to be smaller, either way, are none.
    """
    cuts = sorted(_cuts(points, 0, level))
    while cuts:
        borders = [0, *cuts, len(points)]
        found = [
            Change(cut, contrast(points[borders[n]:cut], points[cut:borders[n + 2]]))
            for n, cut in enumerate(cuts)
        ]  # fmt: skip
        weakest = min(found, key=lambda c: abs(c.contrast.mean))
        if abs(weakest.contrast.mean) >= log1p(minimum_effect):
            return found
        cuts.remove(weakest.index)  # its two levels are one, and its neighbours' contrasts new
    return []


def contrast(before: Sequence[Point], after: Sequence[Point]) -> Contrast:
    """Return the difference of two levels, after − before, with the scatter about them."""
    points = (*before, *after)
    sums, cut, n = _Sums(points), len(before), len(points)
    mean = sums.mean(cut, n) - sums.mean(0, cut)
    rounds = min(sum(p.rounds for p in side) for side in (before, after))
    if n < 3:
        return Contrast(mean, inf, 0.0, rounds)
    spread = max(sums.floor, sums.scatter((cut,)) / (n - 2))
    error = sqrt(spread * (1 / sums.weight(0, cut) + 1 / sums.weight(cut, n)))
    return Contrast(mean, error, n - 2, rounds)


def _cuts(points: Sequence[Point], start: int, level: float) -> Iterator[int]:
    best = split(points)
    if not best.cuts or best.p_value > level:
        return
    yield from (start + cut for cut in best.cuts)
    for low, high in zip((0, *best.cuts), (*best.cuts, len(points)), strict=True):
        yield from _cuts(points[low:high], start + low, level)


def _steps(n: int) -> Iterator[tuple[int, ...]]:
    return ((cut,) for cut in range(1, n))


def _stretches(n: int) -> Iterator[tuple[int, ...]]:
    """Stretches inside a series; what touches an end is a step. One run alone is no level."""
    return ((low, high) for low in range(1, n - 2) for high in range(low + 2, n))


def _best(sums: "_Sums", places: Sequence[tuple[int, ...]]) -> Split:
    """Return the place that leaves the least scatter, its p value times the number of places."""
    if not places:
        return Split(1.0, ())
    gain, cuts = max((sums.gain(cuts), cuts) for cuts in places)
    df = sums.n - 2
    spread = max(sums.floor, (sums.scatter(()) - gain) / df)
    if gain <= 0 or spread <= 0:
        return Split(0.0 if gain > 0 else 1.0, cuts)
    return Split(min(1.0, len(places) * 2 * t_cdf(-sqrt(gain / spread), df)), cuts)


class _Sums:
    """Running sums of a series, from which weights and means of its parts are had at once.

    Weights are 1/(the variance of a run by its rounds + that between runs). The latter is read
    off the scatter about one level (DerSimonian & Laird, Controlled Clinical Trials 7 (1986)).
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self.n = len(points)
        raw, own = [p.value for p in points], _variances(points)
        between = _between(raw, own)
        weights = [1 / (v + between) if v + between else 1.0 for v in own]
        centre = _mean(raw, weights)
        values = [v - centre for v in raw]  # so that squares lose no digits
        # What the rounds alone lead to expect of the scatter, in units of the weights.
        self.floor = fsum(w * v for w, v in zip(weights, own, strict=True)) / self.n
        self._weights = [0.0, *accumulate(weights)]
        self._sums = [0.0, *accumulate(w * v for w, v in zip(weights, values, strict=True))]
        self._squares = fsum(w * v * v for w, v in zip(weights, values, strict=True))

    def weight(self, low: int, high: int) -> float:
        return self._weights[high] - self._weights[low]

    def mean(self, low: int, high: int) -> float:
        """Return a part's level, less the centre of the series."""
        return (self._sums[high] - self._sums[low]) / self.weight(low, high)

    def gain(self, cuts: tuple[int, ...]) -> float:
        """Return by how much a step, or a stretch, lessens the scatter about one level.

        With weights W and 1 − W of the two parts, and their weighted sums S and −S about the
        common centre: S²/W + S²/(1 − W).
        """
        low, high = cuts if len(cuts) == 2 else (0, cuts[0])
        inside = self.weight(low, high)
        outside = self._weights[-1] - inside
        return float((self._sums[high] - self._sums[low]) ** 2 * (1 / inside + 1 / outside))

    def scatter(self, cuts: tuple[int, ...]) -> float:
        """Return the weighted squares about one level, or about the two of a change."""
        return max(0.0, self._squares - (self.gain(cuts) if cuts else 0.0))


def _variances(points: Sequence[Point]) -> list[float]:
    """Return the variance of each run by its rounds; zeros if no run has several.

    It is the run's own, or what its number of rounds leads to expect from the spread in all
    runs, whichever is larger: one that is small by chance, as those of few rounds often are,
    must not give a run more weight.
    """
    known = [p for p in points if p.rounds > 1 and isfinite(p.error)]
    degrees = sum(p.rounds - 1 for p in known)
    if not degrees:
        return [0.0] * len(points)
    of_a_round = fsum((p.rounds - 1) * p.rounds * p.error**2 for p in known) / degrees
    return [max(p.error**2 if p in known else 0.0, of_a_round / p.rounds) for p in points]


def _between(values: Sequence[float], variances: Sequence[float]) -> float:
    """Return the variance between runs beyond that of each, as far as it shows."""
    if not all(variances):
        return 0.0
    weights = [1 / v for v in variances]
    centre, total = _mean(values, weights), fsum(weights)
    scatter = fsum(w * (v - centre) ** 2 for w, v in zip(weights, values, strict=True))
    excess = scatter - (len(values) - 1)
    return max(0.0, excess / (total - fsum(w * w for w in weights) / total))


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return fsum(w * v for w, v in zip(weights, values, strict=True)) / fsum(weights)
