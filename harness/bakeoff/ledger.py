"""What a run already knows, so that nothing is measured twice and nothing is forgotten."""

from collections import Counter
from collections.abc import Iterable

from bakeoff.case import Case
from bakeoff.journal import RETRIED, CellKey, key_of
from bakeoff.plan import Cell, Plan, Seat, takes_part
from bakeoff.record import Record
from bakeoff.stopping import Stopping

UNTIMED_ROUNDS = 2  # two processes show whether results are the same in each


class Ledger:
    """The state of every cell, built from the journal's records and kept up to date.

    A cell that failed is *closed*: it is not tried again in later rounds. A resumed run
    opens those again that failed for no fault of their own (interrupted, unavailable).

    Parameters
    ----------
    plan
        What is to be measured.
    rounds
        The most process rounds that a cell should have.
    records
        What is known from before.
    stopping
        Says of which cases enough is known before that; None: of none.
    """

    def __init__(
        self,
        plan: Plan,
        rounds: int,
        records: Iterable[Record] = (),
        stopping: Stopping | None = None,
    ) -> None:
        self.plan = plan
        self._wanted = {c.id: wanted_rounds(c, rounds) for c in plan.cases}
        self._stopping = stopping
        self._done: set[CellKey] = set()
        self._closed: dict[Cell, Record] = {}
        self._measured: Counter[Cell] = Counter()
        self._examined: dict[tuple[str, str], Record] = {}
        for record in records:
            if record.outcome not in RETRIED:
                self.note(record)

    def note(self, record: Record) -> None:
        """Take account of a record."""
        cell = Cell(record.case_id, record.backend, record.replica)
        self._done.add(key_of(record))
        if self._stopping is not None:
            self._stopping.note(record)
        if record.outcome.measured:
            self._measured[cell] += 1
        else:
            self._closed[cell] = record
        if record.checks is not None and record.replica == 0:
            self._examined.setdefault((record.case_id, record.backend), record)

    def examined(self, cell: Cell) -> Record | None:
        """Return the record in which the cell's correctness was examined, if any."""
        return self._examined.get((cell.case_id, cell.backend))

    def unseen(self, cell: Cell) -> bool:
        """Return whether the cell has no record yet."""
        return cell not in self._closed and not self._measured[cell]

    def hungry(self) -> bool:
        """Return whether a cell that did not fail has fewer rounds than it should."""
        unsettled = {c.id for c in self.plan.cases if not self.settled(c.id)}
        return any(c.case_id in unsettled and self._lacks(c) for c in self.plan.cells())

    def _lacks(self, cell: Cell) -> bool:
        return cell not in self._closed and self._measured[cell] < self._wanted[cell.case_id]

    def settled(self, case_id: str) -> bool:
        """Return whether a case is known well enough to be measured no more."""
        return self._stopping is not None and self._stopping.settled(case_id)

    def due(self, case: Case, seats: Iterable[Seat], number: int) -> list[Seat]:
        """Return which seats should run a case in a round.

        None, if the reference has run it in that round without them: a ratio pairs
        processes that ran together. None, if all of them have rounds enough.
        """
        reference = Seat(self.plan.reference, 0)
        if (case.id, *reference, number) in self._done and Cell(
            case.id, *reference
        ) not in self._closed:
            return []
        found = [
            seat
            for seat in seats
            if takes_part(case, seat)
            and Cell(case.id, *seat) not in self._closed
            and (case.id, *seat, number) not in self._done
        ]
        lacking = any(self._lacks(Cell(case.id, *s)) for s in found)
        return found if lacking and not self.settled(case.id) else []


def wanted_rounds(case: Case, rounds: int) -> int:
    """Return how many process rounds a case should have at the most."""
    if case.fit is not None:
        return min(rounds, case.fit.rounds)
    return rounds if case.timed else min(rounds, UNTIMED_ROUNDS)
