"""One run over trainings that cannot be honest: each step that is compared is right."""

import learning_faults
import pytest
from fault_runs import ranked
from learning_faults import FAULTS

from bakeoff.arrival import LEAST_SEEDS
from bakeoff.ranking import Ranking
from bakeoff.record import Outcome


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> Ranking:
    """The faults beside an honest engine."""
    out = tmp_path_factory.mktemp("learning")
    names = ["numpy-plan", *(f.replace("_", "-") for f in FAULTS)]
    options = ("--preset", "smoke", "--max-time", "1")
    return ranked(learning_faults, "learning", names, out, *options)


def test_an_honest_backend_arrives_when_the_oracle_does(ranking: Ranking) -> None:
    for case in ranking._cases:
        assert ranking.outcome(case, "numpy-plan") is Outcome.OK
        assert "convergence" not in {r.kind for r in ranking.remarks(case, "numpy-plan")}
    found = ranking.arrivals(next(iter(ranking._cases)), "numpy-plan")
    assert found.known
    assert len(found.own) == LEAST_SEEDS
    alike = sum(a == b for a, b in zip(found.own, found.oracle, strict=True))
    assert alike >= LEAST_SEEDS - 4  # rounding may move an epoch


@pytest.mark.parametrize("fault", FAULTS)
def test_a_training_that_cannot_be_is_said_to_be_and_not_ranked(
    fault: str, ranking: Ranking
) -> None:
    backend = fault.replace("_", "-")
    outcomes = {ranking.outcome(case, backend) for case in ranking._cases}
    assert Outcome.OK in outcomes  # no check of a step or of the accuracy finds it
    for case in ranking._cases:
        [remark] = [r for r in ranking.remarks(case, backend) if r.kind == "convergence"]
        assert FAULTS[fault] in remark.text
        assert remark.forbids
