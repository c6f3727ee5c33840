"""The museum's workers, each in its toolkit's own environment; one of each per session."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # the modules beside this file

from exhibits import BACKENDS, Museum

from bakeoff.launch import launch_for
from bakeoff.occupant import Occupant
from bakeoff.oracle import Oracle
from bakeoff.plugins import load
from bakeoff.worker import Worker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares an environment and its workers together where tests run side by side."""
    for item in items:
        given = getattr(getattr(item, "callspec", None), "params", {})
        backend = given.get("backend") or getattr(given.get("defect"), "backend", None)
        if backend in BACKENDS:
            item.add_marker(pytest.mark.xdist_group(BACKENDS[backend].toolkit))


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """The float64 oracle, on the running Python."""
    launch = launch_for(load().backends["numpy"], sys.executable)
    with Oracle(launch, tmp_path_factory.mktemp("oracle")) as oracle:
        yield oracle


@pytest.fixture(scope="session")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Museum]:
    """Environments and workers of all backends, made when they are first asked for."""
    museum = Museum(BACKENDS, tmp_path_factory.mktemp("museum"))
    yield museum
    museum.close()


@pytest.fixture(scope="session")
def occupant_of(museum: Museum) -> Callable[[str], Occupant]:
    """Seat a backend; skip, with the installer's reason, where its environment cannot be had."""
    return museum.occupant


@pytest.fixture(scope="session")
def worker_of(museum: Museum) -> Callable[[str], Worker]:
    """Give a backend's worker; a fresh one where the last was lost."""
    return lambda name: museum.occupant(name).worker()
