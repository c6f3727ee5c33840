"""The README's example of a stranger's backend works as printed, in its own environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Outcome

EXAMPLE = Path(__file__).parents[2] / "examples" / "mine_backend.py"


@pytest.mark.toolkit
def test_a_backend_of_two_files_trains_and_is_right(tmp_path):
    command = [sys.executable, "-m", "bakeoff", "run", "--plugin", str(EXAMPLE)]
    command += ["--backends", "numpy,mine-autograd", "--suites", "matmul,two_layer,conv"]
    command += ["--preset", "smoke", "--max-time", "5", "--no-report", "--out", str(tmp_path)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=tmp_path, env=os.environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Journal(tmp_path / FILE_NAME) as journal:
        outcomes = {
            (r.case_id.split("/")[0], r.outcome)
            for r in journal.records()
            if r.backend == "mine-autograd"
        }
    assert outcomes == {
        ("matmul", Outcome.OK),
        ("two_layer", Outcome.OK),
        ("conv", Outcome.UNSUPPORTED),  # the example offers no convolution
    }
