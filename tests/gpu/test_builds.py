"""Which build of CuPy is taken, and that its cuBLASLt is found where NVIDIA's wheels put it."""

import subprocess
import venv
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import pytest

import bakeoff_cupy
from bakeoff import environments
from bakeoff.interface import Backend
from bakeoff_cupy import builds, cublaslt, device
from bakeoff_cupy.kernels.nvrtc import REQUIREMENTS


@pytest.mark.parametrize(
    ("installed", "driver", "expected"),
    [
        ((), 0, 13),
        ((), 12040, 12),
        ((), 13010, 13),
        ((), 14000, 13),
        ((), 11080, 13),
        (("cupy-cuda12x",), 13010, 12),
        (("cupy-cuda13x",), 12040, 13),
        (("cupy-cuda12x", "cupy-cuda13x"), 0, 13),
    ],
    ids=str,
)
def test_the_build_is_the_users_else_the_drivers_else_the_newest(
    installed: Collection[str], driver: int, expected: int
) -> None:
    assert builds.cuda(lambda name: name in installed, lambda: driver) == expected


@pytest.mark.parametrize("cuda", builds.BUILDS)
def test_every_requirement_is_of_the_same_cuda(cuda: int) -> None:
    wanted = ("cupy-cuda13x[ctk]==14.*", "nvidia-nccl-cu13>=2", "numpy>=2,<3")
    backend = Backend("b", "B", "CuPy", "a:A", requirements=wanted)
    assert builds.built_for(backend, cuda).requirements == (
        f"cupy-cuda{cuda}x[ctk]==14.*", f"nvidia-nccl-cu{cuda}>=2", "numpy>=2,<3",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cuda", "release"), [(13, "9.1"), (12, builds.RELEASES["nvidia-cudnn-cu12"])]
)
def test_a_pinned_release_is_one_that_there_is(cuda: int, release: str) -> None:
    backend = Backend("b", "B", "CuPy", "a:A", requirements=("nvidia-cudnn-cu13==9.1",))
    (found,) = builds.built_for(backend, cuda).requirements
    assert found == f"nvidia-cudnn-cu{cuda}=={release}"


def test_the_environment_is_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "cuda", lambda: 12)
    registered: list[Backend] = []
    bakeoff_cupy.register_backends(registered.append)
    assert registered
    assert all("cupy-cuda12x[ctk]==14.*" in b.requirements for b in registered)


@pytest.mark.parametrize(("version", "major"), [(12090, 12), (13000, 13)])
def test_the_running_build_is_known_by_its_runtime(version: int, major: int) -> None:
    runtime = SimpleNamespace(runtimeGetVersion=lambda: version)
    assert device.cuda(SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))) == major


def test_without_cublaslt_it_is_said_what_to_install() -> None:
    with pytest.raises(ImportError, match=r"^cuBLASLt: .*; install CuPy with its extra ctk$"):
        cublaslt.load()


# -- where the wheels put it -------------------------------------------------------------------

PLACES = {
    "cuda13": "nvidia/cu13/lib/libcublasLt.so.13",
    "cuda12": "nvidia/cublas/lib/libcublasLt.so.12",
}
LOAD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("cublaslt", sys.argv[1])
sys.modules["cublaslt"] = cublaslt = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cublaslt)
print(cublaslt.load().planted())
"""


@pytest.mark.toolkit
@pytest.mark.parametrize("place", [*PLACES.values(), ""], ids=[*PLACES, "nowhere"])
def test_it_is_found_where_the_wheels_of_either_cuda_put_it(place: str, tmp_path: Path) -> None:
    """In an environment that holds a library of the right name, and CuPy's finder from its own."""
    backend = Backend(
        name="cupy-kernels", title="", toolkit="CuPy", adapter="none:None",
        requirements=REQUIREMENTS,
    )  # fmt: skip
    python = environments.provide(backend, progress=print).python
    (finder,) = python.parent.parent.glob("lib/python*/site-packages")
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    if place:
        library = packages / place
        library.parent.mkdir(parents=True)
        command = ["g++", "-shared", "-fPIC", "-x", "c++", "-", "-o", str(library)]
        text = 'extern "C" int planted() { return 42; }'
        subprocess.run(command, input=text, text=True, check=True)
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-c", LOAD, cublaslt.__file__],
        env={"PYTHONPATH": str(finder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if place:
        assert done.stdout == "42\n", done.stderr
    else:
        assert "install CuPy with its extra ctk" in done.stderr
