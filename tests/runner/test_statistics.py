"""Statistics on synthetic data: known numbers, known coverage, verdicts at their borders."""

import math
import random

import pytest
from scipy import stats

from bakeoff.record import Block
from bakeoff.statistics import (
    Interval,
    Verdict,
    geometric_mean,
    interval,
    log_ratios,
    noise_floor,
    per_call_ns,
    verdict,
)


def test_per_call_is_the_median_block_on_the_chosen_clock() -> None:
    blocks = [
        Block(i, 10, wall, cpu, 0) for i, (wall, cpu) in enumerate([(90, 50), (900, 60), (80, 40)])
    ]
    assert per_call_ns(blocks, "cpu") == 5
    assert per_call_ns(blocks, "wall") == 9
    with pytest.raises(ValueError, match="not timed"):
        per_call_ns([], "cpu")


def test_log_ratios_pair_only_rounds_that_both_sides_completed() -> None:
    ratios = log_ratios({0: 2.0, 1: 4.0, 3: 1.0}, {0: 1.0, 2: 1.0, 3: 1.0})
    assert ratios == {0: pytest.approx(math.log(2)), 3: 0.0}


def test_interval_equals_scipy() -> None:
    logs = [0.01, 0.03, -0.02, 0.015, 0.0]
    low, high = stats.t.interval(0.95, 4, loc=sum(logs) / 5, scale=stats.sem(logs))
    result = interval(logs)
    assert result is not None
    assert result.low == pytest.approx(math.exp(low), rel=1e-9)
    assert result.high == pytest.approx(math.exp(high), rel=1e-9)
    assert result.rounds == 5
    assert result.half_width == pytest.approx((high - low) / 2)


def test_one_round_claims_nothing() -> None:
    single = interval([0.5])
    assert single is not None
    assert (single.low, single.high) == (0.0, math.inf)
    assert verdict(single) is Verdict.CANNOT_TELL
    assert interval([]) is None
    assert verdict(None) is Verdict.CANNOT_TELL


@pytest.mark.parametrize("rounds", [3, 5, 10])
def test_interval_covers_the_truth_as_often_as_it_says(rounds: int) -> None:
    """4,000 simulated runs with process bias: 95 % intervals hold the truth in 95 ± 1.2 %."""
    rng = random.Random(rounds)
    truth, hits, runs = math.log(1.03), 0, 4000
    for _ in range(runs):
        result = interval([truth + rng.gauss(0, 0.02) for _ in range(rounds)])
        assert result is not None
        hits += result.low <= math.exp(truth) <= result.high
    assert hits / runs == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.5, 0.9, Verdict.FASTER),
        (1.05, 1.2, Verdict.SLOWER),
        (0.99, 1.01, Verdict.SAME),
        (0.9, 1.1, Verdict.CANNOT_TELL),
        (1.01, 1.05, Verdict.CANNOT_TELL),
        (0.97, 0.975, Verdict.FASTER),
        (0.981, 0.99, Verdict.SAME),
    ],
)
def test_verdict_respects_the_minimum_effect(low: float, high: float, expected: Verdict) -> None:
    assert verdict(Interval(math.sqrt(low * high), low, high, 5)) is expected


def test_verdict_is_the_same_seen_from_either_side() -> None:
    rng = random.Random(1)
    other = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}
    for _ in range(500):
        low, high = sorted(math.exp(rng.gauss(0, 0.05)) for _ in range(2))
        there = verdict(Interval(1.0, low, high, 5))
        back = verdict(Interval(1.0, 1 / high, 1 / low, 5))
        assert back is other.get(there, there)


def test_identical_backends_are_rarely_called_different() -> None:
    """1,000 A/A runs of 5 rounds with 2 % process bias: at most 5 % get a direction."""
    rng = random.Random(2)
    wrong = 0
    for _ in range(1000):
        said = verdict(interval([rng.gauss(0, 0.02) for _ in range(5)]))
        wrong += said in (Verdict.FASTER, Verdict.SLOWER)
    assert wrong <= 50


def test_geometric_mean_takes_its_interval_over_rounds() -> None:
    logs = {"a": {0: 0.1, 1: 0.2, 2: 0.3}, "b": {0: 0.3, 1: 0.2, 2: 0.1}}
    result = geometric_mean(logs, total=5)
    assert (result.covered, result.total) == (2, 5)
    assert result.interval.ratio == pytest.approx(math.exp(0.2))
    assert result.interval.half_width == pytest.approx(0.0, abs=1e-12)


def test_geometric_mean_leaves_out_rounds_that_lack_a_case() -> None:
    logs = {"a": {0: 0.1, 1: 0.1, 2: 9.0}, "b": {0: 0.1, 1: 0.1}}
    result = geometric_mean(logs, total=2)
    assert result.interval.ratio == pytest.approx(math.exp(0.1))
    assert result.interval.rounds == 2


def test_geometric_mean_without_a_common_round_claims_no_interval() -> None:
    result = geometric_mean({"a": {0: 0.1}, "b": {1: 0.3}}, total=2)
    assert result.interval.ratio == pytest.approx(math.exp(0.2))
    assert math.isinf(result.interval.half_width)
    assert geometric_mean({"a": {}}, total=3).covered == 0


def test_noise_floor_is_the_quantile_of_twin_differences() -> None:
    logs = {"a": {r: r / 1000 for r in range(20)}}
    assert noise_floor(logs) == pytest.approx(math.expm1(0.018))
    assert noise_floor({}) is None
