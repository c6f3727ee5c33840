"""Changes of level: found where they are, and rarely where there are none. Seeds are fixed.

The noise is that of the timing notes: identical processes differ by .65 % (calls of 2 ms) to
4.6 % (of 1 µs) rms, a ratio of two processes by √2 of that, and a run has some rounds of them.
"""

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from bakeoff.changepoints import Point, changes, contrast, split
from bakeoff.statistics import holm

CELLS = 20  # of a family
RUNS = 20


def series(
    rng: random.Random,
    *,
    runs: int = RUNS,
    rounds: Sequence[int] = (10,),
    noise: float = 0.0065,
    of_runs: float = 0.0,
    busy: float = 0.0,
    levels: Sequence[tuple[int, float]] = (),
) -> list[Point]:
    """Return a series; ``levels`` are (first run, time ratio), ``busy`` runs have 4 × the noise."""
    found = []
    for run in range(runs):
        level = math.log(([1.0] + [ratio for first, ratio in levels if run >= first])[-1])
        level += rng.gauss(0, of_runs)
        spread = noise * math.sqrt(2) * (4 if rng.random() < busy else 1)
        logs = [rng.gauss(level, spread) for _ in range(rng.choice(rounds))]
        mean, n = math.fsum(logs) / len(logs), len(logs)
        error = math.sqrt(math.fsum((v - mean) ** 2 for v in logs) / (n - 1) / n) if n > 1 else 0
        found.append(Point(mean, error if n > 1 else math.inf, n))
    return found


def family(cells: Sequence[Sequence[Point]]) -> list[list[int]]:
    """Return where each cell of a family changed, as a history claims it."""
    splits = [split(c) for c in cells]
    adjusted = holm([s.p_value for s in splits])
    return [
        [c.index for c in changes(cell, max(0.05 / len(cells), s.p_value))] if p < 0.05 else []
        for cell, s, p in zip(cells, splits, adjusted, strict=True)
    ]


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"rounds": (5,), "noise": 0.032}, id="50 µs, 5 rounds"),
        pytest.param({"noise": 0.046}, id="1 µs, 10 rounds"),
        pytest.param({"rounds": (5,), "of_runs": 0.01}, id="runs differ more than rounds say"),
        pytest.param({"rounds": (2, 3, 12), "of_runs": 0.01}, id="so do runs of unequal rounds"),
        pytest.param({"rounds": (2, 3, 12), "noise": 0.032}, id="unequal rounds"),
        pytest.param({"rounds": (5,), "noise": 0.032, "busy": 0.2}, id="some runs are noisy"),
        pytest.param({"rounds": (1,), "noise": 0.03}, id="one round each"),
        pytest.param({"rounds": (3,), "noise": 0.03, "runs": 8}, id="few runs"),
    ],
)
def test_a_family_without_change_gets_a_claim_as_rarely_as_said(how: dict[str, Any]) -> None:
    """200 families of 20 cells; one in 20 at most, and no minimum effect protects."""
    rng = random.Random(7)
    false = 0
    for _ in range(200):
        splits = [split(series(rng, **how)) for _ in range(CELLS)]
        false += min(holm([s.p_value for s in splits])) < 0.05
    assert false / 200 <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize(
    ("how", "at", "power"),
    [
        pytest.param({}, 10, 0.99, id="2 ms"),
        pytest.param({"rounds": (5,)}, 19, 0.95, id="2 ms, in the last run, 5 rounds"),
        pytest.param({"runs": 8}, 7, 0.95, id="2 ms, in the last of 8 runs"),
        pytest.param({"noise": 0.032}, 10, 0.9, id="50 µs"),
        pytest.param({"noise": 0.032, "runs": 40}, 30, 0.9, id="50 µs, 10 runs of 40"),
        pytest.param({"of_runs": 0.01}, 10, 0.9, id="2 ms, runs differ by 1 %"),
    ],
)
def test_a_step_of_5_percent_is_found_where_it_is(
    how: dict[str, Any], at: int, power: float
) -> None:
    """In one cell of 20; found within one run of its place, and nothing else in that cell."""
    rng = random.Random(11)
    found = 0
    for _ in range(40):
        cells = [series(rng, **how, levels=[(at, 1.05)])]
        cells += [series(rng, **how) for _ in range(CELLS - 1)]
        (its, *_) = family(cells)
        found += len(its) == 1 and abs(its[0] - at) <= 1
    assert found / 40 >= power


def test_a_slow_down_that_was_mended_is_found_though_no_single_step_fits() -> None:
    rng = random.Random(13)
    found = [
        changes(series(rng, runs=30, of_runs=0.01, levels=[(10, 1.1), (20, 1.0)]), 0.05 / CELLS)
        for _ in range(40)
    ]
    assert sum([c.index for c in its] == [10, 20] for its in found) >= 36


def test_several_steps_are_told_apart_with_their_sizes() -> None:
    rng = random.Random(17)
    points = series(rng, runs=40, levels=[(10, 1.1), (20, 1.32), (30, 0.8)])
    found = changes(points, 0.001)
    assert [c.index for c in found] == [10, 20, 30]
    for change, ratio in zip(found, (1.1, 1.2, 0.8 / 1.32), strict=True):
        interval = change.contrast.interval(0.999)
        assert interval.low < ratio < interval.high
        assert interval.half_width < 0.02


def test_a_change_below_the_minimum_effect_is_none() -> None:
    points = series(random.Random(19), noise=0.001, levels=[(10, 1.012)])
    assert split(points).p_value < 1e-6
    assert changes(points, 0.001) == []
    assert [c.index for c in changes(points, 0.001, minimum_effect=0.005)] == [10]


def test_faster_is_slower_seen_from_the_other_side() -> None:
    points = series(random.Random(23), levels=[(8, 1.1)])
    turned = [Point(-p.value, p.error, p.rounds) for p in points]
    assert split(points) == split(turned)
    (change,), (other,) = changes(points, 0.01), changes(turned, 0.01)
    assert change.contrast.mean == pytest.approx(-other.contrast.mean)
    assert change.contrast.mean > 0


def test_a_run_of_few_rounds_has_little_weight_though_its_spread_is_small_by_chance() -> None:
    steady = [Point(0.0, 0.01, 10), Point(0.001, 0.01, 10), Point(-0.001, 0.01, 10)]
    lucky = Point(0.2, 1e-9, 2)
    after = contrast(steady, [*steady, lucky])
    assert after.mean == pytest.approx(0.0, abs=0.06)


@pytest.mark.parametrize("n", range(4))
def test_too_few_runs_show_no_change(n: int) -> None:
    points = [Point(float(i), 1e-9, 5) for i in range(n)]
    assert split(points).p_value == 1.0
    assert changes(points, 0.05) == []


@pytest.mark.parametrize("value", [0.0, 1e9, -3.0])
def test_a_constant_series_does_not_change(value: float) -> None:
    for error, rounds in ((0.0, 5), (math.inf, 1), (0.01, 5)):
        assert changes([Point(value, error, rounds)] * 12, 0.05) == []


def test_a_step_without_any_noise_is_found() -> None:
    points = [Point(0.0, 0.0, 5)] * 6 + [Point(0.1, 0.0, 5)] * 6
    assert [c.index for c in changes(points, 0.05)] == [6]
