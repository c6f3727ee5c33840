"""The backends' environments and workers, without asking any package index."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff import environments
from bakeoff.errors import EnvironmentFailure
from bakeoff.interface import Backend
from bakeoff.plugins import load
from bakeoff.seating import Provided
from bakeoff.worker import Worker, launch_for

TIMEOUT_S = 120.0
WorkerOf = Callable[[str], AbstractContextManager[Worker]]


def interpreter(backend: Backend, in_place: bool = False) -> str:
    """Return the Python that has what a backend needs.

    Raises
    ------
    EnvironmentFailure
        If it is not there already: nothing is installed here.
    """
    if in_place:
        return str(environments.provide(backend, in_place=True).python)
    found = environments.find(backend)
    if found is None:
        raise EnvironmentFailure(
            f"backend {backend.name}: its environment is not there, and the check installs "
            f"nothing; while there is a network, say `bakeoff env create {backend.name}`"
        )
    return str(found.python)


def provide(in_place: bool) -> Callable[[Backend, Callable[[str], None]], Provided]:
    """Return what gives a run its interpreters."""
    return lambda backend, progress: Provided(interpreter(backend, in_place), {})


def worker_of(in_place: bool) -> WorkerOf:
    """Return what starts a backend's worker by its name."""

    @contextmanager
    def start(name: str) -> Iterator[Worker]:
        backend = load().backends[name]
        launch = launch_for(backend, interpreter(backend, in_place))
        with (
            TemporaryDirectory(prefix="bakeoff-") as scratch,
            Worker(launch, TIMEOUT_S, Path(scratch)) as worker,
        ):
            yield worker

    return start
