"""Many runs of one machine in order of time: where a cell's speed changed its level.

A run's value of a cell is the mean over process rounds of the log of its time relative to the
reference backend of the same round, as in `bakeoff.comparison`: what the machine was like on
the day stands in both times. Changes are claimed for all cells at once (Holm).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bakeoff import changepoints, statistics
from bakeoff.changepoints import Change, Point
from bakeoff.comparison import checked_margin
from bakeoff.errors import UsageError
from bakeoff.export import Contents
from bakeoff.likeness import definition, refuse, versions
from bakeoff.plan import choose
from bakeoff.ranking import Ranking, settings_of
from bakeoff.statistics import CONFIDENCE, MINIMUM_EFFECT, Contrast, Interval, Verdict


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a history: its name, when it was made, what each backend was."""

    name: str
    created: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """One case on one backend over the runs.

    Attributes
    ----------
    points
        By index of the run; runs in which the cell cannot be ranked, or in which the case, the
        device or the number of threads was another than in the last, are not in it.
    p_value
        That its level never changed, adjusted for all series.
    changes
        Their indices are those of runs: the first of the new level.
    """

    case: str
    backend: str
    points: Mapping[int, Point]
    p_value: float = 1.0
    changes: tuple[Change, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The last change; None without any."""
        if not self.changes:
            return None
        return Verdict.SLOWER if self.changes[-1].contrast.mean > 0 else Verdict.FASTER

    @property
    def latest(self) -> Interval:
        """The ratio to the reference in the last run that has the cell."""
        last = self.points[max(self.points)]
        return Contrast(last.value, last.error, last.rounds - 1, last.rounds).interval()

    def before(self, change: Change) -> int:
        """Return the index of the last run of the old level."""
        return max(run for run in self.points if run < change.index)


@dataclass(frozen=True, slots=True)
class History:
    """The runs in order of time, and the series of every cell, changed ones first."""

    runs: tuple[Run, ...]
    reference: str
    margin: float
    series: tuple[Series, ...]

    def failing(self, fail_on: Iterable[str]) -> list[Series]:
        """Return the series whose last change is one of ``fail_on``."""
        named = set(fail_on)
        return [s for s in self.series if s.verdict in named]

    def differing(self, series: Series, change: Change) -> list[str]:
        """Return what the backend, and the reference, were before and after a change."""
        before, after = (self.runs[n].versions for n in (series.before(change), change.index))
        return [
            f"{backend}: {before.get(backend, 'unknown')} → {after.get(backend, 'unknown')}"
            for backend in dict.fromkeys((series.backend, self.reference))
            if before.get(backend) != after.get(backend)
        ]


def history(
    runs: Mapping[str, Contents],
    cases: Sequence[str] = (),
    backends: Sequence[str] = (),
    margin: float = MINIMUM_EFFECT,
) -> History:
    """Return the history of some runs.

    Parameters
    ----------
    runs
        By name, in any order.
    cases, backends
        Globs of case ids and names of backends to look at; empty: all. They make the family
        that the claims are adjusted for.
    margin
        Smaller changes are none.

    Raises
    ------
    UsageError
        If there is one run only, they are of different machines, or have different
        references, or nothing is left to look at.
    """
    margin = checked_margin(margin)
    ordered = sorted(runs, key=lambda name: (str(runs[name].meta.get("created", "")), name))
    _refuse({name: runs[name] for name in ordered})
    rankings = [
        Ranking(r.cases, settings_of(r.meta, r.environments, r.records), r.records)
        for r in (runs[name] for name in ordered)
    ]
    reference = rankings[0].reference
    for name, ranking in zip(ordered, rankings, strict=True):
        if ranking.reference != reference:
            raise UsageError(
                f"history: the reference of {ordered[0]} is {reference}, of {name} "
                f"{ranking.reference}; times compare if they are relative to the same"
            )
    known = {b for r in rankings for b in r.settings if b != reference}
    wanted = choose("backend", backends, known) or list(
        dict.fromkeys(b for r in rankings for b in r.settings if b != reference)
    )
    found = [
        series
        for case in _cases([runs[name] for name in ordered], cases)
        for backend in wanted
        if (series := _series(case, backend, [runs[n] for n in ordered], rankings)).points
    ]
    if not found:
        raise UsageError(
            f"history: no cell of these is ranked beside {reference} in any run; expected cases "
            "and backends that the runs have"
        )
    return History(
        runs=tuple(
            Run(name, str(runs[name].meta.get("created", "")), versions(runs[name]))
            for name in ordered
        ),
        reference=reference,
        margin=margin,
        series=tuple(_claimed(found, margin)),
    )


def _refuse(runs: Mapping[str, Contents]) -> None:
    (first, base), *others = runs.items()
    if not others:
        raise UsageError(
            f"history: {first} is a single run, expected two or more; name the folders of others, "
            "such as those of earlier runs (before-…)"
        )
    for name, run in others:
        refuse(base.meta, run.meta, "history", (first, name))


def _cases(runs: Sequence[Contents], globs: Sequence[str]) -> list[str]:
    ids = dict.fromkeys(c.id for run in reversed(runs) for c in run.cases)
    for glob in globs:
        if not any(fnmatchcase(i, glob) for i in ids):
            raise UsageError(f"history: no case matches {glob!r}; there are {', '.join(ids)}")
    return [i for i in ids if not globs or any(fnmatchcase(i, g) for g in globs)]


def _series(
    case: str, backend: str, runs: Sequence[Contents], rankings: Sequence[Ranking]
) -> Series:
    """Return a cell's series; the last run that has the cell says what it is."""
    known = [
        _identity(case, backend, run, ranking) for run, ranking in zip(runs, rankings, strict=True)
    ]
    latest = next((its for its in reversed(known) if its is not None), None)
    points = {}
    for number, ranking in enumerate(rankings):
        if latest is None or known[number] != latest or ranking.why_not(case, backend):
            continue
        if point := _point(list(ranking.pairs(case, backend).values())):
            points[number] = point
    return Series(case, backend, points)


def _identity(case: str, backend: str, run: Contents, ranking: Ranking) -> Any:
    """Return what must be alike for times to be of one series; None if the run has none."""
    defined = next((definition(c) for c in run.cases if c.id == case), None)
    if defined is None or backend not in ranking.settings or case not in ranking.timed():
        return None
    sides = (ranking.settings[b] for b in (backend, ranking.reference))
    return defined, [(s.device, s.model, s.threads, s.clock) for s in sides]


def _point(logs: Sequence[float]) -> Point | None:
    found = statistics.paired(logs)
    return Point(found.mean, found.error, found.rounds) if found else None


def _claimed(series: Sequence[Series], margin: float) -> list[Series]:
    """Return the series with their changes, the largest last change first."""
    splits = [changepoints.split(list(s.points.values())) for s in series]
    adjusted = statistics.holm([s.p_value for s in splits])
    found = []
    for its, split, p_value in zip(series, splits, adjusted, strict=True):
        changes: tuple[Change, ...] = ()
        if p_value < 1 - CONFIDENCE:
            # Holm lets a cell's own p value pass that a plain Bonferroni would not.
            level = max((1 - CONFIDENCE) / len(series), split.p_value)
            changes = _changes(its, level, margin)
        found.append(Series(its.case, its.backend, its.points, p_value, changes))
    return sorted(found, key=lambda s: -abs(s.changes[-1].contrast.mean) if s.changes else 0.0)


def _changes(series: Series, level: float, margin: float) -> tuple[Change, ...]:
    runs, points = list(series.points), list(series.points.values())
    return tuple(
        Change(runs[c.index], c.contrast) for c in changepoints.changes(points, level, margin)
    )
