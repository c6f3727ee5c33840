"""A history of runs: which cell changed, between which runs, and what was another version."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_comparison import CASES, MACHINE, changed, run, written

from bakeoff.cli import main
from bakeoff.commands.history import sparkline
from bakeoff.errors import UsageError
from bakeoff.export import Contents
from bakeoff.history import History, Series, history
from bakeoff.record import Outcome
from bakeoff.statistics import Verdict

FEW = CASES[:3]


def day(number: int, factors: Mapping[tuple[str, str], float] | None = None, **meta: Any) -> Any:
    options = {"cases": FEW, "created": f"2026-01-{number + 1:02}T00:00:00+00:00", **meta}
    return run(100 + number, factors, **options)


def days(count: int, slow_from: int, factor: float = 1.1) -> dict[str, Contents]:
    slow = {("case1", "mine"): factor}
    return {f"r{n}": day(n, slow if n >= slow_from else None) for n in range(count)}


def its(found: History, case: str, backend: str = "mine") -> Series:
    (series,) = (s for s in found.series if (s.case, s.backend) == (f"toy/{case}", backend))
    return series


def test_a_step_is_found_between_its_runs_and_no_other_cell_changed() -> None:
    found = history(days(12, 7))
    (series,) = (s for s in found.series if s.changes)
    (change,) = series.changes
    assert (series.case, series.backend, series.verdict) == ("toy/case1", "mine", Verdict.SLOWER)
    assert (series.before(change), change.index) == (6, 7)
    interval = change.contrast.interval()
    assert interval.low < 1.1 < interval.high
    assert found.failing(["slower"]) == [series]
    assert not found.failing(["faster"])


def test_the_order_is_that_of_time_and_not_of_names() -> None:
    runs = days(12, 7)
    shuffled = {f"x{hash(name) % 97}-{name}": runs[name] for name in sorted(runs, reverse=True)}
    found = history(shuffled)
    assert [r.name.split("-")[1] for r in found.runs] == [f"r{n}" for n in range(12)]
    assert [c.index for c in its(found, "case1").changes] == [7]


def test_histories_without_change_get_a_claim_as_rarely_as_said() -> None:
    """100 histories of 3 cells over 8 runs, no margin: one in 20."""
    false = 0
    for n in range(100):
        runs = {
            f"r{k}": run(1000 + 8 * n + k, cases=FEW, rounds=4, created=str(k)) for k in range(8)
        }
        false += any(s.changes for s in history(runs, margin=0.0).series)
    assert false <= 10


def test_only_the_last_change_decides_a_gate() -> None:
    slow = {("case1", "mine"): 1.3}
    runs = {f"r{n}": day(n, slow if 6 <= n < 12 else None) for n in range(18)}
    found = history(runs)
    assert [c.index for c in its(found, "case1").changes] == [6, 12]
    assert not found.failing(["slower"])
    assert found.failing(["faster"]) == [its(found, "case1")]


def test_a_change_tells_which_versions_changed_with_it() -> None:
    def versioned(number: int) -> Contents:
        new = number >= 7
        made = day(number, {("case1", "mine"): 1.2} if new else None)
        toy = {"toolkit": "Toy", "version": "2.0" if new else "1.0", "threads": 1}
        return made._replace(environments={"e": {"hello": {"describe": toy, "python": "3.11.1"}}})

    found = history({f"r{n}": versioned(n) for n in range(12)})
    series = its(found, "case1")
    assert found.differing(series, series.changes[0]) == [
        "mine: Toy 1.0, Python 3.11.1 → Toy 2.0, Python 3.11.1",
        "ref: Toy 1.0, Python 3.11.1 → Toy 2.0, Python 3.11.1",
    ]


def test_runs_in_which_a_cell_is_not_ranked_are_gaps() -> None:
    runs = days(12, 7)
    bad = changed("toy/case1", outcome=Outcome.MISMATCH)
    slow = {("case1", "mine"): 1.1}
    for n in (3, 7):
        runs[f"r{n}"] = day(n, slow if n >= 7 else None, change=bad)
    series = its(history(runs), "case1")
    assert sorted(set(range(12)) - set(series.points)) == [3, 7]
    assert [(series.before(c), c.index) for c in series.changes] == [(6, 8)]
    line = sparkline(series, 12)
    assert (len(line), line[3], line[7]) == (12, "·", "·")
    assert max(line[:7]) < min(line[8:])


def test_a_case_that_is_another_now_starts_anew() -> None:
    runs = days(12, 99)
    before = (dataclasses.replace(FEW[0], dtype="float64"), *FEW[1:])
    for n in range(5):
        runs[f"r{n}"] = day(n, {("case0", "mine"): 3.0}, cases=before)
    series = its(history(runs), "case0")
    assert list(series.points) == list(range(5, 12))
    assert not series.changes


def test_runs_on_another_device_or_with_other_threads_are_not_of_the_series() -> None:
    def told(number: int, **about: Any) -> Contents:
        describe = {"toolkit": "Toy", "version": "1.0", "threads": 1, **about}
        return day(number)._replace(environments={"e": {"hello": {"describe": describe}}})

    runs = {f"r{n}": told(n, **({"threads": 2} if n in (1, 4) else {})) for n in range(8)}
    assert list(its(history(runs), "case0").points) == [0, 2, 3, 5, 6, 7]


def test_cases_and_backends_choose_the_family() -> None:
    runs = {f"r{n}": day(n, backends=("ref", "mine", "yours")) for n in range(4)}
    assert len(history(runs).series) == 6
    found = history(runs, cases=["*/case1", "toy/case2"], backends=["yours"])
    assert [(s.case, s.backend) for s in found.series] == [
        ("toy/case1", "yours"), ("toy/case2", "yours"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"r0": day(0)}, "r0 is a single run, expected two or more; name the"),
        (lambda: {"r0": day(0), "r1": day(1, machine={**MACHINE, "cpu": "Other"})},
         "different machines .*r0 'Toy 9000', r1 'Other'"),
        (lambda: {"r0": day(0), "r1": day(1, backends=("mine", "ref"))},
         "the reference of r0 is ref, of r1 mine"),
        (lambda: {"r0": day(0), "r1": day(1, settings={"threads": 2})}, "r0 ran with 1 threads"),
        (lambda: {f"r{n}": day(n, backends=("ref",)) for n in range(2)}, "no cell of these"),
    ],
    ids=["one run", "machines", "references", "threads", "nothing beside"],
)  # fmt: skip
def test_what_makes_no_history_is_refused(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        history(make())


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    return [written(tmp_path / name, contents) for name, contents in days(12, 7).items()]


@pytest.mark.parametrize(
    ("options", "code"),
    [([], 0), (["--fail-on", "slower"], 1), (["--fail-on", "faster"], 0),
     (["--fail-on", "slower", "--case", "toy/case0"], 0),
     (["--fail-on", "slower", "--margin", "0.5"], 0)],
)  # fmt: skip
def test_exit_codes_obey_what_fails(folders: list[str], options: list[str], code: int) -> None:
    assert main(["history", *folders, *options]) == code


def test_mistakes_are_told(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in [
        ([folders[0]], "single run"),
        ([*folders, "--fail-on", "mismatch"], "no 'mismatch'"),
        ([*folders, "--case", "conv*"], "no case matches 'conv*'"),
        ([*folders, "--backends", "mne"], "did you mean mine"),
        ([*folders, "--margin", "-1"], "expected a number of at least 0"),
    ]:
        assert main(["history", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_text_and_markdown_say_which_cell_and_between_which_runs(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for format in ("text", "md"):
        main(["history", *folders, "--format", format, "--fail-on", "slower"])
        said = capsys.readouterr().out.replace("\\", "")
        for what in ("toy/case1", "slower", "7 → 8", "1.1", "12 of 12", "Holm",
                     "Fails: 1 of 3 cells ended slower; 1 of 3 cells changed"):  # fmt: skip
            assert what in said, (format, what)


def test_json_is_strict_and_whole(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["history", *folders, "--format", "json"])
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [r["name"] for r in found["runs"]] == folders
    (first, *rest) = found["series"]
    assert (first["case"], [c["run"] for c in first["changes"]]) == ("toy/case1", [7])
    assert len(first["points"]) == 12
    assert not any(s["changes"] for s in rest)
