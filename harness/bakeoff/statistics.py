"""From timed blocks to verdicts. Pure functions; no array library, no state.

The sampling unit is the *process round*. Two identical worker processes differ by
0.6 to 4.6 % (memory layout, addresses, hash seeds), far more than the sampling noise
inside one process, so that thousands of samples of one process pair tell nothing about
the next pair. Each round starts fresh workers, gives one number per cell (the median
block), and one log ratio per pair of cells; intervals are taken over rounds.

Sources: Kalibera & Jones, Rigorous benchmarking in reasonable time, ISMM 2013 (the
levels at which to repeat); Student, The probable error of a mean, Biometrika 6 (1908);
Fleming & Wallace, How not to lie with statistics, CACM 29 (1986) (geometric means);
Lakens, Equivalence testing, AMPPS 1 (2018) (verdicts with a smallest effect of interest);
Welch, Biometrika 34 (1947), and Satterthwaite, Biometrics Bulletin 2 (1946) (two samples of
unlike spread); Holm, Scandinavian Journal of Statistics 6 (1979) (many claims at once).
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from bakeoff.record import Block, Outcome, Record
from bakeoff.student import t_cdf, t_quantile

Clock = Literal["cpu", "wall", "device"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)

MINIMUM_EFFECT = 0.02
CONFIDENCE = 0.95


class Verdict(StrEnum):
    """What can be said of one backend's time against another's."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Interval:
    """A ratio of times with its confidence interval, and the rounds it rests on.

    A single round says nothing about the spread: then the interval is (0, inf).
    """

    ratio: float
    low: float
    high: float
    rounds: int
    confidence: float = CONFIDENCE

    @property
    def half_width(self) -> float:
        """Half the interval's width on the log scale: about the relative uncertainty."""
        if self.low <= 0 or math.isinf(self.high):
            return math.inf
        return 0.5 * math.log(self.high / self.low)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A geometric mean of ratios over cases, and how much of the plan it covers."""

    interval: Interval
    covered: int
    total: int


def block_ns(block: Block, clock: Clock) -> float | None:
    """Return a block's time on a clock; None on a device's clock if it has no events."""
    if clock == "device":
        return block.device_ns
    return block.cpu_ns if clock == "cpu" else block.wall_ns


def per_call_ns(blocks: Sequence[Block], clock: Clock) -> float:
    """Return the median over blocks of the time per call, in nanoseconds.

    The median: a mean is moved by every pre-emption, a minimum by every lucky block.

    Raises
    ------
    ValueError
        If no block has a time on the clock.
    """
    times = [ns / b.loops for b in blocks if (ns := block_ns(b, clock)) is not None]
    if not times:
        lack = f"no block has {clock} time" if blocks else "no blocks"
        raise ValueError(f"per_call_ns: {lack}; a cell that was not timed has no time")
    return statistics.median(times)


def round_times(records: Iterable[Record], clock: Clock) -> dict[int, float]:
    """Return the time per call by process round, of the rounds that have the clock.

    Rounds in which the machine was too busy are left out, if there are better ones.
    """
    found = [r for r in records if any(block_ns(b, clock) is not None for b in r.blocks)]
    calm = [r for r in found if r.outcome is not Outcome.CONTENDED]
    return {r.round: per_call_ns(r.blocks, clock) for r in calm or found}


def log_ratios(times: Mapping[int, float], reference: Mapping[int, float]) -> dict[int, float]:
    """Return ln(time/reference) per process round that both sides completed.

    Parameters
    ----------
    times, reference
        Time per call by process round, in one unit.
    """
    return {
        r: math.log(times[r] / reference[r])
        for r in sorted(times.keys() & reference.keys())
        if times[r] > 0 and reference[r] > 0
    }


@dataclass(frozen=True, slots=True)
class Contrast:
    """A mean log ratio of times, new over base, and how well it is known.

    Attributes
    ----------
    mean, error
        The mean and its standard error.
    df
        Degrees of freedom; 0 for a single round, which says nothing of the spread.
    rounds
        That it rests on.
    """

    mean: float
    error: float
    df: float
    rounds: int

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Return the t interval of the ratio: exp(mean ± t_{(1+c)/2, df} · error)."""
        if not self.df:
            return Interval(math.exp(self.mean), 0.0, math.inf, self.rounds, confidence)
        half = t_quantile((1 + confidence) / 2, self.df) * self.error
        low, high = math.exp(self.mean - half), math.exp(self.mean + half)
        return Interval(math.exp(self.mean), low, high, self.rounds, confidence)

    def p_value(self, minimum_effect: float = MINIMUM_EFFECT) -> float:
        """Return the p value of "new and base differ by no more than the minimum effect".

        Twice the smaller of the one-sided values against +ln(1 + e) and −ln(1 + e), so that
        it lies below 1 − c exactly if the interval of confidence c lies beyond the effect.
        """
        beyond = abs(self.mean) - math.log1p(minimum_effect)
        if not self.df:
            return 1.0
        if self.error == 0:
            return 0.0 if beyond > 0 else 1.0
        return min(1.0, 2 * t_cdf(-beyond / self.error, self.df))


def paired(logs: Iterable[float]) -> Contrast | None:
    """Return the mean of log ratios, one per process round; None without any.

    Its standard error is s/√n, with s the standard deviation of the n log ratios.
    """
    values = list(logs)
    n = len(values)
    if n == 0:
        return None
    mean = math.fsum(values) / n
    if n == 1:
        return Contrast(mean, math.inf, 0.0, 1)
    error = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)
    return Contrast(mean, error, n - 1, n)


def interval(logs: Iterable[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Return the t interval of the ratio whose logs per round are given; None without any."""
    found = paired(logs)
    return found.interval(confidence) if found else None


def welch(base: Sequence[float], new: Sequence[float]) -> Contrast | None:
    """Return new − base of two samples whose rounds do not pair; None if one is empty.

    Welch's standard error, and degrees of freedom by Satterthwaite; the rounds are those of
    the side that has fewer.
    """
    if not base or not new:
        return None
    rounds = min(len(base), len(new))
    mean = math.fsum(new) / len(new) - math.fsum(base) / len(base)
    if rounds == 1:
        return Contrast(mean, math.inf, 0.0, 1)
    shares = [statistics.variance(side) / len(side) for side in (base, new)]
    if not any(shares):
        return Contrast(mean, 0.0, len(base) + len(new) - 2, rounds)
    # As parts of the larger share: the squares of small variances would underflow.
    a, b = (share / max(shares) for share in shares)
    df = (a + b) ** 2 / (a**2 / (len(base) - 1) + b**2 / (len(new) - 1))
    return Contrast(mean, math.sqrt(math.fsum(shares)), df, rounds)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values adjusted for being many, in the order given.

    With claims only where the adjusted value is below α, the chance that any claim of the
    family is false is at most α, however the values depend on each other.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def verdict(ratio: Interval | None, minimum_effect: float = MINIMUM_EFFECT) -> Verdict:
    """Return what the interval of a time ratio says, given the smallest effect of interest.

    With e the minimum effect, and ratios of e or less either way taken for no difference:

    - ``faster``: the whole interval lies below 1/(1 + e);
    - ``slower``: the whole interval lies above 1 + e;
    - ``same``: the whole interval lies within [1/(1 + e), 1 + e];
    - ``cannot tell``: it straddles a border; more rounds may settle it.
    """
    if ratio is None:
        return Verdict.CANNOT_TELL
    lower, upper = 1 / (1 + minimum_effect), 1 + minimum_effect
    if ratio.high < lower:
        return Verdict.FASTER
    if ratio.low > upper:
        return Verdict.SLOWER
    if lower <= ratio.low and ratio.high <= upper:
        return Verdict.SAME
    return Verdict.CANNOT_TELL


def geometric_mean(
    logs: Mapping[str, Mapping[int, float]], total: int, confidence: float = CONFIDENCE
) -> Aggregate:
    """Return the geometric mean over cases of a backend's time ratio, with its interval.

    Cases are fixed and rounds are the sample: each round gives the mean over cases of its
    log ratios, and the t interval is taken over those. Only rounds that hold every covered
    case count, for otherwise rounds would differ by which cases they hold.

    Parameters
    ----------
    logs
        Per case that both sides completed: log ratio by round, from `log_ratios`.
    total
        The number of cases in the plan: what ``covered`` is out of.
    """
    present = {case: by_round for case, by_round in logs.items() if by_round}
    if not present:
        nothing = Interval(math.nan, 0.0, math.inf, 0, confidence)
        return Aggregate(nothing, 0, total)
    result = interval(round_means(present), confidence)
    if result is None:  # no round holds every case: a mean of the cases' own means, no spread
        centre = math.fsum(math.fsum(c.values()) / len(c) for c in present.values()) / len(present)
        result = Interval(math.exp(centre), 0.0, math.inf, 0, confidence)
    return Aggregate(result, len(present), total)


def round_means(logs: Mapping[str, Mapping[int, float]]) -> list[float]:
    """Return the mean over cases of the log ratios, of each round that holds every case."""
    if not logs:
        return []
    whole = sorted(set.intersection(*(set(by_round) for by_round in logs.values())))
    return [math.fsum(c[r] for c in logs.values()) / len(logs) for r in whole]


def noise_floor(
    logs: Mapping[str, Mapping[int, float]], confidence: float = CONFIDENCE
) -> float | None:
    """Return the spread of a backend against its own twin, as a relative difference.

    The twin is the same code in another process, so that every difference is noise. The
    value is the ``confidence`` quantile of |ratio − 1| over all cases and rounds: of single
    process pairs, hence larger than the uncertainty of a mean over rounds. None without data.
    """
    differences = sorted(
        math.expm1(abs(v)) for by_round in logs.values() for v in by_round.values()
    )
    if not differences:
        return None
    return differences[min(len(differences) - 1, math.ceil(confidence * len(differences)) - 1)]
