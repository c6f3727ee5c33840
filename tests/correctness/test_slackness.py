"""Bounds are not slack: an honest result's worst element comes near them, by a stated factor."""

from statistics import median

import pytest
from correctness.slackness import Group, fractions

# An honest result's worst element, over sample calls and seeds, has a median error of at least
# its bound over this factor; for sums of n terms (gamma), over n times as much.
FACTOR = {
    "rounded": 3.0,  # the error of one rounding, in the worst of many elements, is near u
    "ulp": 40.0,  # libraries are better than they promise: 16 ulp of pow, half of one met
    "gamma": 8.0,
    "composite": 40.0,
}
# Looser, and why.
LOOSE: dict[Group, str] = {
    ("arange", "y", "rounded"): "the samples' steps are powers of two, and exact",
    ("linspace", "y", "rounded"): "as arange",
    ("dropout", "y", "rounded"): "three roundings of 1/(1 - rate), which is exact at rate 1/2",
    ("dropout", "grad", "rounded"): "as its output",
    ("mean", "grad", "rounded"): "one cotangent, divided once; by 64 it is exact",
    ("avg_pool2d", "grad", "gamma"): "windows of 4 and 8 divide exactly",
    ("max_pool2d", "grad", "rounded"): "exact, but for what may be flushed to zero",
    ("bias_add", "grad", "composite"): "a sum of 40, which behind a view is no longer called one",
}
DTYPES = ("float16", "float32")  # float64: the same formulas in another u; nothing is more exact
SEEDS = 4


@pytest.fixture(scope="module")
def slack() -> dict[tuple[str, Group], float]:
    """How many times the median error its bound is, in what is stated for its kind."""
    return {
        (dtype, group): 1 / max(median(values) * FACTOR[group[2]], 1e-9)
        for dtype in DTYPES
        for group, values in fractions(dtype, SEEDS).items()
    }


def test_no_bound_is_slacker_than_is_stated(slack: dict[tuple[str, Group], float]) -> None:
    assert {kind for _, (_, _, kind) in slack} == set(FACTOR)
    assert len({op for _, (op, _, _) in slack}) > 40, "nearly all ops that round"
    found = {key: times for key, times in slack.items() if key[1] not in LOOSE and times > 1}
    assert not found


@pytest.mark.parametrize("group", LOOSE, ids=lambda g: "-".join(g[:2]))
def test_exceptions_are_needed(group: Group, slack: dict[tuple[str, Group], float]) -> None:
    assert any(slack.get((dtype, group), 0) > 1 for dtype in DTYPES)
