"""The built-in columns of the scorecard: one measured value per backend."""

import math
from collections.abc import Mapping
from typing import Self

from bakeoff.record import Outcome
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis, finite
from bakeoff_reports.cells import rows_of

Values = Mapping[str, float | None]

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
    return {
        b: _share(analysis, b, (Outcome.OK, Outcome.CONTENDED), TRIED) for b in analysis.backends
    }


def coverage(analysis: Analysis) -> Values:
    """Share of the planned cells that ran to their end."""
    ran = tuple(o for o in Outcome if o.measured)
    return {b: _share(analysis, b, ran, tuple(Outcome)) for b in analysis.backends}


def _share(
    analysis: Analysis, backend: str, good: tuple[Outcome, ...], among: tuple[Outcome, ...]
) -> float | None:
    outcomes = list(analysis.of(backend)["outcome"])
    total = sum(o in among for o in outcomes)
    part = sum(o in good for o in outcomes)
    return Measure(part / total, f"{part}/{total}") if total else None


def op_coverage(analysis: Analysis) -> Values:
    """Share of the ops that the run's cases use for which one case, at least, ran to its end."""
    used = {node.op for case in analysis.run.cases for node in case.program.nodes}
    result: dict[str, float | None] = {}
    for backend in analysis.backends:
        cells = analysis.of(backend)
        done = [c for c, o in zip(cells["case"], cells["outcome"], strict=True) if o.measured]
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
            row
            for row in rows_of(analysis.of(backend))
            if words.is_number(row.error_fraction) and row.error_kind != "target"
        ]
        worst = max(judged, key=lambda row: row.error_fraction, default=None)
        result[backend] = worst and Measure(worst.error_fraction, f"in {worst.case}")
    return result


def peak_memory(analysis: Analysis) -> Values:
    """Greatest resident set of a worker."""
    return {b: finite(analysis.of(b)["peak_rss_bytes"].max()) for b in analysis.backends}


def first_call(analysis: Analysis) -> Values:
    """Median over cells of the first call, compilation included."""
    return {
        b: finite(analysis.of(b)[["first_call_ns", "compile_ns"]].sum(axis=1, min_count=1).median())
        for b in analysis.backends
    }


def installed_size(analysis: Analysis) -> Values:
    """Size of the environment on the disk; backends may share one."""
    return {b: analysis.environments[b].installed_bytes for b in analysis.backends}


def import_time(analysis: Analysis) -> Values:
    """Median time to import the toolkit in a fresh process."""
    return {b: finite(analysis.of(b)["import_ns"].median()) for b in analysis.backends}
