"""One interleaved run over planted paces: each gets the verdict and the remark it must get."""

from math import log

import pytest
import speed_faults
from fault_runs import ranked
from speed_faults import PACES, REFERENCE, Pace

from bakeoff.claims import Claim
from bakeoff.ranking import Ranking
from bakeoff.record import Outcome

MARGIN = 0.005
CASE = "pace/product"


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> Ranking:
    """All paces interleaved in one run, each round on fresh processes."""
    out = tmp_path_factory.mktemp("paces")
    names = [REFERENCE, *(p.name.replace("_", "-") for p in PACES)]
    options = ("--preset", "full", "--half-width", "0", "--max-time", "70")
    return ranked(speed_faults, "pace", names, out, *options)


@pytest.fixture(scope="module")
def claims(ranking: Ranking) -> dict[tuple[str, str], Claim]:
    return ranking.claims(MARGIN)


@pytest.mark.parametrize("pace", PACES, ids=lambda p: p.name)
def test_a_pace_gets_its_verdict_and_its_remark(
    pace: Pace, ranking: Ranking, claims: dict[tuple[str, str], Claim]
) -> None:
    name = pace.name.replace("_", "-")
    assert ranking.outcome(CASE, name) is Outcome.OK
    claim = claims.get((CASE, name))
    assert (claim.verdict in pace.verdicts) if claim else not pace.verdicts, claim
    kinds = {r.kind for r in ranking.remarks(CASE, name)} - {pace.perhaps}
    assert kinds == ({pace.remark} if pace.remark else set())


@pytest.mark.parametrize(
    ("name", "truth"),
    [("as-steady", 1.0), ("two-percent-slower", 1.02), ("five-percent-slower", 1.05)],
)
def test_small_differences_are_measured_for_what_they_are(
    name: str, truth: float, claims: dict[tuple[str, str], Claim]
) -> None:
    found = claims[CASE, name].interval
    assert found.low / 1.01 <= truth <= found.high * 1.01, found


def test_a_slow_start_is_in_the_first_call_and_not_in_the_steady_time(ranking: Ranking) -> None:
    first, steady = (
        [r.figures["first_call_ns"] for r in ranking.records(CASE, name)]
        for name in ("slow-first-100-calls", REFERENCE)
    )
    assert sorted(first)[len(first) // 2] > 1.5 * sorted(steady)[len(steady) // 2]


def test_processes_that_differ_make_the_interval_wide(
    claims: dict[tuple[str, str], Claim],
) -> None:
    """Each process is steady; that they differ shows only over processes."""
    mixed = claims[CASE, "slower-in-every-other-process"].interval
    assert mixed.half_width > 1.5 * claims[CASE, "as-steady"].interval.half_width
    assert mixed.half_width > log(1.3) / 10
