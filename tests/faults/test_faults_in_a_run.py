"""`bakeoff run` over backends with faults: each gets its record, and nobody else suffers."""

import subprocess
import sys
from pathlib import Path

import planted_faults
import pytest

from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Outcome

COMMAND = [
    sys.executable, "-c", "import sys; from bakeoff.cli import main; sys.exit(main())",
    "run", "--preset", "smoke", "--suites", "faults", "--in-place", "--no-report",
    "--plugin", planted_faults.__file__, "--timeout", "3", "--max-time", "1",
]  # fmt: skip

OK, MISMATCH = Outcome.OK, Outcome.MISMATCH
EXPECTED = {  # on the cases product and layer-gradient
    "numpy": (OK, OK),
    "bias-gradient-missing": (OK, MISMATCH),
    "keeps-the-first-result": (MISMATCH, MISMATCH),
    "gradients-add-up": (OK, MISMATCH),
    "changes-its-input": (MISMATCH, MISMATCH),
    "float64-in-float32": (OK, OK),
    "crashes": (Outcome.CRASHED, Outcome.CRASHED),
    "hangs": (Outcome.TIMEOUT, Outcome.TIMEOUT),
    "leaves-processes": (OK, OK),
}


def test_each_backend_gets_its_own_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "cache"))
    cases = ("product", "layer-gradient")
    options = [x for c in cases for x in ("--cases", f"faults/{c}")]
    done = subprocess.run(
        [*COMMAND, *options, "--backends", ",".join(EXPECTED), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    with Journal(tmp_path / "out" / FILE_NAME) as journal:
        records = list(journal.records())
    found = {(r.backend, r.case_id.partition("/")[2]): r.outcome for r in records if r.replica == 0}
    assert found == {
        (name, case): outcome
        for name, outcomes in EXPECTED.items()
        for case, outcome in zip(cases, outcomes, strict=True)
    }, done.stdout + done.stderr
