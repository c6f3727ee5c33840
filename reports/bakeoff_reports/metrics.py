"""The built-in columns of the scorecard: one measured value per backend.

A cell that mismatches never helps: what it covers, how soon its first call came and when it
reached a target do not count, and its error counts as the worst even where it is no number.
"""

import math
from collections.abc import Mapping
from typing import Self

import pandas as pd

from bakeoff.record import Outcome
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis, finite
from bakeoff_reports.cells import rows_of

Values = Mapping[str, float | None]

_FIRST = ["first_call_ns", "compile_ns"]

RIGHT = (Outcome.OK, Outcome.CONTENDED)  # outcomes of a cell that ran within its error bounds
# Outcomes of a cell that the backend tried, whether or not it came through.
TRIED = (Outcome.OK, Outcome.MISMATCH, Outcome.CONTENDED, Outcome.ERROR, Outcome.OUT_OF_MEMORY,
         Outcome.TIMEOUT, Outcome.CRASHED)  # fmt: skip


class Measure(float):
    """A value with what stands muted below it, and its interval if it has one."""

    note: str
    low: float | None
    high: float | None

    def __new__(
        cls, value: float, note: str = "", low: float | None = None, high: float | None = None
    ) -> Self:
        made = super().__new__(cls, value)
        made.note, made.low, made.high = note, low, high
        return made


def speed_ratio(analysis: Analysis) -> Values:
    """Geometric mean of the time relative to the reference, over the cells both did well."""
    result: dict[str, float | None] = {}
    for backend in analysis.backends:
        found = analysis.aggregate(backend)
        if backend == analysis.reference:
            result[backend] = Measure(1.0, "the reference")
        elif not found.covered or math.isnan(found.interval.ratio):
            result[backend] = None
        else:
            i = found.interval
            spread = words.interval(i.ratio, i.low, i.high)
            cells = f"{found.covered}/{found.total} cells"
            note = ", ".join(filter(None, (spread, cells)))
            result[backend] = Measure(i.ratio, note, finite(i.low), finite(i.high))
    return result


def conformance(analysis: Analysis) -> Values:
    """Share of the cells it tried that came out within their error bounds."""
    return {b: _share(analysis, b, RIGHT, TRIED) for b in analysis.backends}


def coverage(analysis: Analysis) -> Values:
    """Share of the planned cells that ran to their end within their error bounds."""
    return {b: _share(analysis, b, RIGHT, tuple(Outcome)) for b in analysis.backends}


def _share(
    analysis: Analysis, backend: str, good: tuple[Outcome, ...], among: tuple[Outcome, ...]
) -> float | None:
    outcomes = list(analysis.of(backend)["outcome"])
    total = sum(o in among for o in outcomes)
    part = sum(o in good for o in outcomes)
    return Measure(part / total, f"{part}/{total}") if total else None


def op_coverage(analysis: Analysis) -> Values:
    """Share of the ops that the run's cases use for which one case, at least, came out right."""
    used = {node.op for case in analysis.run.cases for node in case.program.nodes}
    result: dict[str, float | None] = {}
    for backend in analysis.backends:
        cells = analysis.of(backend)
        done = [c for c, o in zip(cells["case"], cells["outcome"], strict=True) if o in RIGHT]
        ran = {node.op for case in done for node in analysis.cases[case].program.nodes}
        known = analysis.environments[backend].setting.known
        result[backend] = (
            Measure(len(ran & used) / len(used), f"{len(ran & used)}/{len(used)}")
            if used and known
            else None
        )
    return result


def worst_error_fraction(analysis: Analysis) -> Values:
    """Worst error of any cell, as a fraction of its bound; reaching a target is no error."""
    result: dict[str, float | None] = {}
    for backend in analysis.backends:
        judged = [
            (row.error_fraction if words.is_number(row.error_fraction) else math.inf, row.case)
            for row in rows_of(analysis.of(backend))
            if row.error_kind not in ("", "target")
        ]
        fraction, case = max(judged, default=(None, ""))
        result[backend] = None if fraction is None else Measure(fraction, f"in {case}")
    return result


def peak_memory(analysis: Analysis) -> Values:
    """Greatest resident set of a worker."""
    return {b: finite(analysis.of(b)["peak_rss_bytes"].max()) for b in analysis.backends}


def first_call(analysis: Analysis) -> Values:
    """Median over the cells that came out right of the first call, compilation included."""
    return {
        b: finite(_right(analysis, b)[_FIRST].sum(axis=1, min_count=1).median())
        for b in analysis.backends
    }


def _right(analysis: Analysis, backend: str) -> pd.DataFrame:
    cells = analysis.of(backend)
    return cells[cells["outcome"].isin(RIGHT)]


def time_to_quality(analysis: Analysis) -> Values:
    """Geometric mean of the time to a fit's target relative to the reference's.

    Over the fits that both brought to their target.
    """
    reached = {b: _times_to_target(analysis, b) for b in analysis.backends}
    of_reference = reached.get(analysis.reference, {})
    result: dict[str, float | None] = {}
    for backend, times in reached.items():
        both = of_reference.keys() & times.keys()
        if not both:
            result[backend] = None
            continue
        logs = [math.log(times[c] / of_reference[c]) for c in both]
        note = "the reference" if backend == analysis.reference else ""
        fits = f"{len(both)}/{words.count(len(of_reference), 'fit')}"
        result[backend] = Measure(math.exp(sum(logs) / len(logs)), note or fits)
    return result


def _times_to_target(analysis: Analysis, backend: str) -> dict[str, float]:
    right = _right(analysis, backend)
    pairs = zip(right["case"], right["time_to_target_ns"], strict=True)
    return {case: time for case, time in pairs if finite(time) and time > 0}


def released(analysis: Analysis) -> Values:
    """Year of the toolkit's first release, with its month as a fraction."""
    result: dict[str, float | None] = {}
    for backend, environment in analysis.environments.items():
        year, _, month = environment.released.partition("-")
        result[backend] = (
            int(year) + (int(month) - 0.5 if month.isdigit() else 6) / 12
            if year.isdigit()
            else None
        )
    return result


def installed_size(analysis: Analysis) -> Values:
    """Size of the environment on the disk; backends may share one."""
    return {b: analysis.environments[b].installed_bytes for b in analysis.backends}


def import_time(analysis: Analysis) -> Values:
    """Median time to import the toolkit in a fresh process."""
    return {b: finite(analysis.of(b)["import_ns"].median()) for b in analysis.backends}
