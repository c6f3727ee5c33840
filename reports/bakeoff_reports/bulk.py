"""An archive analysed by column: a million records in seconds.

The ratios, intervals and verdicts are those of `bakeoff_reports.analysis` and
`bakeoff.ranking`, which know more of each cell and hold each record in memory; a test holds
both to the same figures. Left out is what forbids no ranking: first calls, memory, logs, and
the remarks on drift, leaks and other bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff import statistics
from bakeoff.ceilings import in_journal
from bakeoff.claims import claims
from bakeoff.ranking import SEVERITY, Ranking, Setting
from bakeoff.record import Outcome
from bakeoff.reporting import AdoptionMetric, ReportSection
from bakeoff.statistics import CLOCKS, Aggregate, Clock, Contrast, Interval
from bakeoff.whole import write_whole
from bakeoff_reports import grouped
from bakeoff_reports.archive import Archive, read_columns
from bakeoff_reports.forbidden import Forbidden
from bakeoff_reports.grouped import Floats, Ints, Mask


@dataclass(frozen=True, slots=True)
class Bulk:
    """What an archive says.

    Attributes
    ----------
    cells
        One row per planned cell; its columns mean what they mean in
        `bakeoff_reports.cells.COLUMNS`.
    speeds
        Per backend the geometric mean of its ranked ratios, with its coverage.
    noise_floor
        As in `bakeoff_reports.analysis.Analysis`.
    """

    cells: pd.DataFrame
    speeds: Mapping[str, Aggregate]
    noise_floor: float | None


def write(
    run_dir: Path, sections: Sequence[ReportSection], metrics: Sequence[AdoptionMetric]
) -> Path:
    """Write a run's verdicts beside its journal; return the file's path."""
    path = run_dir / "verdicts.csv"
    return write_whole(path, analyse_columns(read_columns(run_dir)).cells.to_csv(index=False))


def analyse_columns(archive: Archive) -> Bulk:
    """Return the ratios, intervals and verdicts of an archive."""
    return _Analyst(archive).bulk()


class _Analyst:
    """Computes by column; every array of cells is indexed by `Archive.cell`."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        settings = archive.settings
        self.names = list(settings)
        self.ranking = Ranking(archive.cases, settings, (), in_journal(archive.meta))
        base = next(iter(settings.values()), Setting())
        self.shared: list[Clock] = [s.clock_with(base) for s in settings.values()]
        self.backend = (np.arange(archive.size) // 2) % max(1, len(self.names))
        self.case = np.arange(archive.size) // (2 * max(1, len(self.names)))
        self.of_reference = self.case * 2 * len(self.names)  # the cell of the case's reference
        self.timed = np.array([c.timed and c.fit is None for c in archive.cases], dtype=bool)

    def bulk(self) -> Bulk:
        archive = self.archive
        outcome = self._outcomes()
        logs, paired = self._logs()
        why = self._why_not(outcome)
        ranked = np.array([not text for text in why], dtype=bool) & self._timed_cells()
        twin = np.arange(archive.size) % 2 == 1
        sums = grouped.moments(archive.cell[paired], logs[paired], archive.size)
        contrasts = _contrasts(sums)
        claimed = ranked & ~twin & (self.backend > 0) & (sums.rounds > 0)
        margin = float(archive.meta.get("minimum_effect", statistics.MINIMUM_EFFECT))
        said = claims({i: contrasts[i] for i in np.flatnonzero(claimed).tolist()}, margin)
        used = paired & ranked[archive.cell]
        shown = np.flatnonzero(~twin)
        cell = shown.tolist()
        others = [i for i in cell if self.backend[i] and i in contrasts]
        intervals = {i: contrasts[i].interval() for i in others}
        nothing = Interval(math.nan, math.nan, math.nan, 0)
        found = [intervals.get(i, nothing) for i in cell]
        times = self._own_times()
        cells = pd.DataFrame({
            "suite": [archive.cases[c].suite for c in self.case[shown]],
            "case": [archive.cases[c].id for c in self.case[shown]],
            "dtype": [archive.cases[c].dtype for c in self.case[shown]],
            "backend": [self.names[b] for b in self.backend[shown]],
            "outcome": [str(SEVERITY[o]) for o in outcome[shown]],
            "error_fraction": grouped.greatest(
                archive.cell, archive.numbers["error_fraction"], archive.size)[shown],
            "time_ns": times[shown],
            "ratio": [i.ratio for i in found],
            "ratio_low": [i.low for i in found],
            "ratio_high": [i.high for i in found],
            "ratio_rounds": [i.rounds for i in found],
            "verdict": [str(said[i].verdict) if i in said else "" for i in cell],
            "undecided": [said[i].reason if i in said else "" for i in cell],
            "unranked": [why[i] for i in cell],
        })  # fmt: skip
        return Bulk(cells, self._speeds(used, logs), self._noise(used, logs))

    def _outcomes(self) -> Ints:
        """Return each cell's outcome; see `bakeoff.ranking.cell_outcome`."""
        archive = self.archive
        every = np.bincount(archive.cell, minlength=archive.size)
        busy = np.bincount(archive.cell[archive.is_contended], minlength=archive.size)
        passed_over = archive.is_contended & (2 * busy <= every)[archive.cell]
        worst = np.zeros(archive.size, dtype=int)  # interrupted, the first of `SEVERITY`
        np.maximum.at(worst, archive.cell[~passed_over], archive.severity[~passed_over])
        return worst

    def _used(self, clock: Clock) -> Mask:
        """Return which records have a time on a clock; see `bakeoff.statistics.round_times`."""
        archive = self.archive
        has = ~np.isnan(archive.numbers[f"{clock}_ns"])
        calm = has & ~archive.is_contended
        any_calm = np.bincount(archive.cell[calm], minlength=archive.size) > 0
        return has & (calm | ~any_calm[archive.cell])

    def _logs(self) -> tuple[Floats, Mask]:
        """Return each record's log ratio to the reference of its round, and which have one."""
        archive = self.archive
        logs = np.full(len(archive.cell), math.nan)
        for clock in set(self.shared):
            times = archive.numbers[f"{clock}_ns"]
            used = self._used(clock) & (times > 0)
            beside = archive.beside(times, used)
            chosen = used & self._on_clock(self.shared, clock) & (beside > 0)
            logs[chosen] = np.log(times[chosen] / beside[chosen])
        return logs, ~np.isnan(logs)

    def _on_clock(self, clocks: Sequence[Clock], clock: Clock) -> Mask:
        """Return which records are of a backend that has this clock."""
        return np.array([c == clock for c in clocks], dtype=bool)[self.backend[self.archive.cell]]

    def _own_times(self) -> Floats:
        """Return each cell's time: the median over rounds, by its backend's own clock."""
        archive = self.archive
        times = np.full(archive.size, math.nan)
        own = [s.clock for s in archive.settings.values()]
        for clock in CLOCKS:
            used = self._used(clock) & self._on_clock(own, clock)
            values = archive.numbers[f"{clock}_ns"][used]
            found = grouped.medians(archive.cell[used], values, archive.size)
            times = np.where(np.isnan(found), times, found)
        return times

    def _why_not(self, outcome: Ints) -> list[str]:
        """Return why each cell is not ranked; see `bakeoff.ranking.Ranking.why_not`."""
        good = SEVERITY.index(Outcome.OK)
        base = next(iter(self.archive.settings.values()), Setting())
        unlike = [s.unlike(base, self.names[0]) for s in self.archive.settings.values()]
        forbidden = Forbidden(self.archive, self.ranking, self.shared, self._used)
        found = []
        for i, (own, other) in enumerate(zip(outcome, outcome[self.of_reference], strict=True)):
            remark = forbidden.why(i - i % 2)
            beside = forbidden.why(self.of_reference[i])
            if own != good:
                found.append(f"not ranked: {SEVERITY[own].replace('_', ' ')}")
            elif other != good:
                found.append("not ranked: the reference backend has no good result")
            elif remark or beside:
                found.append(f"not ranked: {remark or f'{self.names[0]} {beside}'}")
            else:
                text = unlike[self.backend[i]]
                found.append(f"not ranked: {text}" if text else "")
        return found

    def _timed_cells(self) -> Mask:
        return self.timed[self.case] if len(self.timed) else np.array([], dtype=bool)

    def _speeds(self, used: Mask, logs: Floats) -> dict[str, Aggregate]:
        """Return each backend's geometric mean; see `bakeoff.statistics.geometric_mean`."""
        archive, total = self.archive, int(self.timed.sum())
        seat = (archive.cell // 2) % max(1, len(self.names))
        first = used & (archive.cell % 2 == 0)
        return {
            name: grouped.aggregate(
                archive.case[mine], archive.round[mine], logs[mine], total
            )
            for number, name in enumerate(self.names)
            if number and (mine := first & (seat == number)) is not None
        }  # fmt: skip

    def _noise(self, used: Mask, logs: Floats) -> float | None:
        twins = used & (self.archive.cell % 2 == 1)
        return statistics.noise_floor({"": dict(enumerate(logs[twins].tolist()))})


def _contrasts(sums: grouped.Moments) -> dict[int, Contrast]:
    """Return each cell's mean log ratio; see `bakeoff.statistics.paired`."""
    return {
        i: Contrast(float(sums.mean[i]), float(sums.error[i]), float(n - 1), n)
        for i, n in enumerate(sums.rounds.tolist())
        if n
    }
