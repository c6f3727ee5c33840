"""A run in one table: per backend its outcomes, its speed, its worst error."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bakeoff.case import Case
from bakeoff.record import Outcome, Record
from bakeoff.statistics import (
    Aggregate,
    Clock,
    geometric_mean,
    log_ratios,
    noise_floor,
    per_call_ns,
)

_FROM_GOOD_TO_BAD = (Outcome.INTERRUPTED, *(o for o in Outcome if o is not Outcome.INTERRUPTED))
FAILED = frozenset(
    {Outcome.MISMATCH, Outcome.ERROR, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY}
)


@dataclass(frozen=True, slots=True)
class Line:
    """A backend in a run.

    Attributes
    ----------
    backend
        Its name.
    outcomes
        How many cells ended how; a cell's outcome is the worst of its rounds.
    speed
        Geometric mean of its time over the reference's, over cases right on both;
        None for the reference itself.
    worst_fraction, worst_case
        The largest error as a fraction of its bound, and where; None if nothing was checked.
    """

    backend: str
    outcomes: Mapping[Outcome, int]
    speed: Aggregate | None
    worst_fraction: float | None
    worst_case: str


@dataclass(frozen=True, slots=True)
class Summary:
    """All backends, the reference first, and the noise floor as a relative difference."""

    reference: str
    lines: tuple[Line, ...]
    noise: float | None

    def exit_code(self) -> int:
        """Return 0 if all went well, 1 if a cell failed, 3 if nothing could be measured."""
        total: Counter[Outcome] = Counter()
        for line in self.lines:
            total.update(line.outcomes)
        if any(total[outcome] for outcome in FAILED):
            return 1
        return 0 if any(total[outcome] for outcome in Outcome if outcome.measured) else 3


def cell_outcome(records: Iterable[Record]) -> Outcome:
    """Return the worst outcome of a cell's rounds; ``interrupted`` without any record."""
    return max(
        (r.outcome for r in records), key=_FROM_GOOD_TO_BAD.index, default=Outcome.INTERRUPTED
    )


def summarise(
    cases: Sequence[Case], backends: Mapping[str, Clock], records: Iterable[Record]
) -> Summary:
    """Return the summary of a run.

    Parameters
    ----------
    cases
        Of the plan.
    backends
        Names, the reference first, to the clock that judges them.
    records
        Of the journal.
    """
    by_cell: dict[tuple[str, str, int], list[Record]] = defaultdict(list)
    for record in records:
        by_cell[record.case_id, record.backend, record.replica].append(record)
    reference = next(iter(backends))
    timed = [c.id for c in cases if c.timed]

    def times(case: str, backend: str, replica: int = 0) -> dict[int, float]:
        found = by_cell.get((case, backend, replica), [])
        if cell_outcome(found) is not Outcome.OK:
            return {}
        return {r.round: per_call_ns(r.blocks, backends[backend]) for r in found if r.blocks}

    def logs(backend: str, replica: int = 0) -> dict[str, dict[int, float]]:
        return {c: log_ratios(times(c, backend, replica), times(c, reference)) for c in timed}

    lines = []
    for backend in backends:
        own = {c.id: by_cell.get((c.id, backend, 0), []) for c in cases}
        fraction, case = _worst_error(own)
        speed = geometric_mean(logs(backend), len(timed)) if backend != reference else None
        outcomes = Counter(cell_outcome(found) for found in own.values())
        lines.append(Line(backend, outcomes, speed, fraction, case))
    return Summary(reference, tuple(lines), noise_floor(logs(reference, 1)))


def _worst_error(cells: Mapping[str, Iterable[Record]]) -> tuple[float | None, str]:
    found = [
        (float("inf") if c.fraction != c.fraction else c.fraction, case)
        for case, records in cells.items()
        for record in records
        for c in record.checks or ()
        if c.kind != "target"  # an accuracy to be reached is no error bound
    ]
    return max(found, default=(None, ""))
