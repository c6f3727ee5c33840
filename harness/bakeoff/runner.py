"""A run, from its plan to its ending: environments, rounds, and what is kept of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from bakeoff import energy, machine
from bakeoff.examiner import Examiner, OffTheClock
from bakeoff.interface import Backend
from bakeoff.journal import Journal
from bakeoff.ledger import Ledger
from bakeoff.observers import Observers
from bakeoff.occupant import Occupant
from bakeoff.plan import Cell, Plan, Seat
from bakeoff.plugins import Plugins
from bakeoff.progress import Progress
from bakeoff.record import Outcome, Record
from bakeoff.rounds import Bench, run_round
from bakeoff.seating import Provided, groups, seat_all
from bakeoff.settings import Settings
from bakeoff.stopping import Stopping
from bakeoff.survey import Survey
from bakeoff.timing import Deadline, Schedule, clock_for

Ending = Literal["complete", "deadline", "interrupted"]
Provide = Callable[[Backend, Callable[[str], None]], Provided]  # with a listener for progress
ExaminerFor = Callable[[Path, ExitStack], Examiner]  # with scratch, and what closes it


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended; ``outcomes`` counts the records of all its sessions."""

    ending: Ending
    rounds: int
    elapsed_s: float
    outcomes: Mapping[Outcome, int]


class Run:
    """One session of a run: begun, resumed, or both in turn on the same journal.

    Parameters
    ----------
    journal, settings, plan, plugins
        What to measure, and where records go.
    progress
        Is told what goes on.
    provide
        Makes or finds a backend's environment; returns its interpreter or raises
        `BakeoffError`.
    examiner_for
        Starts the oracle.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        plan: Plan,
        plugins: Plugins,
        progress: Progress,
        provide: Provide,
        examiner_for: ExaminerFor,
    ) -> None:
        self.journal = journal
        self.settings = settings
        self.plan = plan
        self.progress = progress
        self._provide_for = provide
        self._examiner_for = examiner_for
        self._observers = Observers(plugins.hook, progress.note)
        known = list(journal.records())
        self._groups = groups(plan.seats, machine.available_memory_bytes())
        clocks = {b.name: clock_for(settings.threads, b.device) for b in plan.backends}
        stopping = Stopping(plan.reference, settings.pace.half_width, clocks)
        self.ledger = Ledger(plan, settings.pace.rounds, known, stopping)
        self._floor_s = _cheapest(known)
        self._last_known = max((r.round for r in known), default=-1)
        self._earlier: list[dict[str, Any]] = journal.meta.get("sessions", [])
        self._session: dict[str, Any] = {}
        self._rounds = 0
        self._deadline = Deadline(self._budget_s())
        self._meter = energy.Meter([])

    def measure(self) -> Result:
        """Measure what the journal lacks.

        ``KeyboardInterrupt`` ends the session early and in order: workers are ended, a
        cell without any record gets one that says so, and the ending is ``interrupted``.
        """
        self._session.update(started=_now(), before=machine.state())
        self._note_ending("")
        ending: Ending = "interrupted"
        try:
            with ExitStack() as stack:
                self._measure(stack)
            ending = "deadline" if self.ledger.hungry() else "complete"
        except KeyboardInterrupt:
            # From the journal: the ledger may lack what was kept as the interrupt came.
            seen = {Cell(*key[:3]) for key in self.journal.outcomes()}
            self.journal.append(*(_interrupted(c) for c in self.plan.cells() if c not in seen))
        finally:
            self._session["after"] = machine.state()
            self._note_ending(ending)
        outcomes = Counter(self.journal.outcomes().values())
        result = Result(ending, self._rounds, self._deadline.elapsed_s, outcomes)
        self._observers.run_finished(
            {**self._described(), "ending": ending, "rounds": result.rounds}
        )
        return result

    def _measure(self, stack: ExitStack) -> None:
        stack.enter_context(machine.measuring_lock(waiting=self._tell_of_wait))
        self._observers.run_started(self._described())
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="bakeoff-")))
        logs = self.journal.path.parent / "logs"
        logs.mkdir(exist_ok=True)
        pace = replace(self.settings.pace, rounds=self.settings.pace.rounds * len(self._groups))
        bench = Bench(
            journal=self.journal,
            ledger=self.ledger,
            schedule=Schedule(
                pace, self._deadline, [c.id for c in self.plan.cases], floor_s=self._floor_s
            ),
            examiner=OffTheClock(self._examiner_for(scratch, stack), self._deadline),
            observers=self._observers,
            progress=self.progress,
            survey=Survey(self.journal, self.plan.cases, self.settings.threads),
            scratch=scratch,
            threads=self.settings.threads,
            seed=self.settings.seed,
        )
        occupants = seat_all(
            self.plan,
            self._provide,
            lambda backend, reason: bench.keep(list(self._unavailable(backend, reason))),
            threads=self.settings.threads,
            cpu=machine.pick_cpu() if self.settings.threads == 1 else None,
            timeout_s=pace.timeout_s,
            scratch=scratch,
            logs=logs,
        )
        self._deadline.restart()
        self._meter = energy.Meter(energy.counters())
        self._run_rounds(bench, occupants)

    def _run_rounds(self, bench: Bench, occupants: Mapping[Seat, Occupant]) -> None:
        """Run rounds until nothing is due or the time is up."""
        for number in self._numbers():
            group = [s for s in self._groups[number % len(self._groups)] if s in occupants]
            due = {c.id: s for c in self.plan.cases if (s := self.ledger.due(c, group, number))}
            if not due:
                continue
            bench.schedule.cases = list(due)
            must = any(self.ledger.unseen(Cell(c, *s)) for c, seats in due.items() for s in seats)
            if not bench.schedule.another_round(self._rounds, self._rounds + must):
                return
            seated = {s: occupants[s] for s in group if any(s in seats for seats in due.values())}
            left = max(0, bench.schedule.pace.rounds - number - 1)
            run_round(bench, number, seated, due, left)
            self._rounds += 1
            self._note_ending("")

    def _numbers(self) -> Iterator[int]:
        """Yield round numbers: those known from before, and after them enough for everyone."""
        yield from range(self._last_known + 1 + self.settings.pace.rounds * len(self._groups))

    def _provide(self, backend: Backend) -> Provided:
        self.progress.stage(f"environment of {backend.name}")
        return self._provide_for(backend, self.progress.stage)

    def _unavailable(self, backend: Backend, reason: str) -> Iterator[Record]:
        self.progress.note(f"{backend.name} is unavailable: {reason}")
        for cell in self.plan.cells():
            if cell.backend == backend.name and self.ledger.unseen(cell):
                yield Record(
                    *cell, round=0, outcome=Outcome.UNAVAILABLE, reason=reason, started=_now()
                )

    def _budget_s(self) -> float | None:
        """Return what earlier sessions left of the budget; all of it if a cell has no result."""
        budget_s = self.settings.pace.budget_s
        if budget_s is None or any(self.ledger.unseen(c) for c in self.plan.cells()):
            return budget_s
        used_s: float = sum(s["elapsed_s"] for s in self._earlier)
        return max(0.0, budget_s - used_s)

    def _note_ending(self, ending: str) -> None:
        self._session.update(
            ending=ending, rounds=self._rounds, elapsed_s=round(self._deadline.elapsed_s, 3)
        )
        joules = self._meter.joules()
        if joules:
            self._session["energy_j"] = joules
            self._session["energy_s"] = round(self._meter.elapsed_s, 3)
        self.journal.set_meta("sessions", [*self._earlier, self._session])
        self.journal.set_meta("ending", ending)

    def _tell_of_wait(self, holder: str) -> None:
        self.progress.note(f"waiting for another measurement on this machine: {holder}")

    def _described(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_json(),
            "journal": str(self.journal.path),
            "backends": [b.name for b in self.plan.backends],
            "cases": [c.id for c in self.plan.cases],
            "groups": [[list(seat) for seat in group] for group in self._groups],
        }


def _cheapest(records: Iterable[Record]) -> dict[str, float]:
    """Return what each case cost in the round in which it cost least.

    The trials of a case in a round begin together, so that each knows what the case cost.
    """
    cost: dict[str, float] = {}
    for record in records:
        if record.outcome.measured:
            cost[record.case_id] = min(cost.get(record.case_id, inf), record.elapsed_s)
    return cost


def _interrupted(cell: Cell) -> Record:
    reason = "the run was interrupted before this cell; resume it to measure it"
    return Record(*cell, round=0, outcome=Outcome.INTERRUPTED, reason=reason, started=_now())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
