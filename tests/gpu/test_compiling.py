"""Every kernel compiles for every architecture, by NVRTC, without a device or a driver."""

import subprocess
import sys
from pathlib import Path

import pytest

import bakeoff_cupy
from bakeoff_cupy.kernels import KERNELS, names
from bakeoff_cupy.kernels.nvrtc import ARCHITECTURES, REQUIREMENTS
from gpu.provided import python_with

pytestmark = pytest.mark.toolkit
PACKAGE = Path(bakeoff_cupy.__file__).parent


@pytest.fixture(scope="module")
def python() -> Path:
    """CuPy's and NVRTC's interpreter."""
    return python_with("cupy-kernels", "CuPy", REQUIREMENTS)


def compiled(python: Path, folder: Path, *architectures: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [python, "-m", "kernels.nvrtc", *architectures],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_kernel_compiles_and_spills_nothing(python: Path) -> None:
    done = compiled(python, PACKAGE)
    assert done.returncode == 0, done.stderr
    rows = [line.split(maxsplit=9) for line in done.stdout.splitlines()]
    wanted = {(a, k) for a in ARCHITECTURES for name in KERNELS for k in names(name)}
    assert {(row[0], row[-1]) for row in rows} == wanted
    assert all(int(row[1]) > 0 and int(row[3]) == 0 for row in rows)
    sys.stdout.write(done.stdout)


def test_a_typing_error_is_told_with_its_line(python: Path, tmp_path: Path) -> None:
    planted = tmp_path / "kernels"
    planted.mkdir()
    for file in (PACKAGE / "kernels").iterdir():
        if file.is_file():
            text = file.read_text().replace("expf(wide(z[c]) - most)", "expf(wide(z[c]) - mots)")
            (planted / file.name).write_text(text)
    done = compiled(python, tmp_path, "sm_90")
    assert done.returncode == 1
    assert "softmax_cross_entropy.cu for sm_90" in done.stderr
    assert 'identifier "mots" is undefined' in done.stderr
    assert "adam<float>" in done.stdout, "the other files are compiled all the same"
