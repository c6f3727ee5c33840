"""The float64 oracle, and the CuPy backend's worker with NumPy in CuPy's place."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bakeoff_reference
from bakeoff.oracle import Oracle
from bakeoff.plugins import load
from bakeoff.worker import Launch, Worker, launch_for

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """The float64 oracle, on the running Python."""
    launch = launch_for(load().backends["numpy"], sys.executable)
    with Oracle(launch, tmp_path_factory.mktemp("oracle")) as oracle:
        yield oracle


@pytest.fixture(scope="session")
def compiled_kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kernels lie compiled for the CPU."""
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture(scope="session")
def posed(tmp_path_factory: pytest.TempPathFactory, compiled_kernels: Path) -> Iterator[Worker]:
    """The backend ``cupy``: its own adapter in a worker of its own, over stand-ins."""
    yield from _worker("Posed", tmp_path_factory.mktemp("posed"), compiled_kernels)


@pytest.fixture(scope="session")
def posed_graph(
    tmp_path_factory: pytest.TempPathFactory, compiled_kernels: Path
) -> Iterator[Worker]:
    """The backend ``cupy-graph``, likewise."""
    yield from _worker("PosedGraph", tmp_path_factory.mktemp("graph"), compiled_kernels)


def _worker(adapter: str, scratch: Path, kernels: Path) -> Iterator[Worker]:
    launch = Launch(
        python=sys.executable,
        adapter_file=str(HERE / "posed.py"),
        adapter_class=adapter,
        name="cupy",
        env={"POSED_KERNELS": str(kernels)},
        packages={"bakeoff_reference": _folder(bakeoff_reference), "gpu": str(HERE)},
    )
    with Worker(launch, 120.0, scratch) as worker:
        yield worker


def _folder(package: object) -> str:
    return str(Path(package.__file__).parent)  # type: ignore[attr-defined]
