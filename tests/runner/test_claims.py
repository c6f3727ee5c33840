"""Claims of many cells at once: few are wrong in all, and a real difference is still found."""

import random

from bakeoff.claims import claims
from bakeoff.statistics import Verdict, paired

NAMES = range(60)


def family(rng: random.Random, effect: float, rounds: int = 8, spread: float = 0.02) -> dict:
    """A family in which only the first cell differs, by ``effect`` on the log scale."""
    return {
        n: paired([rng.gauss(effect if n == 0 else 0.0, spread) for _ in range(rounds)])
        for n in NAMES
    }


def claimed(found: dict) -> set[int]:
    return {n for n, c in found.items() if c.verdict in (Verdict.FASTER, Verdict.SLOWER)}


def test_a_family_without_differences_seldom_claims_any() -> None:
    """At margin 0 every interval that misses would be a claim: 3 of 60 cells without Holm."""
    rng = random.Random(5)
    families = [claims(family(rng, 0.0), margin=0.0) for _ in range(150)]
    wrong = sum(bool(claimed(f)) for f in families)
    alone = sum(c.interval.low > 1 or c.interval.high < 1 for f in families for c in f.values())
    assert wrong <= 14, "5 % of 150, and three standard deviations"
    assert alone / (150 * len(NAMES)) > 0.03, "the intervals themselves stay those of one cell"


def test_a_real_difference_is_found_among_many() -> None:
    rng = random.Random(6)
    found = [claimed(claims(family(rng, 0.2))) for _ in range(50)]
    assert sum(0 in names for names in found) >= 48
    assert all(names <= {0} for names in found)


def test_what_the_family_forbids_says_so() -> None:
    noisy = {0: paired([0.05, 0.06, 0.07, 0.05]), **{n: paired([0.0, 0.01] * 2) for n in (1, 2)}}
    alone = claims({0: noisy[0]})[0]
    assert alone.verdict is Verdict.SLOWER
    crowd = claims({n: paired([0.05, 0.06, 0.07, 0.05]) for n in range(40)})[0]
    assert crowd.verdict is Verdict.CANNOT_TELL
    assert crowd.reason == "beyond the margin by itself, but not sure enough among 40 cells"
    assert crowd.interval == alone.interval


def test_a_single_round_claims_nothing_and_joins_no_family() -> None:
    found = claims({0: paired([0.5]), 1: paired([0.5, 0.51, 0.52])})
    assert found[0].verdict is Verdict.CANNOT_TELL
    assert found[0].p_value is None
    assert found[1].p_value == paired([0.5, 0.51, 0.52]).p_value()


def test_no_family_has_no_claims() -> None:
    assert claims({}) == {}
