"""Two runs: what became slower or wrong is found, and noise is not."""

import dataclasses
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from test_journal import CASE, RECORD

from bakeoff.cli import main
from bakeoff.comparison import Comparison, compare
from bakeoff.errors import UsageError
from bakeoff.export import Contents
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.statistics import Verdict

MACHINE = {"cpu": "Toy 9000", "cores": 4, "threads": 8, "architecture": "toy"}
CASES = tuple(dataclasses.replace(CASE, name=f"case{n}") for n in range(6))
Change = Callable[[Record], Record | None]


def run(
    seed: int,
    factors: Mapping[tuple[str, str], float] | None = None,
    change: Change = lambda record: record,
    *,
    cases: tuple[Any, ...] = CASES,
    rounds: int = 6,
    noise: float = 0.01,
    backends: tuple[str, ...] = ("ref", "mine"),
    **meta: Any,
) -> Contents:
    """Return a run in which every process is off by its own bit, and each round by another."""
    rng = random.Random(seed)
    records = []
    for number in range(rounds):
        weather = rng.uniform(0.5, 2.0)  # of the round: both backends meet it
        for case in cases:
            for backend in backends:
                its = (factors or {}).get((case.name, backend), 1.0)
                time = round(1e6 * weather * its * rng.lognormvariate(0, noise))
                made = dataclasses.replace(
                    RECORD, case_id=case.id, backend=backend, round=number,
                    blocks=(Block(0, 1, time, time, 0),), environment_id="e",
                )  # fmt: skip
                records.append(change(made))
    known = {"machine": MACHINE, "settings": {"threads": 1}, "reference": backends[0],
             "backends": [{"name": b, "device": "cpu"} for b in backends], **meta}  # fmt: skip
    described = {"describe": {"toolkit": "Toy", "version": "1.0", "threads": 1}}
    return Contents(known, cases, {"e": {"hello": described}}, [r for r in records if r])


def changed(case: str, backend: str = "mine", **values: Any) -> Change:
    """Return what changes a cell's records."""
    return lambda r: (
        dataclasses.replace(r, **values) if (r.case_id, r.backend) == (case, backend) else r
    )


def cell(found: Comparison, name: str, backend: str = "mine") -> Any:
    (its,) = (c for c in found.cells if (c.case, c.backend) == (f"toy/{name}", backend))
    return its


def written(folder: Path, contents: Contents) -> str:
    with Journal.create(folder / FILE_NAME, contents.meta, tuple(contents.cases)) as journal:
        identity = journal.add_environment(contents.environments["e"])
        journal.append(*(dataclasses.replace(r, environment_id=identity) for r in contents.records))
    return str(folder)


def test_a_planted_slow_down_is_found_and_nothing_else() -> None:
    found = compare(run(1), run(2, {("case2", "mine"): 1.1}))
    (told,) = found.told()
    assert (told.case, told.backend, told.events) == ("toy/case2", "mine", ("slower",))
    assert told.speed.low < 1.1 < told.speed.high
    assert found.failing(["slower"]) == [told]
    assert found.failing(["mismatch", "faster"]) == []
    assert found.family == 6
    speed = found.speeds["mine"]
    assert speed.interval.ratio == pytest.approx(1.1 ** (1 / 6), abs=0.01)
    assert (speed.covered, speed.total) == (6, 6)


def test_a_speed_up_is_the_slow_down_seen_from_the_other_side() -> None:
    fast = run(2, {("case2", "mine"): 1.1})
    there, back = compare(run(1), fast), compare(fast, run(1))
    assert cell(there, "case2").verdict is Verdict.SLOWER
    assert cell(back, "case2").verdict is Verdict.FASTER
    assert cell(back, "case2").p_value == pytest.approx(cell(there, "case2").p_value)
    assert not back.failing(["slower"])


def test_a_quiet_pair_is_the_same() -> None:
    found = compare(run(1, noise=0.001), run(2, noise=0.001))
    assert found.verdicts("mine") == {Verdict.SAME: 6}
    assert found.told() == []


def test_runs_of_the_same_code_get_a_claim_as_rarely_as_said() -> None:
    """500 A/A pairs of 5 cells, margin 0, where nothing else protects: one family in 20."""
    few = CASES[:5]
    families = singles = 0
    for n in range(500):
        found = compare(
            run(2 * n, cases=few, rounds=5), run(2 * n + 1, cases=few, rounds=5), margin=0.0
        )
        families += bool(found.told())
        singles += sum(not c.speed.low <= 1 <= c.speed.high for c in found.cells if c.speed)
    assert families / 500 == pytest.approx(0.05, abs=0.025)  # 2.5 standard errors
    assert singles / 2500 == pytest.approx(0.05, abs=0.015)


def test_the_margin_keeps_noise_from_being_a_claim() -> None:
    told = [compare(run(2 * n, rounds=5), run(2 * n + 1, rounds=5)).told() for n in range(100)]
    assert not any(told)


def test_what_both_backends_met_is_no_slow_down() -> None:
    """The second run's machine was half as fast: the ratios within each run are the same."""
    slow = run(2, {(c.name, b): 2.0 for c in CASES for b in ("ref", "mine")})
    assert compare(run(1), slow).told() == []


def test_the_reference_itself_gets_no_verdict() -> None:
    found = compare(run(1), run(2))
    reference = cell(found, "case0", "ref")
    assert reference.verdict is Verdict.CANNOT_TELL
    assert "nothing stands beside it" in reference.reason
    assert "ref" not in found.speeds
    other = compare(run(1), run(2, backends=("mine", "ref")))
    assert not other.reference
    assert all("different references" in c.reason for c in other.cells)


def test_a_bad_reference_leaves_nothing_to_stand_beside() -> None:
    bad = changed("toy/case1", "ref", outcome=Outcome.MISMATCH)
    found = compare(run(1), run(2, {("case1", "mine"): 2.0}, bad))
    assert cell(found, "case1").verdict is Verdict.CANNOT_TELL
    assert cell(found, "case1").reason.startswith("new: not ranked: the reference backend")
    assert cell(found, "case1", "ref").events == ("mismatch",)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.OK])
def test_a_change_of_outcome_is_told_once_it_appears(outcome: Outcome) -> None:
    bad = changed("toy/case1", outcome=outcome)
    found = compare(run(1), run(2, change=bad))
    assert [c.events for c in found.told()] == [(outcome.value,)]
    assert cell(found, "case1").verdict is None
    assert found.failing([outcome.value])
    assert found.speeds["mine"].covered == 5
    assert found.speeds["mine"].total == 6
    assert compare(run(1, change=bad), run(2, change=bad)).told() == []
    assert [c.events for c in compare(run(1, change=bad), run(2)).told()] == [("mended",)]


def test_missing_and_added_cells_are_told_apart() -> None:
    def without(record: Record) -> Record | None:
        return None if record.case_id == "toy/case1" and record.backend == "mine" else record

    gone = compare(run(1), run(2, change=without))
    assert [c.events for c in gone.told()] == [("missing",)]
    assert gone.failing(["missing"])
    added = compare(run(1, change=without), run(2))
    assert added.told() == []
    assert cell(added, "case1").reason == "not in the base run"
    broken = changed("toy/case1", outcome=Outcome.CRASHED)
    assert compare(run(1, change=without), run(2, change=broken)).failing(["crashed"])


def test_a_larger_error_is_told_though_it_is_within_its_bound() -> None:
    def erring(fraction: float) -> Change:
        return changed("toy/case1", checks=(Check("y", "gamma", 1.0, 1.0, fraction),))

    before = run(1, change=erring(0.1))
    assert compare(before, run(2, change=erring(0.19))).told() == []
    found = compare(before, run(2, change=erring(0.5)))
    assert [c.events for c in found.told()] == [("larger_error",)]
    assert found.failing(["larger_error"])
    negligible = compare(run(1, change=erring(0.0)), run(2, change=erring(0.015)))
    assert negligible.told() == []


def test_a_case_that_changed_is_not_compared_but_a_new_title_is_no_change() -> None:
    renamed = (dataclasses.replace(CASES[0], title="Better said"), *CASES[1:])
    assert not compare(run(1), run(2, cases=renamed)).told()
    other = (dataclasses.replace(CASES[0], dtype="float64", seed=3), *CASES[1:])
    found = compare(run(1), run(2, {("case0", "mine"): 2.0}, cases=other))
    its = cell(found, "case0")
    assert its.reason == "not comparable: the case changed (dtype, seed)"
    assert (its.verdict, its.events) == (None, ("not_comparable",))


def test_untimed_cases_and_single_rounds_claim_no_speed() -> None:
    untimed = (dataclasses.replace(CASES[0], timed=False), *CASES[1:])
    slow = {("case0", "mine"): 2.0}
    found = compare(run(1, cases=untimed), run(2, slow, cases=untimed))
    assert cell(found, "case0").verdict is None
    assert found.speeds["mine"].total == 5
    single = compare(run(1), run(2, slow, rounds=1))
    assert cell(single, "case0").reason == "a single process round shows no spread"
    assert single.family == 0
    assert single.told() == []


def test_threads_that_a_toolkit_read_back_differently_forbid_a_verdict() -> None:
    wide = run(2)._replace(
        environments={"e": {"hello": {"describe": {"threads": 4, "version": "2.0"}}}}
    )
    found = compare(run(1), wide)
    assert cell(found, "case0").reason == "ref used threads 4, before 1"
    assert "mine: Toy 1.0, Python ?, now ? 2.0, Python ?" in found.notes


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"machine": {**MACHINE, "cpu": "Other"}}, "different machines .*'Toy 9000'.*'Other'"),
        ({"machine": {**MACHINE, "cores": 2}}, "cores: base 4, new 2"),
        ({"machine": {}}, "the new run does not say which machine"),
        ({"settings": {"threads": 2}}, "base ran with 1 threads, new with 2"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(meta: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compare(run(1), run(2, **meta))


def test_runs_with_nothing_in_common_are_refused_and_do_not_pass() -> None:
    with pytest.raises(UsageError, match="no case on one backend in common"):
        compare(run(1, cases=CASES[:2]), run(2, cases=CASES[2:]))


@pytest.mark.parametrize("margin", [-0.1, float("nan"), float("inf")])
def test_a_margin_is_a_number(margin: float) -> None:
    with pytest.raises(UsageError, match="expected a number of at least 0"):
        compare(run(1), run(2), margin=margin)


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    bad = changed("toy/case1", outcome=Outcome.MISMATCH)
    new = run(2, {("case2", "mine"): 1.1}, bad, ending="deadline")
    return [written(tmp_path / "base", run(1)), written(tmp_path / "new", new)]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 1),
        (["--fail-on", "slower"], 1),
        (["--fail-on", "mismatch,error"], 1),
        (["--fail-on", "crashed,timeout"], 0),
        (["--fail-on", "slower", "--margin", "0.2"], 0),
    ],
)
def test_exit_codes_obey_what_fails(folders: list[str], options: list[str], code: int) -> None:
    assert main(["compare", *folders, *options]) == code


def test_mistakes_are_told(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = written(tmp_path / "other", run(3, machine={**MACHINE, "cpu": "Other"}))
    for arguments, message in [
        ([*folders, "--fail-on", "slwer"], "did you mean slower"),
        ([folders[0], elsewhere], "different machines"),
        ([folders[0], str(tmp_path / "nowhere")], "no file"),
        ([*folders, "--margin", "-1"], "expected a number of at least 0"),
    ]:
        assert main(["compare", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_the_text_says_what_happened_and_what_it_rests_on(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["compare", *folders])
    text = capsys.readouterr().out
    lines = [line for line in text.splitlines() if line.startswith("toy/")]
    assert ["mismatch" in line for line in lines] == [True, False]
    assert "slower" in lines[1]
    for said in ("5 of 6", "Times are relative to ref of the same run", "ending: unknown, now dea",
                 "Noise floor: base unknown", "Fails: 2 of 12 cells"):  # fmt: skip
        assert said in text


def test_json_is_strict_and_whole(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", *folders, "--format", "json"])
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert len(found["cells"]) == 12
    assert found["failing"] == [
        {"case": "toy/case1", "backend": "mine"}, {"case": "toy/case2", "backend": "mine"},
    ]  # fmt: skip
    assert found["speeds"]["mine"]["covered"] == 5


def test_no_text_of_a_run_is_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "[bold]*x*<b>|@someone"
    names = {"backends": ("ref", hostile)}
    bad = changed("toy/case1", hostile, outcome=Outcome.CRASHED)
    folders = [
        written(tmp_path / "base", run(1, **names)),
        written(tmp_path / "new", run(2, change=bad, **names)),
    ]
    main(["compare", *folders, "--format", "md"])
    text = capsys.readouterr().out
    assert "\\[bold\\]\\*x\\*&lt;b&gt;\\|@\u200bsomeone" in text
    assert "<b>" not in text
    main(["compare", *folders])
    assert hostile in capsys.readouterr().out


@pytest.mark.parametrize(
    ("hello", "told"),
    [
        ({"describe": {"device": "cuda (Toy 2)", "threads": 1}}, "ran on cuda (Toy 1), now on"),
        ({"device_events": True}, "was timed by wall time, now by device time"),
        ({}, ""),
    ],
    ids=["another-model", "another-clock", "the-same"],
)
def test_times_of_another_gpu_or_clock_do_not_compare(hello: dict[str, Any], told: str) -> None:
    before = {"describe": {"device": "cuda (Toy 1)", "threads": 1}}
    backends = [{"name": b, "device": "cuda"} for b in ("ref", "mine")]
    base, new = (
        run(n, noise=0.001)._replace(environments={"e": {"hello": h}})
        for n, h in enumerate((before, {**before, **hello}))
    )
    for contents in (base, new):
        contents.meta["backends"] = backends  # type: ignore[index]
    reasons = {c.reason for c in compare(base, new).cells if c.backend == "mine"}
    assert any(told in r for r in reasons) if told else reasons == {""}
