"""Who sits on a seat: a worker, replaced when it is lost, until it is lost too often."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.interface import Backend, Capabilities
from bakeoff.launch import Launch
from bakeoff.plan import Seat
from bakeoff.record import Outcome
from bakeoff.variants import file_name
from bakeoff.worker import Worker, WorkerFailure

LOST_IN_A_ROW = 3
LOST_IN_ALL = 10
_OF_ONE_PROCESS = ("pid", "import_ns", "ready_ns", "affinity")


class Occupant:
    """The workers of one seat over a run: a fresh one per round, and after each loss.

    Parameters
    ----------
    seat, backend, launch
        Whose workers, and how they are started.
    timeout_s
        For each request.
    scratch, logs
        Folders for arrays in passing, and for what workers print.
    installed
        What the interpreter's environment holds; becomes part of the description.

    Attributes
    ----------
    given_up
        Why no more workers are started, if so.
    """

    def __init__(
        self, seat: Seat, backend: Backend, launch: Launch, timeout_s: float, scratch: Path,
        logs: Path,
        installed: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.seat = seat
        self.backend = backend
        self.given_up: WorkerFailure | None = None
        self._launch = launch
        self._timeout_s = timeout_s
        self._scratch = scratch
        self._logs = logs
        self._installed = dict(installed or {})
        self._worker: Worker | None = None
        self._log: Path | None = None
        self._started = 0
        self._lost = 0
        self._lost_in_a_row = 0

    def worker(self) -> Worker:
        """Return a worker that can be asked, starting one if there is none.

        Raises
        ------
        WorkerFailure
            If it does not start, or too many were lost.
        """
        if self.present is not None:
            return self.present
        if self.given_up is not None:
            raise self.given_up
        self.leave()
        self._log = self._logs / self._log_name()
        self._started += 1
        try:
            self._worker = Worker(self._launch, self._timeout_s, self._scratch, self._log)
        except WorkerFailure as failure:
            self.leave()
            # A toolkit that does not start will not start for the next case either.
            self.given_up = failure
            raise
        return self._worker

    @property
    def present(self) -> Worker | None:
        """The worker, if there is one that can be asked."""
        return self._worker if self._worker is not None and self._worker.alive else None

    @property
    def hello(self) -> dict[str, Any]:
        """What the present worker said of itself; empty without one."""
        return self._worker.hello if self._worker is not None else {}

    @property
    def caches(self) -> bool:
        """Whether later workers find compiled what earlier ones have compiled."""
        return self._launch.caches

    @property
    def capabilities(self) -> Capabilities:
        """What the present worker offers."""
        return Capabilities.from_hello(self.worker().hello)

    @property
    def description(self) -> dict[str, Any]:
        """The environment of the present worker: what is alike in all of its processes."""
        hello = {k: v for k, v in self.hello.items() if k not in _OF_ONE_PROCESS}
        launch = self._launch
        return {
            "backend": self.backend.name,
            "hello": hello,
            "python": launch.python,
            "threads": launch.threads,
            "cpu": launch.cpu,
            # as it was registered, where a folder of this run stands in it
            "env": {k: e if "{cache}" in (e := self.backend.env.get(k, "")) else v
                    for k, v in launch.env.items()},
            "mode": dict(launch.mode),
            "installed": self._installed,
        }  # fmt: skip

    def survived(self) -> None:
        """Note that a case ended with the worker still there."""
        self._lost_in_a_row = 0

    def lost(self, failure: WorkerFailure) -> None:
        """Note a failure; if the worker went with it, count it, and give up in the end."""
        if self._worker is None or self._worker.alive or self.given_up is not None:
            return
        self._lost += 1
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= LOST_IN_A_ROW or self._lost >= LOST_IN_ALL:
            self.given_up = WorkerFailure(
                failure.outcome if failure.outcome is not Outcome.UNSUPPORTED else Outcome.ERROR,
                f"not tried: {self._lost} workers of {self.backend.name} were lost before; "
                f"the last: {failure.reason}",
                failure.signal,
                failure.stack,
                failure.log_tail,
            )

    def leave(self) -> None:
        """End the present worker, if any; drop its log if it printed nothing."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        if self._log is not None and self._log.exists() and self._log.stat().st_size == 0:
            self._log.unlink()

    def _log_name(self) -> str:
        twin = "-twin" if self.seat.replica else ""
        return f"{file_name(self.backend.name)}{twin}-{self._started}.log"
