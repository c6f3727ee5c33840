"""Scores: points by hand, ties, what is missing, and how much the weights decide."""

import math

import numpy as np
import pytest

from bakeoff_reports.scores import (
    METHODS,
    directed,
    places,
    power_points,
    rank_points,
    scores,
    stability,
    z_points,
)


@pytest.mark.parametrize(
    ("values", "better", "log", "expected"),
    [
        ([1.0, 2.0], "higher", False, [1.0, 2.0]),
        ([1.0, 2.0], "lower", False, [-1.0, -2.0]),
        ([1.0, math.e], "lower", True, [0.0, -1.0]),
        ([None, math.nan, math.inf, 3.0], "higher", False, [None, None, None, 3.0]),
        ([0.0, -1.0, 1.0], "higher", True, [None, None, 0.0]),
    ],
    ids=["higher", "lower", "log", "not-known", "no-logarithm"],
)
def test_more_is_better_once_directed(values, better, log, expected):
    assert directed(values, better, log) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("method", "column", "expected"),
    [
        # Two of Hale's columns have this shape: the least has nothing, the greatest all.
        (power_points, [2.0, 4.0, 10.0], [0.0, 25.0, 100.0]),
        (power_points, [2.0, None, 10.0], [0.0, 0.0, 100.0]),
        (power_points, [7.0, None, 7.0], [100.0, 0.0, 100.0]),
        (power_points, [None, None], [0.0, 0.0]),
        # mean 5, deviations -3 -1 -1 -1 0 0 2 4, population deviation 2
        (z_points, [2.0, 4, 4, 4, 5, 5, 7, 9], [-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2]),
        (z_points, [1.0, 3.0, None], [-1.0, 1.0, -1.0]),
        (z_points, [0.1, 0.1, 0.1], [0.0, 0.0, 0.0]),
        (z_points, [None, None], [0.0, 0.0]),
        (rank_points, [5.0, 1.0, 3.0], [100.0, 0.0, 50.0]),
        (rank_points, [5.0, 1.0, 5.0], [75.0, 0.0, 75.0]),
        (rank_points, [1.0, None, None], [100.0, 25.0, 25.0]),
        (rank_points, [1.0], [0.0]),
    ],
    ids=[
        "power", "power-missing", "power-alike", "power-none", "z", "z-missing", "z-alike",
        "z-none", "rank", "rank-tie", "rank-missing", "rank-alone",
    ],
)  # fmt: skip
def test_points_by_hand(method, column, expected):
    assert method(column) == pytest.approx(expected)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_what_is_missing_is_never_above_what_is_known(method):
    points = method.points([3.0, None, 1.0, 2.0, 9.0])
    assert points[1] <= min(points)


def test_the_power_score_of_2018_by_hand():
    """Weights 30, 20 and 10 of what they sum to, as the article has its categories."""
    columns = [[100.0, 60, 0], [40.0, 40, 20], [0.0, 5, 10]]
    points = [power_points(c) for c in columns]
    assert points == [[100.0, 60.0, 0.0], [100.0, 100.0, 0.0], [0.0, 50.0, 100.0]]
    # 30·100 + 20·100 + 10·0 = 5000; 30·60 + 20·100 + 10·50 = 4300; 10·100 = 1000; each by 60
    assert scores(points, [30, 20, 10]) == pytest.approx([5000 / 60, 4300 / 60, 1000 / 60])


def test_without_any_weight_all_score_nothing():
    assert scores([[1.0, 2.0], [3.0, 4.0]], [0, 0]) == [0.0, 0.0]
    assert scores([], []) == []


def test_equal_scores_share_the_better_place():
    assert places([2.0, 5.0, 5.0, 1.0]) == [3, 1, 1, 4]


def test_one_better_in_every_column_is_always_first():
    shares = stability([[3.0, 2.0, 1.0], [9.0, 5.0, 4.0]])
    assert shares.tolist() == np.eye(3).tolist()


def test_opposite_columns_are_first_by_turns():
    """A beats B where the first of two weights, evenly drawn, is above one quarter."""
    shares = stability([[100.0, 0.0], [0.0, 100.0 / 3]])
    assert shares[0, 0] == pytest.approx(0.75, abs=0.02)
    assert shares.sum(axis=1) == pytest.approx([1, 1])
    assert shares.sum(axis=0) == pytest.approx([1, 1])


def test_the_same_seed_draws_the_same_weights():
    points = [[3.0, 2.0, 1.0], [1.0, 2.0, 2.5], [0.0, 4.0, 3.0]]
    assert (stability(points) == stability(points)).all()
    assert (stability(points, seed=1) != stability(points)).any()


def test_toolkits_that_are_alike_share_their_place_in_every_draw():
    shares = stability([[0.1, 0.1, 0.3], [0.7, 0.7, 0.2]])
    assert (shares[0] == shares[1]).all()
