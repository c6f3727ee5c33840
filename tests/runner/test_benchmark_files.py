"""pytest-benchmark's JSON: read as a run, written from one, and accepted by that tool itself."""

import copy
import dataclasses
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.stats import Stats
from test_comparison import CASES, run, written

from bakeoff import benchmark_reader, export, sources
from bakeoff.benchmark_writer import _stats
from bakeoff.cli import main
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.record import Outcome
from bakeoff.statistics import Verdict
from bakeoff.within import compare_within

TESTS = """
import pytest

@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.parametrize("backend", ["loop", "builtin"])
def test_sum(benchmark, backend, n):
    benchmark.pedantic(sum, (range(n),), rounds=5, iterations=7)

@pytest.mark.benchmark(group="sort")
def test_sorted(benchmark):
    benchmark.pedantic(sorted, ([3, 1, 2],), rounds=5)

@pytest.mark.benchmark(group="sort")
def test_list_sort(benchmark):
    benchmark.pedantic([3, 1, 2].sort, rounds=5)

def test_alone(benchmark):
    benchmark.pedantic(len, ("",), rounds=5)
"""
MACHINE = {"machine": "toy", "cpu": {"brand_raw": "Toy 9000", "count": 8}}


def benchmark(name: str = "test_a", **changes: Any) -> dict[str, Any]:
    return {
        "group": None, "name": name, "fullname": f"tests/test_x.py::{name}", "params": None,
        "param": None, "extra_info": {}, "options": {},
        "stats": {"median": 2e-6, "iterations": 5, "data": [1e-6, 2e-6, 3e-6]}, **changes,
    }  # fmt: skip


def file(folder: Path, *benchmarks: dict[str, Any], name: str = "0001_x.json", **top: Any) -> Path:
    data = {"machine_info": MACHINE, "benchmarks": list(benchmarks), "version": "5.3.1",
            "datetime": "2026-01-01T00:00:00+00:00", **top}  # fmt: skip
    path = folder / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def keys(path: Path) -> list[tuple[str, str, int]]:
    return [(r.case_id, r.backend, r.replica) for r in sources.read(path).records]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real sessions of pytest-benchmark, with and without their data."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "test_x.py").write_text(TESTS, encoding="utf-8")
    (folder / "found").mkdir()
    for name in ("a", "b"):
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
             f"--benchmark-json=found/{name}.json", "--benchmark-save=x", "test_x.py"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    return folder


def test_a_real_session_is_read(session: Path) -> None:
    contents = sources.read(session / "found")
    cells = {(r.case_id, r.backend) for r in contents.records}
    assert cells == {
        ("pytest/test_x.py::test_sum[n=10]", "loop"),
        ("pytest/test_x.py::test_sum[n=20]", "loop"),
        ("pytest/test_x.py::test_sum[n=10]", "builtin"),
        ("pytest/test_x.py::test_sum[n=20]", "builtin"),
        ("pytest/sort", "test_sorted"),
        ("pytest/sort", "test_list_sort"),
        ("pytest/test_x.py::test_alone", "pytest"),
    }
    assert {r.round for r in contents.records} == {0, 1}
    assert {len(r.blocks) for r in contents.records} == {5}
    assert contents.meta["reference"] == "loop"
    assert contents.meta["machine"]["threads"] >= 1
    assert contents.problems == ["of 7 of 7 cells it is not known whether they are right"]
    loops = {b.loops for r in contents.records for b in r.blocks if "test_sum" in r.case_id}
    assert loops == {7}


def test_a_real_file_without_data_gives_its_median(session: Path) -> None:
    (saved, *_) = sorted((session / ".benchmarks").rglob("*.json"))
    told = json.loads(saved.read_text(encoding="utf-8"))["benchmarks"][0]["stats"]
    assert "data" not in told
    (block,) = sources.read(saved).records[0].blocks
    assert block.wall_ns / block.loops == pytest.approx(1e9 * told["median"], rel=0.01)


def test_commands_take_files_and_folders_of_them(
    session: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a, b = (str(session / "found" / f"{name}.json") for name in ("a", "b"))
    assert main(["compare", a, b, "--fail-on", "mismatch"]) == 0
    assert main(["compare", str(session / "found"), "--fail-on", "mismatch"]) == 0
    assert main(["history", a, b]) == 0
    assert main(["export", a, "--format", "csv", "--to", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "compared with loop" in said.out
    assert "of 7 of 7 cells it is not known whether they are right" in said.err
    records = (tmp_path / "records.csv").read_text(encoding="utf-8").splitlines()
    column = records[0].split(",").index("cpu_ns")
    assert {line.split(",")[column] for line in records[1:]} == {"nan"}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (benchmark(), ("tests/test_x.py::test_a", "pytest", 0)),
        (benchmark(group="sums"), ("pytest/sums", "test_a", 0)),
        (benchmark("test_a[x-1]", params={"library": "np", "n": 1}),
         ("tests/test_x.py::test_a[n=1]", "np", 0)),
        (benchmark("test_a[x]", params={"toolkit": "np"}, group="sums"),
         ("tests/test_x.py::test_a", "np", 0)),
        (benchmark("test_a[1]", params={"n": 1}), ("tests/test_x.py::test_a[1]", "pytest", 0)),
        (benchmark(extra_info={"backend": "np"}, group="a/b"), ("a/b", "np", 0)),
        (benchmark(extra_info={"backend": "np", "replica": 1}),
         ("tests/test_x.py::test_a", "np", 1)),
    ],
    ids=["alone", "group", "parameter", "parameter before group", "other parameter", "told",
         "twin"],
)  # fmt: skip
def test_case_and_backend_come_from_what_the_file_says(
    tmp_path: Path, given: dict[str, Any], key: tuple[str, str, int]
) -> None:
    assert keys(file(tmp_path, given)) == [key]


def test_what_is_not_said_is_not_known(tmp_path: Path) -> None:
    contents = sources.read(file(tmp_path, benchmark()))
    (record,) = contents.records
    assert record.checks is None
    assert record.outcome is Outcome.OK
    assert all(math.isnan(b.cpu_ns) and math.isnan(b.involuntary) for b in record.blocks)
    assert [b.wall_ns for b in record.blocks] == [5000, 10000, 15000]
    assert contents.meta["machine"]["cores"] is None
    assert export.tables(contents)["records"][0]["error_fraction"] is None


def test_what_our_plugin_says_is_kept(tmp_path: Path) -> None:
    info = {"backend": "np", "outcome": "mismatch", "error_fraction": 3.5, "loops": 100,
            "toolkit": "NumPy", "version": "2", "threads": 2, "first_call_ns": 7,
            "tags": {"n": 4, "dtype": "float64"}}  # fmt: skip
    contents = sources.read(file(tmp_path, benchmark(extra_info=info, group="a/b")))
    (record,) = contents.records
    assert record.outcome is Outcome.MISMATCH
    assert [c.fraction for c in record.checks or ()] == [3.5]
    assert [b.loops for b in record.blocks] == [100, 100, 100]
    assert record.figures == {"first_call_ns": 7.0}
    assert contents.cases[0].dtype == "float64"
    assert contents.meta["settings"] == {"threads": 2}
    assert contents.environments["np"]["hello"]["describe"]["version"] == "2"
    assert contents.problems == []


def test_several_files_are_rounds_and_a_planted_difference_is_found(tmp_path: Path) -> None:
    for number in range(6):
        weather = 1.0 + number / 3
        given = [
            benchmark(f"test_a[{b}]", params={"backend": b},
                      stats={"median": weather * its * (1 + 0.002 * (number % 3))})
            for b, its in (("base", 1e-6), ("slow", 1.1e-6))
        ]  # fmt: skip
        given[0]["stats"]["median"] *= 1 + 0.001 * number
        file(tmp_path, *given, name=f"{number:04}_x.json")
    (cell,) = compare_within(sources.read(tmp_path)).cells
    assert cell.verdict is Verdict.SLOWER
    assert cell.speed is not None
    assert cell.speed.rounds == 6
    assert cell.speed.ratio == pytest.approx(1.1, rel=0.01)


def spoilt(spoil: Callable[[Any], Any]) -> Any:
    data: Any = {"machine_info": MACHINE, "benchmarks": [benchmark()], "version": "5",
                 "datetime": "2026-01-01T00:00:00"}  # fmt: skip
    data = copy.deepcopy(data)
    return spoil(data) or data


def put(*keys: Any) -> Callable[[Any], Any]:
    """Return what puts the last of ``keys`` where the others lead."""

    def spoil(data: Any) -> None:
        *path, last, value = keys
        for key in path:
            data = data[key]
        data[last] = value

    return spoil


FIRST = ("benchmarks", 0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: [1], r"x\.json: is \[1\], expected an object"),
        (put("benchmarks", None), r"x\.json: benchmarks is missing, expected a list"),
        (put("benchmarks", []), "no benchmarks, expected at least one"),
        (put("datetime", 7), "datetime is 7, expected a text"),
        (put("machine_info", "mine"), "machine_info is 'mine', expected an object"),
        (put("benchmarks", [5]), r"benchmarks\[0\] is 5, expected an object"),
        (put(*FIRST, "fullname", ""), r"benchmarks\[0\]\.fullname is '', expected a text"),
        (put(*FIRST, "stats", {}), r"benchmarks\[0\]\.stats\.median is missing"),
        (put(*FIRST, "stats", "median", "fast"), r"stats\.median is 'fast', expected a number"),
        (put(*FIRST, "stats", "median", 0), r"stats\.median is 0, expected a number above 0"),
        (put(*FIRST, "stats", "median", math.nan), r"stats\.median is nan, expected a number"),
        (put(*FIRST, "stats", "median", math.inf), r"stats\.median is inf, expected a number"),
        (
            put(*FIRST, "stats", "median", 10**400),
            r"stats\.median is 10+, expected .* at most 1e\+09",
        ),
        (put(*FIRST, "stats", "iterations", 10**400), "iterations is 10+, expected a whole number"),
        (put(*FIRST, "extra_info", {"backend": "np", "loops": 10**400}), "loops is 10+, expected"),
        (put(*FIRST, "extra_info", {"backend": "np", "replica": -1}), "replica is -1, expected"),
        (put(*FIRST, "stats", "data", [1e-6, -1]), r"stats\.data\[1\] is -1, expected a number"),
        (put(*FIRST, "stats", "data", [True]), r"stats\.data\[0\] is True, expected a number"),
        (put(*FIRST, "stats", "iterations", 0), r"iterations is 0, expected a whole number from 1"),
        (put(*FIRST, "params", [1]), r"params is \[1\], expected an object"),
        (put(*FIRST, "extra_info", {"backend": ["np"]}), r"extra_info\.backend is \['np'\]"),
        (put(*FIRST, "extra_info", {"outcome": "great"}), "outcome is 'great', expected one of ok"),
        (put(*FIRST, "extra_info", {"error_fraction": -1}), "error_fraction is -1, expected"),
        (put("benchmarks", [benchmark(), benchmark()]), r"benchmarks\[1\]\.fullname .*already"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_place(
    tmp_path: Path, spoil: Callable[[Any], Any], message: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(spoilt(spoil)), encoding="utf-8")
    with pytest.raises(BakeoffError, match=message):
        sources.read(path)


@pytest.mark.parametrize(
    "text", ["", "{", "\x00", "[" * 100_000], ids=["empty", "cut", "NUL", "deep"]
)
def test_what_is_no_json_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    assert main(["compare", str(tmp_path / "x.json")]) == 2
    assert "x.json is no JSON file" in capsys.readouterr().err


def test_files_that_are_not_rounds_of_one_run_are_refused(tmp_path: Path) -> None:
    first = file(tmp_path, benchmark())
    again = file(tmp_path, benchmark(), name="0002_x.json")
    with pytest.raises(UsageError, match=r"0002_x\.json is .*0001_x\.json again"):
        benchmark_reader.read([first, again])
    other = file(tmp_path, benchmark("test_b"), name="0003_x.json",
                 machine_info={**MACHINE, "machine": "other"})  # fmt: skip
    with pytest.raises(UsageError, match=r"of another machine .*architecture: 'other', 'toy'"):
        benchmark_reader.read([first, other])


def test_a_folder_without_any_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path)]) == 2
    assert "no file" in capsys.readouterr().err


def test_cells_of_our_own_plugin_are_read_as_what_they_are(tmp_path: Path) -> None:
    """A real session of two backends, one of them a variant."""
    here = f"numpy=={np.__version__}"
    environ = {**os.environ, "BAKEOFF_CACHE_DIR": str(tmp_path / "cache")}  # its lock too
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--bakeoff",
         "--bakeoff-in-place", "--bakeoff-backends", f"numpy,{here}", "--bakeoff-cases",
         "matmul/square-float32-64-*", "--benchmark-max-time=0.05", "--benchmark-min-rounds=3",
         "--benchmark-json=0001_x.json"],
        cwd=tmp_path, check=True, capture_output=True, env=environ,
    )  # fmt: skip
    contents = sources.read(tmp_path)
    assert {r.backend for r in contents.records} == {"numpy", here}
    assert contents.meta["reference"] == "numpy"
    assert contents.problems == []
    for record in contents.records:
        assert record.outcome is Outcome.OK
        assert 0 < (record.checks or ())[0].fraction < 1
        assert record.figures["first_call_ns"] > 0
    assert {c.dtype for c in contents.cases} == {"float32"}
    assert [c.backend for c in compare_within(contents).cells] == [here] * len(contents.cases)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    slow = {("case1", "mine"): 1.1}
    folder = written(tmp_path / "run", run(1, slow, cases=CASES[:3], created="2026-01-01"))
    assert (
        main(["export", folder, "--format", "pytest-benchmark", "--to", str(tmp_path / "x")]) == 0
    )
    return tmp_path / "x"


def test_pytest_benchmark_itself_compares_what_was_written(exported: Path) -> None:
    files = sorted(exported.iterdir())
    assert [f.name for f in files] == [f"{n:04}_bakeoff.json" for n in range(1, 7)]
    found = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "--csv=table.csv", *map(str, files)],
        cwd=exported.parent, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "toy/case1[mine]" in found.stdout
    table = (exported.parent / "table.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 1 + 6 * 3 * 2
    assert "warning" not in (found.stdout + found.stderr).lower()


def test_what_was_written_is_read_back_with_its_verdicts(exported: Path) -> None:
    there = compare_within(sources.read(exported.parent / "run"))
    back = compare_within(sources.read(exported))
    assert back.reference == there.reference == "ref"
    for before, after in zip(there.cells, back.cells, strict=True):
        assert (after.case, after.backend, after.verdict) == (
            before.case, before.backend, before.verdict,
        )  # fmt: skip
        assert before.speed is not None
        assert after.speed is not None
        assert after.speed.ratio == pytest.approx(before.speed.ratio, rel=1e-6)


def test_the_statistics_are_those_of_pytest_benchmark(exported: Path) -> None:
    """Ours, of a run with several blocks, beside the tool's own class."""
    data = [1.0, 1.2, 0.9, 1.1, 5.0, 1.05, 0.95, 1.15, 1.0]
    theirs = Stats()
    for value in data:
        theirs.update(value)
    ours = _stats(data, 3)
    for name in ("min", "max", "mean", "stddev", "rounds", "median", "total", "ops",
                 "stddev_outliers"):  # fmt: skip
        assert ours[name] == pytest.approx(getattr(theirs, name)), name
    assert set(ours) == {*Stats.fields, "data", "iterations"}
    assert ours["median"] == statistics.median(data)


def test_a_run_without_times_has_nothing_for_pytest_benchmark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "r", run(1, change=lambda r: dataclasses.replace(r, blocks=())))
    assert main(["export", folder, "--format", "pytest-benchmark"]) == 2
    assert "nothing in this run was timed" in capsys.readouterr().err
