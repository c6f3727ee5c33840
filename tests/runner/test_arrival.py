"""When trainings arrive: means without extremes, and what chance leaves of the oracle's spread."""

import math
import random

import numpy as np
import pytest
from scipy import stats

from bakeoff.arrival import (
    LEAST_SEEDS,
    Arrivals,
    families,
    geometric,
    plausible,
    trimmed_mean,
)
from bakeoff_two_layer.cases import fit_case
from bakeoff_two_layer.seeds import SEEDS, seeds

ORACLE = (6, 8, 8, 10, 8, 8, 8, 8, 8, 6, 9, 8, 7, 8, 5, 8, 9, 9, 8, 6, 7, 8, 9, 7)  # as measured


@pytest.mark.parametrize("n", [5, 8, 24])
def test_the_mean_leaves_out_the_fastest_and_the_slowest(n: int) -> None:
    values = np.random.default_rng(n).lognormal(size=n)
    found = trimmed_mean(values)
    assert found is not None
    assert found.mean == pytest.approx(stats.trim_mean(values, 1.0 / n + 1e-9))
    winsorised = stats.mstats.winsorize(values, limits=(1.0 / n + 1e-9,) * 2)
    error = stats.mstats.trimmed_stde(values, limits=(1.0 / n + 1e-9,) * 2)
    assert float(np.std(winsorised, ddof=1)) / ((1 - 2 / n) * math.sqrt(n)) == pytest.approx(error)
    half = stats.t.ppf(0.975, n - 3) * error
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half))


def test_an_extreme_value_moves_nothing() -> None:
    assert trimmed_mean([3.0, 4.0, 4.0, 5.0, 6.0]) == trimmed_mean([3.0, 4.0, 4.0, 5.0, 600.0])


@pytest.mark.parametrize("n", [0, 1, 4])
def test_few_values_have_no_mean_without_extremes(n: int) -> None:
    assert trimmed_mean([1.0] * n) is None


def test_intervals_of_trimmed_means_hold_the_truth() -> None:
    rng = random.Random(1)
    hits = 0
    for _ in range(600):
        found = trimmed_mean([rng.gauss(7, 1) for _ in range(12)])
        assert found is not None
        hits += found.low <= 7 <= found.high
    assert 0.92 <= hits / 600 <= 0.98


def test_chance_hardly_ever_leaves_the_plausible_range() -> None:
    rng = random.Random(2)

    def draw(count: int) -> list[float]:
        return [float(max(1, round(rng.lognormvariate(2, 0.16)))) for _ in range(count)]

    out = 0
    for _ in range(800):
        low, high = plausible(draw(24), 24)
        out += not low <= geometric(draw(24)) <= high
    assert out <= 5


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (ORACLE, ""),
        ((8,) * 24, ""),
        ((9,) * 12, ""),
        ((2, 2, 3, 2, 2, 2), "too fast"),
        (tuple(2 * e for e in ORACLE), "too slowly"),
        ((7.75 * 1.3,) * 24, "too slowly"),
    ],
    ids=[
        "itself",
        "another spread",
        "a little later",
        "test set",
        "half its steps",
        "3 in 4 steps",
    ],
)
def test_what_cannot_be_is_said(own: tuple[float, ...], said: str) -> None:
    text = Arrivals(own, ORACLE).implausible
    assert said in text
    assert bool(text) == bool(said)


def test_an_oracle_that_always_takes_the_same_leaves_room_for_a_whole_epoch() -> None:
    assert not Arrivals((3, 3, 3, 4, 3, 3), (3,) * 24).implausible
    assert Arrivals((1, 1, 1, 1, 1, 1), (3,) * 24).implausible


def test_few_trainings_of_the_oracle_judge_nobody() -> None:
    assert not Arrivals((1,) * 24, ORACLE[: LEAST_SEEDS - 1]).implausible
    assert Arrivals((1,) * 24, ORACLE[:LEAST_SEEDS]).implausible


def test_families_differ_in_the_seed_only() -> None:
    sgd, adam = (fit_case(128, 64, name) for name in ("sgd", "adam"))
    found = families([*seeds(sgd), *seeds(adam), sgd, adam])
    assert [len(ids) for ids in found.values()] == [SEEDS, SEEDS]
    assert not set(found[next(iter(found))]) & {sgd.id, adam.id}
