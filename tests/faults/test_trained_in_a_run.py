"""Runs that train a network: one in which two backends truly differ, one in which they do not."""

from pathlib import Path

import planted_faults
import pytest

from bakeoff.cli import main
from bakeoff_reports.analysis import analyse, load
from bakeoff_reports.trained import all_tests, models_of
from bakeoff_reports.trajectories import trajectories

RUN = [
    "run", "--preset", "quick", "--suites", "two_layer", "--in-place", "--max-time", "1",
    "--cases", "*128-10-float32-batch64-adam-*", "--plugin", planted_faults.__file__,
]  # fmt: skip
FAULTY = "relu-gradient-missing"
RUNS = [("numpy-plan", False, 0), (FAULTY, True, 1)]


@pytest.mark.parametrize(("other", "differ", "code"), RUNS, ids=[r[0] for r in RUNS])
def test_models_are_told_apart_only_if_they_differ(
    other: str, differ: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "cache"))
    out = tmp_path / "out"
    assert main([*RUN, "--backends", f"numpy,{other}", "--out", str(out)]) == code
    analysis = analyse(load(out))
    (case,) = (c for c in analysis.run.cases if c.fit)
    models = models_of(analysis, case)
    assert set(models) == {"numpy", other}
    (test,) = all_tests({case.id: models}).values()
    assert test.differ() is differ
    page = (out / "report.html").read_text(encoding="utf-8")
    assert ("No two models can be told apart" in page) is not differ
    assert (f"numpy is better than {other}" in page) is differ
    assert ("None left the envelope" in page) is not differ
    assert ("relu (v2)" in page) is differ
    assert trajectories(analysis)
