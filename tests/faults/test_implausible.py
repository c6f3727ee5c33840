"""What is right and impossibly fast is not ranked; what is honest, however fast, is."""

import subprocess
import sys
from pathlib import Path

import planted_faults
import pytest

from bakeoff.ceilings import in_journal
from bakeoff.export import read
from bakeoff.ranking import Ranking, settings_of
from bakeoff.record import Outcome

COMMAND = [
    sys.executable, "-c", "import sys; from bakeoff.cli import main; sys.exit(main())",
    "run", "--no-report", "--plugin", planted_faults.__file__,
]  # fmt: skip


def measured(out: Path, *options: str) -> tuple[Ranking, str]:
    """Run; return the ranking, and what was told."""
    command = [*COMMAND, "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    run = read(out)
    settings = settings_of(run.meta, run.environments, run.records)
    return Ranking(run.cases, settings, run.records, in_journal(run.meta)), done.stdout


def test_a_backend_that_remembers_is_right_and_implausible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "cache"))
    case = "matmul/square-float32-512-forward"
    ranking, told = measured(
        tmp_path / "out", "--preset", "quick", "--suites", "matmul", "--cases", case,
        "--in-place", "--backends", "numpy,remembers-results,numpy-plan", "--max-time", "10",
    )  # fmt: skip
    assert ranking.outcome(case, "remembers-results") is Outcome.OK
    (remark,) = (r for r in ranking.remarks(case, "remembers-results") if r.forbids)
    assert remark.kind == "implausible"
    assert ranking.why_not(case, "remembers-results") == f"not ranked: {remark.text}"
    for honest in ("numpy", "numpy-plan"):
        assert not ranking.why_not(case, honest)
    one_line = " ".join(told.split())
    assert f"Not ranked: {case} on remembers-results: implausible: " in one_line


@pytest.mark.toolkit
def test_honest_backends_are_not_accused(tmp_path: Path) -> None:
    """With a machine that others use, too."""
    ranking, told = measured(
        tmp_path, "--preset", "quick", "--suites", "matmul,conv,operators",
        "--backends", "numpy,numpy-plan,torch", "--max-time", "30",
    )  # fmt: skip
    cells = [(c, b) for c in ranking.timed() for b in ranking.settings]
    assert len(cells) > 60
    assert all(ranking.ceilings(b).gemm for b in ranking.settings), told
    accused = {cell: r.text for cell in cells for r in ranking.remarks(*cell) if r.forbids}
    assert not accused
