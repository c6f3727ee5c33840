"""One process round: fresh workers, and every case that is due on all of them, interleaved."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff import machine
from bakeoff.blame import blame
from bakeoff.case import Case
from bakeoff.conduct import watch
from bakeoff.examiner import Examiner
from bakeoff.fitting import fit
from bakeoff.inputs import draw_inputs, fit_arrays, save_inputs
from bakeoff.journal import Journal
from bakeoff.ledger import Ledger
from bakeoff.observers import Observers
from bakeoff.occupant import Occupant
from bakeoff.opening import first_call
from bakeoff.plan import Cell, Seat
from bakeoff.progress import Progress
from bakeoff.record import Outcome, Record
from bakeoff.survey import Survey
from bakeoff.timing import Schedule, orders
from bakeoff.trial import Trial
from bakeoff.worker import WorkerFailure

FIT_PATIENCE = 10  # a fit may take this many times as long as a single request


@dataclass(slots=True)
class Bench:
    """What all rounds of a run share."""

    journal: Journal
    ledger: Ledger
    schedule: Schedule
    examiner: Examiner
    observers: Observers
    progress: Progress
    survey: Survey
    scratch: Path
    threads: int
    seed: int

    def keep(self, records: Sequence[Record]) -> None:
        """Write records, then tell whoever watches."""
        self.journal.append(*records)
        for record in records:
            self.ledger.note(record)
            self.progress.record(record)
            self.observers.record_finished(record)


def run_round(
    bench: Bench,
    number: int,
    occupants: Mapping[Seat, Occupant],
    due: Mapping[str, Sequence[Seat]],
    rounds_left: int,
) -> None:
    """Run every due case on fresh workers; each case's records are kept before the next.

    Parameters
    ----------
    bench, number
        What is shared, and which round this is.
    occupants
        Of the seats that take part.
    due
        Case id to seats, in order.
    rounds_left
        How many rounds are aimed at after this one.
    """
    with ExitStack() as stack:
        began = time.monotonic()
        for occupant in occupants.values():
            stack.callback(occupant.leave)  # each, even if an interrupt falls into another's
            bench.progress.stage(f"round {number + 1}: starting {occupant.backend.name}")
            with suppress(WorkerFailure):  # each trial of that worker will meet and note it
                occupant.worker()
        bench.schedule.startup_s = time.monotonic() - began
        cases = {c.id: c for c in bench.ledger.plan.cases}
        order = list(due)
        for index, case_id in enumerate(order):
            bench.progress.case(
                case_id,
                number,
                _fraction(bench, number, index, len(order), rounds_left),
                bench.schedule.remaining_s(order[index:], rounds_left),
            )
            trials = [_trial(bench, cases[case_id], occupants[s], number) for s in due[case_id]]
            _measure(bench, cases[case_id], trials, order[index + 1 :], rounds_left)
            bench.keep([_record(bench, trial) for trial in trials])
        bench.progress.stage(f"round {number + 1}: measuring ceilings")
        bench.survey.take(occupants.values(), bench.schedule.deadline)


def _trial(bench: Bench, case: Case, occupant: Occupant, number: int) -> Trial:
    first = bench.ledger.unseen(Cell(case.id, *occupant.seat))
    return Trial(case, occupant, number, bench.threads, first)


def _fraction(bench: Bench, number: int, index: int, cases: int, rounds_left: int) -> float:
    done = number + index / cases
    if bench.schedule.deadline.remaining_s <= 0:  # this round is the last
        return done / (number + 1)
    by_rounds = done / (number + 1 + rounds_left)
    budget_s = bench.schedule.deadline.budget_s
    by_time = bench.schedule.deadline.elapsed_s / budget_s if budget_s else 0.0
    return min(1.0, max(by_rounds, by_time))


def _record(bench: Bench, trial: Trial) -> Record:
    hello = trial.occupant.hello
    identity = bench.journal.add_environment(trial.occupant.description) if hello else ""
    return trial.record(identity)


def _measure(
    bench: Bench, case: Case, trials: list[Trial], left: Sequence[str], rounds_left: int
) -> None:
    """Take every trial of a case through its steps, the blocks interleaved."""
    began = bench.schedule.deadline.elapsed_s
    try:
        with TemporaryDirectory(dir=bench.scratch, prefix="inputs-") as folder:
            inputs = draw_inputs(case)
            files = save_inputs(inputs, Path(folder))
            for trial in trials:
                bench.progress.backend(trial.occupant.backend.name)
                trial.inherit(bench.ledger.examined(trial.cell))
                examiner = bench.examiner if _judged(bench, trial) else None
                if case.timed or case.fit is None or case.steps:
                    trial.prepare(files)
                    first_call(trial, inputs, examiner)
                if case.fit is not None and trial.occupant.seat.replica == 0:
                    patience_s = FIT_PATIENCE * bench.schedule.pace.timeout_s
                    fit(trial, inputs, fit_arrays(case.fit), patience_s, examiner)
        if case.timed:
            with _beside(trials):
                _interleave(bench, case, trials, left, rounds_left, began)
        for trial in trials:
            trial.usage()
            if case.fit is None and _judged(bench, trial):
                with bench.schedule.deadline.paused():
                    watch(trial, inputs, bench.examiner)
                    blame(trial, inputs, bench.examiner)
            trial.release()
    except Exception as error:  # the runner's boundary: a suite's mistake, the oracle's, ours
        reason = f"{case.id}: {type(error).__name__}: {error}"
        for trial in trials:
            if trial.going:
                trial.fail(WorkerFailure(Outcome.ERROR, reason))
    bench.schedule.charge(case.id, bench.schedule.deadline.elapsed_s - began)


@contextmanager
def _beside(trials: Sequence[Trial]) -> Iterator[None]:
    """Note what the workers' processors did meanwhile, which is nobody's in particular.

    ``steal_ns`` is what the hypervisor took from them, ``frequency_mhz`` their clock at the end.
    """
    cpus = {cpu for t in trials for cpu in t.occupant.hello.get("affinity") or ()}
    before, began = machine.stolen_ns(cpus), time.monotonic_ns()
    yield
    after, rate = machine.stolen_ns(cpus), machine.clock_mhz(cpus)
    stolen = None if before is None or after is None else after - before
    for trial in trials:
        trial.stolen_share = (stolen or 0) / max(1, len(cpus)) / (time.monotonic_ns() - began)
    for name, value in (("steal_ns", stolen), ("frequency_mhz", rate)):
        if value is not None:
            for trial in trials:
                trial.figures[name] = value


def _judged(bench: Bench, trial: Trial) -> bool:
    """Return whether correctness is to be examined: once per cell, and not on the twin."""
    return trial.cell.replica == 0 and bench.ledger.examined(trial.cell) is None


def _interleave(
    bench: Bench, case: Case, trials: Sequence[Trial], left: Sequence[str], rounds_left: int,
    began: float,
) -> None:  # fmt: skip
    """Calibrate, run one mirrored pair of sweeps, then as many more as the time allows."""
    for trial in trials:
        trial.calibrate(bench.schedule.pace.block_ns)
    active = [t for t in trials if t.going and t.loops]
    elapsed_s = bench.schedule.deadline.elapsed_s
    spent_s = elapsed_s - began
    start = 2 * active[0].number if active else 0  # rounds continue one another's design
    swept = _sweep(bench, case, active, start, 2, 0)
    sweep_s = (bench.schedule.deadline.elapsed_s - elapsed_s) / 2
    sweeps = bench.schedule.sweeps(case.id, left, rounds_left, spent_s, sweep_s)
    _sweep(bench, case, active, start + 2, sweeps - 2, swept)


def _sweep(
    bench: Bench, case: Case, active: Sequence[Trial], start: int, sweeps: int, position: int
) -> int:
    """Run sweeps of blocks over the trials that are still going; return the next position."""
    for order in orders(len(active), sweeps, f"{bench.seed}:{case.id}", start):
        for place in order:
            bench.progress.backend(active[place].occupant.backend.name)
            active[place].block(position)
            position += 1
    return position
