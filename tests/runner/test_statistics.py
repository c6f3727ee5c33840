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
    holm,
    interval,
    log_ratios,
    noise_floor,
    per_call_ns,
    round_means,
    verdict,
    welch,
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


def test_the_mean_over_cases_is_taken_of_whole_rounds() -> None:
    assert round_means({"a": {0: 1.0, 1: 3.0}, "b": {1: 5.0, 2: 7.0}}) == [4.0]
    assert round_means({}) == []


def test_welch_equals_scipy() -> None:
    base, new = [0.01, 0.03, -0.02, 0.015], [0.1, 0.2, 0.4, 0.15, 0.12]
    expected = stats.ttest_ind(new, base, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    found = welch(base, new)
    assert found is not None
    assert found.df == pytest.approx(expected.df)
    assert found.p_value(0.0) == pytest.approx(expected.pvalue)
    ratio = found.interval()
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert ratio.rounds == 4
    tiny = welch([v * 1e-90 for v in base], [v * 1e-90 for v in new])
    assert tiny is not None
    assert tiny.df == pytest.approx(expected.df), "the squares of its variances underflow"


def test_welch_says_nothing_of_the_spread_of_a_single_round() -> None:
    single = welch([0.1], [0.2, 0.3])
    assert single is not None
    assert single.interval().ratio == pytest.approx(math.exp(0.15))
    assert math.isinf(single.interval().half_width)
    assert single.p_value() == 1.0
    assert welch([], [0.1]) is None


def test_samples_without_any_spread_differ_or_do_not() -> None:
    same, other = welch([0.1, 0.1], [0.1, 0.1]), welch([0.1, 0.1], [0.2, 0.2, 0.2])
    assert same is not None
    assert other is not None
    assert (same.p_value(), other.p_value()) == (1.0, 0.0)
    assert verdict(other.interval()) is Verdict.SLOWER


def test_a_p_value_is_small_exactly_if_the_interval_lies_beyond_the_effect() -> None:
    rng = random.Random(5)
    for _ in range(300):
        found = welch(*([rng.gauss(at, 0.03) for _ in range(4)] for at in (0.0, 0.08)))
        assert found is not None
        claimed = verdict(found.interval()) in (Verdict.FASTER, Verdict.SLOWER)
        assert claimed == (found.p_value() < 0.05)


def test_holm_equals_the_values_computed_by_hand() -> None:
    """Ascending: 4 × 0.01, 3 × 0.02 = 0.06, 2 × 0.022 = 0.044 but no less than 0.06, 0.5."""
    assert holm([0.022, 0.5, 0.01, 0.02]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert holm([0.9, 0.7, 0.8]) == [1.0, 1.0, 1.0]
    assert holm([]) == []
