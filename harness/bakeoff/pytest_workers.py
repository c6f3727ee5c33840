"""The workers of a pytest session: one per backend, started when first needed."""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

from bakeoff import environments, machine, plan, plugins, variants
from bakeoff.errors import BakeoffError
from bakeoff.examiner import Examiner, OracleExaminer
from bakeoff.interface import Backend
from bakeoff.launch import launch_for
from bakeoff.occupant import Occupant
from bakeoff.oracle import Oracle
from bakeoff.plan import Seat
from bakeoff.plugins import Plugins
from bakeoff.pytest_plugin import DEFAULT_BACKENDS
from bakeoff.record import Outcome
from bakeoff.settings import Settings
from bakeoff.worker import WorkerFailure

ORACLE = "numpy"  # the backend that the oracle runs on


def settings_of(config: pytest.Config) -> Settings:
    """Return what the command line asks for, as the settings of a run.

    Without ``--bakeoff-backends`` it is the default backend, in place.
    """
    given = config.getoption("bakeoff_backends")
    return Settings(
        preset=config.getoption("bakeoff_preset"),
        backends=tuple(variants.split(given or DEFAULT_BACKENDS)),
        suites=names(config.getoption("bakeoff_suites") or ""),
        cases=tuple(config.getoption("bakeoff_cases")),
        threads=config.getoption("bakeoff_threads"),
        in_place=config.getoption("bakeoff_in_place") or given is None,
        plugins=tuple(config.getoption("bakeoff_plugin")),
        timeout_s=config.getoption("bakeoff_timeout"),
    )


def names(text: str) -> tuple[str, ...]:
    """Return what stands between the commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass
class Workers:
    """The backends' workers, shared by all items.

    A worker that crashed or hung is replaced; one that cannot be had, or is lost too
    often, is not tried again (`bakeoff.occupant`).

    Attributes
    ----------
    settings
        Threads, timeout, and whether environments are made.
    plugins
        What is registered.
    scratch
        A folder for arrays in passing, removed at the end.
    """

    settings: Settings
    plugins: Plugins
    scratch: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="bakeoff-pytest-")))
    _stack: ExitStack = field(default_factory=ExitStack)
    _examiner: Examiner | None = None
    _occupants: dict[str, Occupant] = field(default_factory=dict)
    _unavailable: dict[str, WorkerFailure] = field(default_factory=dict)

    @property
    def examiner(self) -> Examiner:
        """Who compares with the oracle: the reference engine in float64, in place."""
        if self._examiner is None:
            plan.choose("backend", [ORACLE], self.plugins.backends)
            launch = launch_for(self.plugins.backends[ORACLE], sys.executable)
            oracle = self._stack.enter_context(Oracle(launch, self.scratch))
            self._examiner = OracleExaminer(oracle)
        return self._examiner

    def occupant(self, name: str) -> Occupant:
        """Return who holds the backend's worker.

        Raises
        ------
        WorkerFailure
            ``unavailable``, if the backend's environment cannot be had.
        UsageError
            If there is no such backend.
        """
        if name in self._unavailable:
            raise self._unavailable[name]
        if name not in self._occupants:
            (backend,) = plan.choose_backends([name], self.plugins.backends)
            try:
                self._occupants[name] = self._seated(backend)
            except BakeoffError as error:
                failure = WorkerFailure(Outcome.UNAVAILABLE, str(error))
                self._unavailable[name] = failure
                raise failure from error
        return self._occupants[name]

    def _seated(self, backend: Backend) -> Occupant:
        environment = environments.provide(backend, in_place=self.settings.in_place)
        launch = launch_for(backend, str(environment.python), self.settings.threads, self._cpu)
        logs = self.scratch / "logs"
        logs.mkdir(exist_ok=True)
        timeout_s = self.settings.pace.timeout_s
        return Occupant(Seat(backend.name, 0), backend, launch, timeout_s, self.scratch, logs)

    @cached_property
    def _cpu(self) -> int | None:
        """One core for all workers, as in a run; none where they have more than one thread."""
        return machine.pick_cpu() if self.settings.threads == 1 else None

    def close(self) -> None:
        """End every worker. May be repeated."""
        for occupant in self._occupants.values():
            occupant.leave()
        self._stack.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


_WORKERS = pytest.StashKey[Workers]()


def workers_of(config: pytest.Config) -> Workers:
    """Return the session's workers; they end with the session, also after Ctrl-C.

    Raises
    ------
    UsageError
        If the options make no sense.
    """
    if _WORKERS not in config.stash:
        settings = settings_of(config)
        workers = Workers(settings, plugins.load(settings.plugins, config.invocation_params.dir))
        config.stash[_WORKERS] = workers
        config.add_cleanup(workers.close)
    return config.stash[_WORKERS]
