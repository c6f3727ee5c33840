"""The worker's side is valid on Python 3.6, and runs there."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bakeoff_worker

FOLDER = Path(bakeoff_worker.__file__).parent
SOURCES = [*sorted(FOLDER.glob("*.py")), Path(__file__).with_name("fake_adapter.py")]
OLD = ("3.6", "3.7", "3.8")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_sources_are_valid_python_36(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "__future__", "3.6 lacks the annotations feature"
            assert node.module != "dataclasses", "3.6 lacks dataclasses"


def interpreters(version):
    """Yield interpreters of a version: named by the user, on the PATH, of pyenv."""
    named = os.environ.get("BAKEOFF_TEST_PYTHONS", "")
    yield from (p for p in named.split(os.pathsep) if p)
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(p) for p in sorted(pyenv.glob(f"{version}.*/bin/python")))


def says(python, code):
    """Return what an interpreter prints, "" if it cannot run the code."""
    try:
        done = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, timeout=20, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def uv():
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


@pytest.fixture(scope="module", params=OLD)
def old_python(request, tmp_path_factory):
    """An interpreter of the version that has NumPy; one is made if uv can."""
    version = request.param
    right = [
        p
        for p in interpreters(version)
        if says(p, "import sys; print('%d.%d' % sys.version_info[:2])") == version
    ]
    if not right:
        pytest.skip(f"no Python {version} found (pyenv, PATH or BAKEOFF_TEST_PYTHONS)")
    for python in right:
        if says(python, "import numpy; print(1)"):
            return python
    if uv() is None:
        pytest.skip(f"{right[0]} has no numpy, and there is no uv to make an environment")
    folder = tmp_path_factory.mktemp(f"python{version}")
    python = str(folder / "bin" / "python")
    for command in (
        ["venv", "--python", right[0], str(folder)],
        ["pip", "install", "--python", python, "numpy"],
    ):
        done = subprocess.run(
            [str(uv()), "-q", *command], capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            pytest.skip(f"Python {version}: uv {command[0]} failed: {done.stderr[-300:]}")
    return python


def test_a_round_trip_on_an_old_python(
    old_python, start, product, factors, regression, regression_inputs
):
    worker = start(python=old_python, cpu=0)
    assert worker.hello["python"].startswith(OLD)
    worker.prepare(product, factors)
    (c,), _ = worker.call()
    np.testing.assert_allclose(c, factors["a"] @ factors["b"], rtol=1e-5)
    loops = worker.calibrate(2_000_000)
    block = worker.block(loops)
    assert block.wall_ns > 0
    assert worker.usage()["peak_rss_bytes"] > 0
    worker.prepare(regression("adam", {"lr": 0.1}), regression_inputs, batches=4)
    losses = worker.train(20, keep=[20])["losses"]
    assert losses[-1] < losses[0]
