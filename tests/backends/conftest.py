"""Every built-in backend's worker, each in its own environment; one of each per session."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from backends.registered import TIMEOUT_S, built_in

from bakeoff import devices, environments
from bakeoff.interface import Backend
from bakeoff.oracle import Oracle
from bakeoff.worker import Worker, launch_for

WorkerOf = Callable[[str], Worker]


@pytest.fixture(scope="session")
def backends() -> dict[str, Backend]:
    """The built-in backends by name."""
    return built_in()


@pytest.fixture(scope="session")
def worker_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerOf]:
    """Start a backend's worker when it is first asked for; skip where its device is missing."""
    backends, started = built_in(), {}
    with ExitStack() as stack:

        def worker(name: str) -> Worker:
            if why := devices.why_missing(backends[name].device):
                pytest.skip(why)
            if name not in started:
                python = environments.provide(backends[name], progress=print).python
                launch = launch_for(backends[name], str(python))
                scratch = tmp_path_factory.mktemp(name)
                started[name] = stack.enter_context(Worker(launch, TIMEOUT_S, scratch))
            return started[name]

        yield worker


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """The float64 oracle, in an environment of its own."""
    backend = built_in()["numpy"]
    python = environments.provide(backend, progress=print).python
    scratch: Path = tmp_path_factory.mktemp("oracle")
    with Oracle(launch_for(backend, str(python)), scratch) as oracle:
        yield oracle
