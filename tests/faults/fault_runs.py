"""A whole `bakeoff run` over planted backends, and what is ranked of it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from bakeoff import export
from bakeoff.ranking import Ranking, settings_of


def ranked(
    plugin: ModuleType, suite: str, backends: Sequence[str], out: Path, *options: str
) -> Ranking:
    """Run a plugin's suite on backends, the first of them the reference."""
    done = subprocess.run(
        [
            sys.executable, "-m", "bakeoff", "run", "--in-place", "--no-report",
            "--plugin", str(plugin.__file__), "--suites", suite,
            "--backends", ",".join(backends), "--out", str(out), *options,
        ],
        env={**os.environ, "BAKEOFF_CACHE_DIR": str(out / "cache")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    run = export.read(out)
    return Ranking(run.cases, settings_of(run.meta, run.environments, run.records), run.records)
