"""McNemar's test agrees with the lecture, with statsmodels, and with counting every outcome."""

import math
from itertools import product
from random import Random

import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from bakeoff.errors import UsageError
from bakeoff.mcnemar import (
    CRITICAL_VALUES,
    Counts,
    count,
    difference,
    every_pair,
    mcnemar,
    odds_ratio,
    right,
    together,
)

LECTURE = """
T-shirt  T-shirt  T-shirt  A
Sneaker  T-shirt  Sneaker  B
T-shirt  Pullover Pullover C
Sneaker  Sneaker  Sneaker  A
T-shirt  Sneaker  Sneaker  C
Pullover Pullover T-shirt  D
Pullover T-shirt  Pullover B
Sneaker  Sneaker  Sneaker  A
Sneaker  Sneaker  Sneaker  A
"""
FIRST, SECOND, LABELS, LETTERS = zip(*(r.split() for r in LECTURE.split("\n")[1:-1]), strict=True)

COUNTS = [
    Counts(4, 2, 2, 1), Counts(36, 12, 2, 0), Counts(50, 0, 0, 3), Counts(0, 7, 0, 0),
    Counts(10, 12, 12, 1), Counts(10, 12, 13, 1), Counts(900, 30, 11, 59), Counts(1, 400, 390, 9),
    Counts(900, 0, 26, 0), Counts(0, 24, 0, 0), Counts(0, 0, 25, 1),
]  # fmt: skip


def test_the_lectures_nine_rows_cannot_reject():
    found = count(right(FIRST, LABELS), right(SECOND, LABELS))
    assert found == Counts(*(LETTERS.count(letter) for letter in "ABCD")) == Counts(4, 2, 2, 1)
    test = mcnemar(found)
    assert test.statistic == 0.25
    assert test.statistic < CRITICAL_VALUES[0.95] == 3.841
    assert not test.differ()


@pytest.mark.parametrize("counts", COUNTS, ids=str)
def test_statsmodels_agrees(counts):
    table = [[counts.both, counts.first_only], [counts.second_only, counts.neither]]
    test = mcnemar(counts)
    assert test.exact == (counts.discordant < 25)
    if counts.discordant:
        other = statsmodels_mcnemar(table, exact=False, correction=True)
        assert test.statistic == pytest.approx(other.statistic, rel=1e-12)
        other = statsmodels_mcnemar(table, exact=test.exact, correction=True)
        assert test.p_value == pytest.approx(other.pvalue, rel=1e-12)
    else:
        assert (test.statistic, test.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("level", CRITICAL_VALUES)
def test_critical_values_are_those_of_chi_squared(level):
    assert stats.chi2.ppf(level, 1) == pytest.approx(CRITICAL_VALUES[level], abs=5e-4)


def test_the_published_interval_of_newcombes_method_10():
    """Newcombe 1998: 36, 12, 2 and 0 of 50 pairs."""
    effect = difference(Counts(36, 12, 2, 0))
    assert effect.value == pytest.approx(0.2)
    assert (effect.low, effect.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_without_correlation_the_interval_is_that_of_independent_proportions():
    effect = difference(Counts(20, 20, 30, 30))  # ad = bc
    other = confint_proportions_2indep(40, 100, 50, 100, method="newcomb", compare="diff")
    assert (effect.low, effect.high) == pytest.approx(other, rel=1e-12)


def test_a_correlation_smaller_than_its_correction_counts_as_none():
    effect = difference(Counts(20, 19, 30, 30))  # 0 < ad - bc < n/2
    other = confint_proportions_2indep(39, 99, 50, 99, method="newcomb", compare="diff")
    assert (effect.low, effect.high) == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("p", [(0.7, 0.2, 0.05, 0.05), (0.4, 0.3, 0.2, 0.1)], ids=str)
def test_the_interval_of_the_difference_covers_95_percent(p):
    n, covered = 30, 0.0
    for b, c in product(range(n + 1), repeat=2):
        for a in range(n + 1 - b - c):
            cell = Counts(a, b, c, n - a - b - c)
            effect = difference(cell)
            if effect.low <= p[1] - p[2] <= effect.high:
                covered += stats.multinomial.pmf([a, b, c, cell.neither], n, p)
    assert 0.94 < covered < 0.98


@pytest.mark.parametrize("counts", COUNTS, ids=str)
def test_effects_lie_in_their_intervals_and_turn_with_the_models(counts):
    turned = Counts(counts.both, counts.second_only, counts.first_only, counts.neither)
    effect, other = difference(counts), difference(turned)
    assert -1 <= effect.low <= effect.value <= effect.high <= 1
    assert (effect.low, effect.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
    odds, against = odds_ratio(counts), odds_ratio(turned)
    assert 0 <= odds.low <= odds.high
    if counts.discordant:
        assert odds.low <= odds.value <= odds.high
        assert odds.low == pytest.approx(1 / against.high if against.high else math.inf, rel=1e-9)
    else:
        assert math.isnan(odds.value)
        assert (odds.low, odds.high) == (0.0, math.inf)


@pytest.mark.parametrize(("b", "c"), [(7, 3), (1, 9), (0, 12), (5, 0), (30, 11)], ids=str)
def test_odds_are_clopper_and_pearsons(b, c):
    low, high = proportion_confint(b, b + c, method="beta")
    odds = odds_ratio(Counts(5, b, c, 5))
    assert odds.low == pytest.approx(low / (1 - low), rel=1e-9)
    assert odds.high == pytest.approx(high / (1 - high) if high < 1 else math.inf, rel=1e-9)


@pytest.mark.parametrize(("b", "c"), list(product(range(12), repeat=2)), ids=str)
def test_the_odds_leave_one_out_where_the_exact_test_rejects(b, c):
    odds = odds_ratio(Counts(10, b, c, 0))
    assert mcnemar(Counts(10, b, c, 0)).differ() == (not odds.low <= 1 <= odds.high)


def _answers(rng, accuracy, rows=400):
    return tuple(rng.random() < accuracy for _ in range(rows))


def test_a_pair_that_differs_is_told_from_pairs_that_do_not():
    rng = Random(3)
    models = {"a": _answers(rng, 0.9), "b": _answers(rng, 0.9), "c": _answers(rng, 0.6)}
    found = together(every_pair(models))
    assert {pair: t.differ() for pair, t in found.items()} == {
        ("a", "b"): False, ("a", "c"): True, ("b", "c"): True,
    }  # fmt: skip


def test_of_many_equal_models_none_is_called_different():
    """One by one, some of the 190 pairs would be."""
    rng = Random(1)
    pairs = every_pair({n: _answers(rng, 0.9) for n in range(20)})
    assert len(pairs) == 190
    assert any(t.differ() for t in pairs.values())
    assert not any(t.differ() for t in together(pairs).values())


def test_predictions_and_labels_must_be_as_many():
    with pytest.raises(UsageError, match="2 predictions, expected 3"):
        right([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="no rows"):
        difference(Counts(0, 0, 0, 0))
