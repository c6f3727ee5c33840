"""Two runs of one machine, cell by cell: what fails now, and what became slower.

The rounds of two runs are not interleaved with each other: whatever the machine did between
them would stand in a ratio of their times. So each run's times are first set against the
reference backend of the *same* process round, which met the same machine, and those log
ratios are compared: the difference of their means, with Welch's interval over the process
rounds of both runs. `faster` and `slower` are claimed for the whole family of cells at once
(Holm). What this cannot show is a change of the reference itself, which enters every ratio.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, nan

from bakeoff import statistics
from bakeoff.ceilings import in_journal
from bakeoff.claims import Claim, claims
from bakeoff.errors import UsageError
from bakeoff.export import Contents
from bakeoff.likeness import definition, differences, refuse
from bakeoff.ranking import Ranking, settings_of, worst_fraction
from bakeoff.record import Outcome
from bakeoff.statistics import MINIMUM_EFFECT, Aggregate, Contrast, Interval, Verdict

# What can have happened to a cell, the worst first.
EVENTS = (
    "crashed", "timeout", "out_of_memory", "error", "mismatch", "missing", "slower", "unavailable",
    "unsupported", "contended", "interrupted", "larger_error", "not_comparable", "faster", "mended",
)  # fmt: skip
FAIL_ON = ("mismatch", "error", "crashed", "timeout", "out_of_memory", "slower")

LARGER = 2.0  # times the error/bound of before: a difference of rounding stays below
NEGLIGIBLE = 0.01  # of the bound: less is as good as exact


@dataclass(frozen=True, slots=True)
class Cell:
    """One case on one backend in both runs.

    Attributes
    ----------
    base, new
        The outcomes; None where a run has no record of the cell.
    base_fraction, new_fraction
        The largest error as a fraction of its bound.
    speed
        Time relative to the reference, new over base. Its interval is the cell's own.
    p_value
        That the times differ by no more than the margin, adjusted for all cells.
    verdict
        None if there was nothing to compare.
    reason
        Why there is no verdict, or why it is `cannot tell`.
    changed
        What differs in the case's definition.
    """

    case: str
    backend: str
    base: Outcome | None
    new: Outcome | None
    base_fraction: float | None = None
    new_fraction: float | None = None
    speed: Interval | None = None
    p_value: float | None = None
    verdict: Verdict | None = None
    reason: str = ""
    changed: tuple[str, ...] = ()

    @property
    def events(self) -> tuple[str, ...]:
        """What happened to the cell, of `EVENTS`, the worst first."""
        found = set()
        if self.new is None:
            found.add("missing")
        elif self.new is not self.base and (self.base is not None or self.new is not Outcome.OK):
            found.add("mended" if self.new is Outcome.OK else self.new.value)
        if self.verdict in (Verdict.FASTER, Verdict.SLOWER):
            found.add(self.verdict.value)
        if self.changed:
            found.add("not_comparable")
        elif self.base_fraction is not None and self.new_fraction is not None:
            before = max(self.base_fraction, NEGLIGIBLE)
            found |= {"larger_error"} if self.new_fraction > LARGER * before else set()
        return tuple(sorted(found, key=EVENTS.index))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs compared, or the backends of one.

    Attributes
    ----------
    names
        Of the base and the new run.
    reference
        What both runs' ratios are taken against; empty if they have no common one.
    cells
        Of either run, in the order of the base's plan.
    speeds
        Per backend, the geometric mean of new over base, with its coverage of the cells that
        both runs timed. Its interval is a single one: no claim is made from it.
    family
        How many cells the claims were adjusted for.
    noise
        The noise floors, of the ``base`` and the ``new`` run.
    notes
        What else differs between the runs.
    paired
        Whether it is one run, whose reference is the base of all its other backends
        (`bakeoff.within`).
    """

    names: tuple[str, str]
    margin: float
    reference: str
    cells: tuple[Cell, ...]
    speeds: Mapping[str, Aggregate]
    family: int
    noise: Mapping[str, float | None]
    notes: tuple[str, ...]
    paired: bool = False

    def told(self) -> list[Cell]:
        """Return the cells that something happened to, the worst first, the slowest first."""
        found = [(c.events, c) for c in self.cells]
        ranks = [(EVENTS.index(e[0]), -(c.speed.ratio if c.speed else 0.0), c)
                 for e, c in found if e]  # fmt: skip
        return [c for *_, c in sorted(ranks, key=lambda r: r[:2])]

    def verdicts(self, backend: str) -> Counter[Verdict]:
        """Return how many cells of a backend got which verdict."""
        return Counter(c.verdict for c in self.cells if c.backend == backend and c.verdict)

    def unsettled(self) -> Counter[str]:
        """Return the reasons for which cells have no verdict or `cannot tell`."""
        return Counter(c.reason for c in self.cells if c.reason)

    def failing(self, fail_on: Iterable[str]) -> list[Cell]:
        """Return the cells to which something of ``fail_on`` happened, the worst first."""
        named = set(fail_on)
        return [c for c in self.told() if named.intersection(c.events)]


def compare(
    base: Contents,
    new: Contents,
    names: tuple[str, str] = ("base", "new"),
    margin: float = MINIMUM_EFFECT,
) -> Comparison:
    """Compare two runs.

    Raises
    ------
    UsageError
        If the runs are of different machines or numbers of threads, or have no cell in
        common, or the margin is no number of at least 0.
    """
    margin = checked_margin(margin)
    refuse(base.meta, new.meta)
    pair = _Pair(_Side(base), _Side(new))
    if not pair.base.keys & pair.new.keys:
        raise UsageError(
            "compare: the runs have no case on one backend in common; run both with the same "
            "--preset, --suites and --backends"
        )
    cells = pair.cells(margin)
    return Comparison(
        names=names,
        margin=margin,
        reference=pair.reference,
        cells=tuple(cells),
        speeds=pair.speeds(cells),
        family=sum(c.p_value is not None for c in cells),
        noise={"base": pair.base.noise, "new": pair.new.noise},
        notes=tuple(differences(base, new)),
    )


def checked_margin(margin: float) -> float:
    """Return the margin.

    Raises
    ------
    UsageError
        If it is no number of at least 0.
    """
    if not (isfinite(margin) and margin >= 0):
        raise UsageError(f"margin {margin}, expected a number of at least 0, such as 0.02 for 2 %")
    return margin


class _Side:
    """One run, as the comparison asks for it."""

    def __init__(self, run: Contents) -> None:
        self.cases = {c.id: c for c in run.cases}
        settings = settings_of(run.meta, run.environments, run.records)
        self.ranking = Ranking(run.cases, settings, run.records, in_journal(run.meta))
        self.keys = {(r.case_id, r.backend) for r in run.records if not r.replica}
        self.noise = statistics.noise_floor(self.ranking.twins())

    def outcome(self, key: tuple[str, str]) -> Outcome | None:
        return self.ranking.outcome(*key) if key in self.keys else None


class _Pair:
    """Two runs that may be compared."""

    def __init__(self, base: _Side, new: _Side) -> None:
        self.base, self.new = base, new
        self.references = (base.ranking.reference, new.ranking.reference)

    @property
    def reference(self) -> str:
        """What both runs' ratios are taken against; empty if they have no common one."""
        return self.references[0] if len(set(self.references)) == 1 else ""

    def cells(self, margin: float) -> list[Cell]:
        """Return the cells of either run with their verdicts, in the order of the plan."""
        cases = {c: n for n, c in enumerate({**self.base.cases, **self.new.cases})}
        backends = {**self.base.ranking.settings, **self.new.ranking.settings}
        order = {b: n for n, b in enumerate(backends)}
        keys = sorted(
            self.base.keys | self.new.keys, key=lambda k: (cases.get(k[0], len(cases)), order[k[1]])
        )
        found = [self._cell(key) for key in keys]
        said = claims({n: c for n, (_, c) in enumerate(found) if c is not None}, margin)
        return [_told(cell, said.get(n)) for n, (cell, _) in enumerate(found)]

    def speeds(self, cells: Sequence[Cell]) -> dict[str, Aggregate]:
        """Return per backend the geometric mean of new over base, with its coverage."""
        found = {}
        for backend in dict.fromkeys(c.backend for c in cells):
            if backend in self.references:
                continue
            own = [c for c in cells if c.backend == backend and c.base and c.new
                   and not c.changed and self._is_timed(c.case)]  # fmt: skip
            good = [c.case for c in own if c.speed]
            means = [
                statistics.round_means({c: s.ranking.pairs(c, backend) for c in good})
                for s in (self.base, self.new)
            ]
            contrast = statistics.welch(*means)
            speed = contrast.interval() if contrast else Interval(nan, 0.0, inf, 0)
            found[backend] = Aggregate(speed, len(good) if contrast else 0, len(own))
        return found

    def _cell(self, key: tuple[str, str]) -> tuple[Cell, Contrast | None]:
        case, backend = key
        cell = Cell(
            case, backend, self.base.outcome(key), self.new.outcome(key),
            worst_fraction(self.base.ranking.records(*key)),
            worst_fraction(self.new.ranking.records(*key)),
            changed=self._changes(case),
        )  # fmt: skip
        if why := self._nothing_to_compare(cell):
            return replace(cell, reason=why), None
        if why := self._cannot_tell(cell):
            return replace(cell, reason=why, verdict=Verdict.CANNOT_TELL), None
        logs = [list(s.ranking.pairs(*key).values()) for s in (self.base, self.new)]
        contrast = statistics.welch(*logs)
        if contrast is None:
            why = "no process round holds both the backend and the reference"
            return replace(cell, reason=why, verdict=Verdict.CANNOT_TELL), None
        return replace(cell, speed=contrast.interval()), contrast

    def _changes(self, case: str) -> tuple[str, ...]:
        sides = [definition(s.cases[case]) for s in (self.base, self.new) if case in s.cases]
        there, here = sides[0] if sides else {}, sides[-1] if sides else {}
        return tuple(k for k in there if there[k] != here[k])

    def _nothing_to_compare(self, cell: Cell) -> str:
        if cell.new is None or cell.base is None:
            return f"not in the {'new' if cell.new is None else 'base'} run"
        if cell.changed:
            return f"not comparable: the case changed ({', '.join(cell.changed)})"
        for side, outcome in (("base", cell.base), ("new", cell.new)):
            if outcome is not Outcome.OK:
                return f"{side} is not ok: {_words(outcome)}"
        return "" if self._is_timed(cell.case) else "its calls are not timed"

    def _cannot_tell(self, cell: Cell) -> str:
        if not self.reference:
            there, here = self.references
            return f"the runs have different references: base {there}, new {here}"
        if cell.backend == self.reference:
            return f"{self.reference} is the reference of both runs: nothing stands beside it"
        for name, side in (("base", self.base), ("new", self.new)):
            if why := side.ranking.why_not(cell.case, cell.backend):
                return f"{name}: {why}"
        for backend in (self.reference, cell.backend):
            before, after = (s.ranking.settings[backend] for s in (self.base, self.new))
            if (before.device, before.model) != (after.device, after.model):
                there, here = (s.model or s.device for s in (before, after))
                return f"{backend} ran on {there}, now on {here}"
            if unlike := after.unlike(before, "before"):
                return f"{backend} used {unlike}"
            if before.clock != after.clock:
                return f"{backend} was timed by {before.clock} time, now by {after.clock} time"
        return ""

    def _is_timed(self, case: str) -> bool:
        its = self.base.cases.get(case)
        return its is not None and its.timed and its.fit is None


def _told(cell: Cell, claim: Claim | None) -> Cell:
    if claim is None:
        return cell
    return replace(cell, verdict=claim.verdict, reason=claim.reason, p_value=claim.p_value)


def _words(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")
