"""Measuring the ceilings: at the end of a round, when no cell can suffer from it.

A toolkit that fails there loses no result, and what the products leave in its memory is in
nobody's figures. The first round measures every backend; later ones as long as all of it
takes no more than a small share of the run: a machine that was busy once was not so always.
"""

from collections.abc import Iterable
from contextlib import suppress

from bakeoff.case import Case
from bakeoff.ceilings import META, Ceilings, best, in_journal
from bakeoff.journal import Journal
from bakeoff.occupant import Occupant
from bakeoff.rules import FLOATS
from bakeoff.timing import Deadline, clock_for
from bakeoff.worker import WorkerFailure

SHARE = 0.05  # of a run's time, at most, after the first round
LEAST_BUDGET_S = 10.0  # in less there is no time for it
TIMEOUT_S = 30.0


class Survey:
    """The ceilings of a run's backends, kept in its journal.

    Parameters
    ----------
    journal
        Where they are kept; those of an earlier session are in it.
    cases
        Of the plan: the dtypes of those that are timed are measured.
    threads
        Of the workers.
    """

    def __init__(self, journal: Journal, cases: Iterable[Case], threads: int) -> None:
        self._journal = journal
        self._threads = threads
        asked = {c.dtype for c in cases if c.timed}
        # half precision may be computed in single
        self._dtypes = [d for d in FLOATS if d in asked | {"float32"}] if asked else []
        self._spent_s = 0.0
        self.found = in_journal(journal.meta)

    def take(self, occupants: Iterable[Occupant], deadline: Deadline) -> None:
        """Ask the workers that are still there, if it is time to."""
        if not self._dtypes or (deadline.budget_s or LEAST_BUDGET_S) < LEAST_BUDGET_S:
            return
        began_s = deadline.elapsed_s
        again = self._spent_s <= SHARE * began_s
        asked = [
            occupant
            for occupant in occupants
            if not occupant.seat.replica and (again or occupant.backend.name not in self.found)
        ]
        before = dict(self.found)
        # a memory is one for all who compute in it
        copiers = {o.backend.device: o for o in reversed(asked) if o.present}
        for occupant in asked:
            device = occupant.backend.device
            where = "host" if device == "cpu" else "device"
            with suppress(WorkerFailure):  # no cell of its was lost
                self._ask(occupant, where if occupant is copiers.get(device) else "")
        self._spent_s += deadline.elapsed_s - began_s
        if self.found != before:
            self._journal.set_meta(META, {n: c.to_json() for n, c in self.found.items()})

    def _ask(self, occupant: Occupant, copying: str) -> None:
        worker, backend = occupant.present, occupant.backend
        if worker is None:
            return
        clock = clock_for(self._threads, backend.device)
        measured = worker.ceilings(self._dtypes, clock, copying, TIMEOUT_S)
        self.found[backend.name] = best(self.found.get(backend.name, Ceilings()), measured)
