"""A run in one table: per backend its outcomes, its speed, its worst error."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bakeoff.case import Case
from bakeoff.ceilings import Ceilings
from bakeoff.ranking import Ranking, Setting, worst_fraction
from bakeoff.record import Outcome, Record
from bakeoff.statistics import MINIMUM_EFFECT, Aggregate, noise_floor

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
    """All backends, the reference first, and the noise floor as a relative difference.

    ``known`` counts the ranked ratios whose intervals are as narrow as was asked, and all.
    ``warnings`` name the cells that are kept out of the ranking by what their times say.
    """

    reference: str
    lines: tuple[Line, ...]
    noise: float | None
    known: tuple[int, int] = (0, 0)
    warnings: tuple[str, ...] = ()

    def exit_code(self) -> int:
        """Return 0 if all went well, 1 if a cell failed, 3 if nothing could be measured."""
        total: Counter[Outcome] = Counter()
        for line in self.lines:
            total.update(line.outcomes)
        if any(total[outcome] for outcome in FAILED):
            return 1
        return 0 if any(total[outcome] for outcome in Outcome if outcome.measured) else 3


def summarise(
    cases: Sequence[Case],
    settings: Mapping[str, Setting],
    records: Iterable[Record],
    half_width: float = MINIMUM_EFFECT,
    ceilings: Mapping[str, Ceilings] | None = None,
) -> Summary:
    """Return the summary of a run.

    Parameters
    ----------
    cases
        Of the plan.
    settings
        Per backend, the reference first.
    records
        Of the journal.
    half_width
        That was asked of the intervals of ratios.
    ceilings
        By backend, as far as they were measured.
    """
    ranking = Ranking(cases, settings, records, ceilings)
    lines = []
    for backend in settings:
        own = {c.id: ranking.records(c.id, backend) for c in cases}
        fraction, case = _worst_error(own)
        speed = ranking.speed(backend) if backend != ranking.reference else None
        outcomes = Counter(ranking.outcome(c.id, backend) for c in cases)
        lines.append(Line(backend, outcomes, speed, fraction, case))
    warnings = tuple(
        f"{case.id} on {backend}: {remark.text}"
        for case in cases
        for backend in settings
        for remark in ranking.remarks(case.id, backend)
        if remark.forbids
    )
    return Summary(
        ranking.reference,
        tuple(lines),
        noise_floor(ranking.twins()),
        ranking.known_to(half_width),
        warnings,
    )


def _worst_error(cells: Mapping[str, Iterable[Record]]) -> tuple[float | None, str]:
    found = [(worst, case) for case, records in cells.items()
             if (worst := worst_fraction(records)) is not None]  # fmt: skip
    return max(found, default=(None, ""))
