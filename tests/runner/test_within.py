"""One run: its backends against its reference, with an exit code."""

import json
from pathlib import Path

import pytest
from test_comparison import CASES, changed, run, written

from bakeoff.cli import main
from bakeoff.comparison import Comparison
from bakeoff.record import Outcome, Record
from bakeoff.statistics import Verdict
from bakeoff.within import compare_within

VERSIONS = ("toy==1.*", "toy==2.*", "toy==3.*")
SLOW = {("case2", "toy==2.*"): 1.1, ("case3", "toy==3.*"): 0.9}


def verdicts(found: Comparison) -> dict[tuple[str, str], Verdict | None]:
    return {(c.case.removeprefix("toy/"), c.backend): c.verdict for c in found.cells}


def test_a_version_that_is_slower_is_told_and_the_reference_is_no_cell() -> None:
    found = compare_within(run(1, SLOW, backends=VERSIONS))
    expected = {("case2", "toy==2.*"): Verdict.SLOWER, ("case3", "toy==3.*"): Verdict.FASTER}
    claimed = {k: v for k, v in verdicts(found).items() if v in (Verdict.FASTER, Verdict.SLOWER)}
    assert claimed == expected
    assert {c.backend for c in found.cells} == set(VERSIONS[1:])
    assert found.family == 2 * len(CASES)
    assert [c.events for c in found.failing(["slower"])] == [("slower",)]


def test_two_equal_versions_get_a_claim_as_rarely_as_said() -> None:
    """400 runs of 12 equal cells, margin 0, where nothing else protects: one run in 20."""
    false = sum(
        bool(compare_within(run(n, rounds=5, backends=VERSIONS), margin=0.0).told())
        for n in range(400)
    )
    assert false / 400 <= 0.05 + 2.5 * (0.05 * 0.95 / 400) ** 0.5


def test_what_every_backend_met_is_paired_away() -> None:
    """Rounds differ twofold and more, processes by .1 %: the interval knows only the latter."""
    (its, *_) = compare_within(run(1, noise=0.001, backends=VERSIONS)).cells
    assert its.speed is not None
    assert its.speed.half_width < 0.005
    assert its.verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("bad", "events", "verdict"),
    [
        (("toy/case1", "toy==2.*"), ("mismatch",), None),
        (("toy/case1", "toy==1.*"), ("mended",), None),
    ],
    ids=["the version", "the reference"],
)
def test_a_wrong_answer_is_told_and_not_ranked(
    bad: tuple[str, str], events: tuple[str, ...], verdict: Verdict | None
) -> None:
    found = compare_within(
        run(1, {("case1", "toy==2.*"): 2.0}, changed(*bad, outcome=Outcome.MISMATCH),
            backends=VERSIONS)
    )  # fmt: skip
    (its,) = (c for c in found.cells if (c.case, c.backend) == ("toy/case1", "toy==2.*"))
    assert (its.events, its.verdict) == (events, verdict)
    assert its.reason.startswith("not ranked")


def test_what_one_side_lacks_is_told_and_what_both_lack_is_no_cell() -> None:
    def partly(record: Record) -> Record | None:
        gone = {"toy/case1": {"toy==2.*"}, "toy/case2": set(VERSIONS)}
        return None if record.backend in gone.get(record.case_id, ()) else record

    found = compare_within(run(1, change=partly, backends=VERSIONS))
    assert "toy/case2" not in {c.case for c in found.cells}
    (its,) = found.told()
    assert (its.case, its.backend, its.events) == ("toy/case1", "toy==2.*", ("missing",))
    assert its.reason == "toy==2.* has no record of it"


def test_a_single_round_claims_nothing() -> None:
    found = compare_within(run(1, {("case2", "toy==2.*"): 2.0}, rounds=1, backends=VERSIONS))
    assert found.family == 0
    assert not found.told()
    assert {c.reason for c in found.cells} == {"a single process round shows no spread"}


@pytest.mark.parametrize(
    ("options", "code"),
    [([], 1), (["--margin", "0.3"], 0), (["--fail-on", "mismatch"], 0),
     (["--fail-on", "faster"], 1)],
)  # fmt: skip
def test_exit_codes_of_a_single_folder(tmp_path: Path, options: list[str], code: int) -> None:
    folder = written(tmp_path / "r", run(1, SLOW, backends=VERSIONS))
    assert main(["compare", folder, *options]) == code


@pytest.mark.parametrize("format", ["text", "md"])
def test_the_page_says_what_stands_beside_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    folder = written(tmp_path / "r", run(1, SLOW, backends=VERSIONS))
    main(["compare", folder, "--format", format])
    said = capsys.readouterr().out.replace("\\", "")
    assert f"the backends of {folder} compared with toy==1.*" in said
    assert "time / toy==1.*" in said
    assert "relative to toy==1.* of the same process round" in said
    assert "Fails: 1 of 12 cells" in said


def test_json_says_that_it_is_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "r", run(1, SLOW, backends=VERSIONS))
    main(["compare", folder, "--format", "json"])
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (found["paired"], found["reference"], list(found["noise"])) == (
        True, "toy==1.*", ["run"],
    )  # fmt: skip
    assert found["failing"] == [{"case": "toy/case2", "backend": "toy==2.*"}]


def test_a_run_of_one_backend_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "r", run(1, backends=("toy",)))
    assert main(["compare", folder]) == 2
    assert "has no backend but its reference, toy; expected" in capsys.readouterr().err
