"""The section of a museum run: two decades of toolkits, on one chart and in one table."""

import math
from collections.abc import Callable, Mapping

from bakeoff.case import MUSEUM
from bakeoff_reports import metrics, style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.cells import rows_of
from bakeoff_reports.content import (
    Block,
    Cell,
    Column,
    Content,
    Figure,
    Group,
    Row,
    Table,
    paragraph,
)
from bakeoff_reports.decades import decades
from bakeoff_reports.figures import Point, describe_ratio

SUITE = "two_layer"  # whose training steps the chart is about
HYPHEN = "\N{NON-BREAKING HYPHEN}"


def museum(analysis: Analysis) -> Content:
    """Show every toolkit by its first release; nothing in a run of another preset."""
    if (analysis.run.meta.get("settings") or {}).get("preset") != MUSEUM:
        return ()
    years = released(analysis)
    points = [p for b in analysis.backends if b in years and (p := step_time(analysis, b))]
    blocks: list[Block] = [
        paragraph(
            "The same network of two layers, from the same weights and on the same batches, on "
            "every toolkit that could be had: each on its own Python, in its own process."
        )
    ]
    if points:
        blocks.append(_chart(analysis, points, years))
    return [*blocks, _table(analysis, years)]


def released(analysis: Analysis) -> dict[str, float]:
    """Return the time of each backend's first release, in years; without those not known."""
    return {b: year for b, year in metrics.released(analysis).items() if year is not None}


def step_time(analysis: Analysis, backend: str) -> Point | None:
    """Return the mean ratio of a backend's training steps; hollow where none could be ranked."""
    if backend == analysis.reference:
        return Point(backend, 1.0, 1.0, 1.0)
    found = analysis.aggregate(backend, SUITE)
    if found.covered and not math.isnan(found.interval.ratio):
        return Point(backend, found.interval.ratio, found.interval.low, found.interval.high)
    ratios = [r.ratio for r in rows_of(analysis.of(backend, SUITE)) if words.is_number(r.ratio)]
    if not ratios:
        return None
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return Point(backend, mean, math.nan, math.nan, ranked=False)


def _chart(analysis: Analysis, points: list[Point], years: Mapping[str, float]) -> Figure:
    unit = f"time of a training step (× {analysis.reference})"
    hollow = " Hollow: measured, but not right, and so not ranked."
    return Figure(
        decades(points, years, style.series(analysis.backends), unit, analysis.noise_floor),
        f"Each toolkit by the year of its first release: the {unit}, the geometric mean over the "
        "steps that both completed within their error bounds, with its 95 % interval. Lower is "
        "faster; the scale is logarithmic." + (hollow if any(not p.ranked for p in points) else ""),
        f"The {unit}, by first release: "
        + "; ".join(
            f"{math.floor(years[p.backend])} {describe_ratio(p)}"
            for p in sorted(points, key=lambda p: years[p.backend])
        )
        + ".",
    )


def _table(analysis: Analysis, years: Mapping[str, float]) -> Table:
    columns = (
        Column("Backend"),
        Column("First release"),
        Column("Right", "number", "of cells it ran"),
        Column("Training step", "number", f"× {analysis.reference}; below 1 is faster"),
        Column("Worst error", "number", "of its bound; ≤ 1 is right"),
        Column("Import", "number"),
        Column("Installed", "number", "its environment on the disk"),
    )
    values = [
        metrics.conformance(analysis),
        metrics.worst_error_fraction(analysis),
        metrics.import_time(analysis),
        metrics.installed_size(analysis),
    ]
    order = sorted(analysis.backends, key=lambda b: (years.get(b, math.inf), b))
    return Table(
        caption="Every toolkit, by its first release",
        columns=columns,
        groups=(Group("", tuple(_row(analysis, b, [v[b] for v in values]) for b in order)),),
        sortable=True,
    )


def _row(analysis: Analysis, backend: str, values: list[float | None]) -> Row:
    right, error, imported, size = values
    environment = analysis.environments[backend]
    return (
        Cell(backend, environment.name_and_version, sort=backend),
        Cell(
            environment.released.replace("-", HYPHEN) or words.NONE,
            sort=environment.released or None,
        ),
        _cell(right, words.percent, bad=right is not None and right < 1),
        _step_cell(analysis, backend),
        _cell(error, words.fraction_of_bound, bad=error is not None and not error <= 1),
        _cell(imported, words.duration),
        _cell(size, words.size),
    )


def _step_cell(analysis: Analysis, backend: str) -> Cell:
    point = step_time(analysis, backend)
    if point is None:
        return Cell(words.NONE)
    if backend == analysis.reference:
        return Cell("1", "the reference", sort=1.0)
    note = words.interval(point.ratio, point.low, point.high) if point.ranked else "not ranked"
    return Cell(words.ratio(point.ratio, point.low, point.high), note, sort=point.ratio)


def _cell(value: float | None, shown: Callable[[float | None], str], bad: bool = False) -> Cell:
    if value is None:
        return Cell(words.NONE)
    note = getattr(value, "note", "")
    return Cell(shown(value), note, tone="bad" if bad else "", sort=float(value))
