"""Cells as pytest items: collected, examined against the oracle, timed by pytest-benchmark."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bakeoff import machine
from bakeoff.case import Case
from bakeoff.errors import BakeoffError
from bakeoff.plan import Plan, make_plan
from bakeoff.pytest_timing import WorkerClock, extra_info, round_of, warm_up
from bakeoff.pytest_verdict import CellFailure, examine
from bakeoff.pytest_workers import Workers, workers_of
from bakeoff.ranking import worst_fraction
from bakeoff.record import Outcome
from bakeoff.trial import Trial
from bakeoff.worker import WorkerFailure

SKIPPED = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE)

_PLAN = pytest.StashKey[Plan]()


def collect(session: pytest.Session) -> Iterator[pytest.Item]:
    """Yield one item per cell of the cases and backends that the command line chooses.

    Raises
    ------
    pytest.UsageError
        If it names what there is not.
    """
    config = session.config
    try:
        workers = workers_of(config)
        plan = make_plan(workers.settings, workers.plugins.backends, workers.plugins.suites)
    except BakeoffError as error:
        raise pytest.UsageError(f"bakeoff: {error}") from error
    config.stash[_PLAN] = plan
    yield from session.genitems(Cells.from_parent(session, workers=workers, plan=plan))


def problems(config: pytest.Config) -> list[str]:
    """Return one line per plugin or suite that could not be used."""
    if _PLAN not in config.stash:  # collecting has failed, and says so
        return []
    found = (*workers_of(config).plugins.problems, *config.stash[_PLAN].problems)
    return [f"bakeoff: {problem}" for problem in found]


class Cells(pytest.Collector):
    """The node above all cells; a case's backends stand next to each other."""

    def __init__(self, *, workers: Workers, plan: Plan, **kwargs: Any) -> None:
        super().__init__(name="bakeoff", nodeid="bakeoff", **kwargs)
        self.workers = workers
        self._plan = plan

    def collect(self) -> Iterator["Cell"]:
        """Yield the items."""
        for case in self._plan.cases:
            for backend in self._plan.backends:
                yield Cell.from_parent(self, case=case, backend=backend.name)


class Cell(pytest.Function):
    """One case on one backend.

    It is a function item, so that pytest-benchmark's fixture, ``-k``, ``-m`` and other
    plugins work on it as on any test.
    """

    def __init__(self, *, parent: Cells, case: Case, backend: str, **kwargs: Any) -> None:
        self.case = case
        self.backend = backend
        self.workers = parent.workers
        self.clock = WorkerClock()
        timed = case.timed and _times(parent.config)
        super().__init__(
            name=f"{case.id}[{backend}]",
            parent=parent,
            callobj=_timed(self) if timed else _examined(self),
            **kwargs,
        )
        if timed:
            self.add_marker(pytest.mark.benchmark(group=case.id, timer=self.clock.seconds))

    @property
    def id(self) -> Any:
        """The node id in parts, where pytest has that (9.2): the backend as a parameter.

        --last-failed compares ids by their parts, and reads them back from strings.
        """
        whole = super().id
        return type(whole).parse(str(whole))

    def examined(self) -> Trial:
        """Return the trial of the cell, run once and found right.

        Raises
        ------
        CellFailure
            If it is not right; a cell that cannot be run skips instead.
        """
        settings = self.workers.settings
        try:
            occupant = self.workers.occupant(self.backend)
        except WorkerFailure as failure:
            pytest.skip(f"{failure.outcome}: {failure.reason}")
        trial = Trial(self.case, occupant, 0, settings.threads)
        examine(trial, self.workers.examiner, self.workers.scratch, settings.pace.timeout_s)
        self.assert_right(trial)
        return trial

    def assert_right(self, trial: Trial) -> None:
        """Skip or fail unless the trial's outcome so far is ok."""
        record = trial.record("")
        if record.outcome in SKIPPED:
            pytest.skip(f"{record.outcome}: {record.reason}")
        if record.outcome is not Outcome.OK:
            raise CellFailure(record)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the item comes from, for headings: no file, so line 0 of none."""
        return self.config.rootpath / "bakeoff", 0, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what was compared, or the toolkit's stack, and not our own."""
        if isinstance(excinfo.value, CellFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def _times(config: pytest.Config) -> bool:
    """Return whether pytest-benchmark is there and wanted."""
    return config.pluginmanager.hasplugin("benchmark") and not config.getoption("benchmark_skip")


def _examined(cell: Cell) -> Callable[[], None]:
    def cell_is_right() -> None:
        cell.examined().release()

    return cell_is_right


def _timed(cell: Cell) -> Callable[[Any], None]:
    def cell_is_right_and_timed(benchmark: Any) -> None:  # the name asks for the fixture
        with ExitStack() as stack:
            try:
                trial = cell.examined()
                rounds = _warmed_up(cell, trial, stack) if benchmark.enabled else 0
            except BaseException as ending:
                # Raised inside, so that pytest-benchmark neither lists nor misses a time.
                benchmark.has_error = True
                benchmark.pedantic(_raise, (ending,))
            if rounds:
                one_round = round_of(trial, cell.clock, cell.assert_right)
                benchmark.pedantic(one_round, rounds=rounds)
            else:
                benchmark.pedantic(_nothing)  # it was run once, to be examined
        trial.usage()
        record = trial.record("")
        info = extra_info(record, worst_fraction([record]), trial.occupant.hello)
        benchmark.extra_info.update(info, includes=cell.case.includes, tags=dict(cell.case.tags))
        trial.release()

    return cell_is_right_and_timed


def _warmed_up(cell: Cell, trial: Trial, stack: ExitStack) -> int:
    """Take the machine's measuring lock for as long as ``stack``; return how many rounds."""
    stack.enter_context(machine.measuring_lock())
    min_rounds = cell.config.getoption("benchmark_min_rounds")
    max_time_s = float(cell.config.getoption("benchmark_max_time"))
    rounds = warm_up(trial, min_rounds, max_time_s)
    cell.assert_right(trial)
    return rounds


def _raise(error: BaseException) -> NoReturn:
    raise error


def _nothing() -> None:
    pass
