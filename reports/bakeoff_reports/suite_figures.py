"""Which figure a suite gets, and the data for it."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from bakeoff.record import Outcome, Record
from bakeoff_reports import figures, style
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.cells import rows_of
from bakeoff_reports.content import Block, Figure, muted, paragraph
from bakeoff_reports.figures import Lane, Line, Point, Tile
from bakeoff_reports.sections import glance, unit

_RATED = (Outcome.OK, Outcome.CONTENDED)  # a wrong answer has no rate
# Of a forest plot: beyond, a strip of dots per backend says more.
MOST_LANES, MOST_MARKS = 30, 160
FEW_OPS = 20  # so many get a row each with its number, more a field each
PASS_WORDS = {
    "forward": "forward",
    "grad-input": "forward, gradient of input",
    "grad-filter": "forward, gradient of filter",
    "gradient": "forward and gradient",
}


def draw_suite(analysis: Analysis, suite: str) -> list[Block]:
    """Return the figures of a suite, or a word on why there is none."""
    cells = analysis.cells[analysis.cells["suite"] == suite]
    makers = _FIGURES.get(suite, (_forest,))
    drawn = [figure for make in makers if (figure := make(analysis, cells)) is not None]
    return list(drawn) or [
        paragraph(muted("No figure: no cell of this suite has a result to draw."))
    ]


def _tag(analysis: Analysis, case: str, name: str, default: str = "") -> str:
    return str(analysis.cases[case].tags.get(name, default))


def _rates(analysis: Analysis, cells: pd.DataFrame) -> Figure | None:
    """Draw a rate over sizes, of the families of shapes that have several sizes."""
    ran = cells[cells["outcome"].isin(_RATED) & cells["gflops"].gt(0)]
    panels: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows_of(ran):
        tags = analysis.cases[str(row.case)].tags
        n = tags.get("n")
        if isinstance(n, int | float):
            family = str(tags.get("shape", ""))
            title = ", ".join(
                filter(
                    None, (family, str(row.dtype), PASS_WORDS.get(str(tags.get("pass", "")), ""))
                )
            )
            panels[title][str(row.backend)].append((float(n), float(row.gflops)))
    lines = {
        title: [
            Line(b, [x for x, _ in sorted(points)], [y for _, y in sorted(points)])
            for b, points in by_backend.items()
        ]
        for title, by_backend in panels.items()
        if max(len(points) for points in by_backend.values()) >= 2
    }
    if not lines:
        return None
    drawing = figures.curves(lines, style.series(analysis.backends), "n", "GFLOP/s")
    return Figure(
        drawing,
        "Floating-point operations per second (10⁹, higher is faster) against the size n, both "
        "axes logarithmic. Cells that mismatch are in the table only.",
        "Rate in GFLOP/s at the largest size: "
        + "; ".join(
            f"{title}: " + ", ".join(f"{line.backend} {line.y[-1]:.3g}" for line in group)
            for title, group in lines.items()
        )
        + ".",
    )


def _forest(analysis: Analysis, cells: pd.DataFrame) -> Figure | None:
    """Draw the ratios: a lane per shape, a panel per pass where the suite has passes."""
    drawable = cells[cells["ratio"].gt(0)]
    if drawable.empty:
        return None
    lanes: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    panels: dict[str, None] = {}
    for row in rows_of(drawable):
        case = analysis.cases[str(row.case)]
        kind = str(case.tags.get("pass", ""))
        panel = PASS_WORDS.get(kind, kind)
        label = case.name.removesuffix(f"-{kind}") if kind else case.name
        panels[panel] = None
        lanes[label][panel].append(_point(row))
    filled = sum(len(by_panel) for by_panel in lanes.values())
    if len(panels) > 3 or filled < 0.6 * len(panels) * len(lanes):
        panels, lanes = _in_one_panel(lanes)
    if len(lanes) > MOST_LANES or len(lanes) * drawable["backend"].nunique() > MOST_MARKS:
        return glance(analysis, str(cells["suite"].iloc[0]))
    ordered = [p for p in (*PASS_WORDS.values(), *panels) if p in panels]
    drawing = figures.forest(
        [Lane(label, by_panel) for label, by_panel in lanes.items()],
        list(dict.fromkeys(ordered)),
        style.series(analysis.backends),
        unit(analysis),
        analysis.noise_floor,
    )
    return Figure(
        drawing,
        f"Horizontal: {unit(analysis)}, with 95 % intervals over process rounds. The shaded band "
        "is the noise floor. Hollow marks are shown but not ranked.",
        f"Forest plot of {unit(analysis)}. "
        + " ".join(
            f"{label}: "
            + "; ".join(
                ", ".join(figures.describe_ratio(p) for p in points)
                + (f" ({panel})" if panel else "")
                for panel, points in by_panel.items()
            )
            + "."
            for label, by_panel in list(lanes.items())[:12]
        ),
    )


Lanes = dict[str, dict[str, list[Point]]]


def _in_one_panel(lanes: Lanes) -> tuple[dict[str, None], Lanes]:
    short = {text: name for name, text in PASS_WORDS.items()}
    flat: Lanes = {
        f"{label}, {short.get(panel, panel)}": {"": points}
        for label, by_panel in lanes.items()
        for panel, points in by_panel.items()
    }
    return {"": None}, flat


def _point(row: Any) -> Point:
    return Point(row.backend, row.ratio, row.ratio_low, row.ratio_high, not row.unranked)


def _training(analysis: Analysis, cells: pd.DataFrame) -> Figure | None:
    """Draw loss and accuracy of the first fit of the suite, beside the oracle's loss."""
    fits = [
        case for case in analysis.run.cases if case.suite == cells["suite"].iloc[0] and case.fit
    ]
    for case in fits:
        records = {b: _fitted(analysis, case.id, b) for b in analysis.backends}
        found = {b: r for b, r in records.items() if r is not None}
        if found:
            break
    else:
        return None
    losses = [_steps(b, r.series["losses"]) for b, r in found.items() if "losses" in r.series]
    oracles = [r.series["oracle_losses"] for r in found.values() if r.series.get("oracle_losses")]
    accuracies = [_over_time(b, r) for b, r in found.items() if r.series.get("seconds")]
    if not (losses or accuracies):
        return None
    target = case.fit.target_accuracy if case.fit else None
    drawing = figures.trajectories(
        losses,
        _steps("", oracles[0]) if oracles else None,
        accuracies,
        target,
        style.series(analysis.backends),
        "epoch" if accuracies and losses and len(losses[0].x) == len(accuracies[0].x) else "step",
    )
    ends = ", ".join(f"{line.backend} {line.y[-1]:.1%}" for line in accuracies)
    return Figure(
        drawing,
        f"Training {case.title or case.name}, from identical weights and in the same batch order "
        "on every backend. Left, the loss"
        + ("; the pale band behind is the same training in float64. " if oracles else ". ")
        + "Right, the accuracy on held-out images, one mark per epoch.",
        f"Training of {case.name}. Accuracy at the end: {ends or 'not recorded'}.",
    )


def _fitted(analysis: Analysis, case: str, backend: str) -> Record | None:
    """Return the cell's first record that holds a training."""
    records: Sequence[Record] = analysis.ranking.records(case, backend)
    return next((r for r in records if r.outcome.measured and r.series), None)


def _steps(backend: str, values: Sequence[float]) -> Line:
    """Return losses over steps, thinned to what a figure can show."""
    stride = max(1, len(values) // 300)
    chosen = range(0, len(values), stride)
    return Line(backend, [i + 1 for i in chosen], [values[i] for i in chosen])


def _over_time(backend: str, record: Record) -> Line:
    return Line(backend, list(record.series["seconds"]), list(record.series["accuracy"]))


def _ops(analysis: Analysis, cells: pd.DataFrame) -> Figure | None:
    """Draw each op on each backend: how near its worst error is to the bound."""
    by_place: dict[tuple[str, str], list[Any]] = defaultdict(list)
    ops: dict[str, None] = {}
    for row in rows_of(cells):
        op = _op_of(analysis, str(row.case))
        ops[op] = None
        by_place[op, str(row.backend)].append(row)
    if not ops:
        return None
    rows = {
        backend: [_tile(by_place.get((op, backend), [])) for op in ops]
        for backend in analysis.backends
    }
    few = len(ops) <= FEW_OPS and figures.fits_in_table(ops, analysis.backends)
    draw = figures.error_table if few else figures.error_map
    drawing = draw(list(ops), rows)
    states = {b: [t.state for t in tiles] for b, tiles in rows.items()}
    return Figure(
        drawing,
        "Every op on every backend, forward and gradient together: the worst error as a share of "
        "its bound. Marked fields have no good result; the table says why.",
        "Ops within their error bound: "
        + ", ".join(f"{b} {s.count('ok')} of {len(ops)}" for b, s in states.items())
        + ".",
    )


def _op_of(analysis: Analysis, case: str) -> str:
    found = analysis.cases[case]
    last = found.program.nodes[-1].op if found.program.nodes else found.name
    return str(found.tags.get("op", last))


_FAILED = (Outcome.ERROR, Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT, Outcome.CRASHED)
_ABSENT = (Outcome.UNSUPPORTED, Outcome.UNAVAILABLE)


def _tile(rows: Sequence[Any]) -> Tile:
    """Return the worst of an op's cells on a backend."""
    outcomes = [row.outcome for row in rows]
    if any(o in _FAILED for o in outcomes):
        return Tile("failed")
    if Outcome.MISMATCH in outcomes:
        return Tile("mismatch")
    fractions = [row.error_fraction for row in rows if not math.isnan(row.error_fraction)]
    if fractions:
        return Tile("ok", max(fractions))
    return Tile("absent" if any(o in _ABSENT for o in outcomes) else "unknown")


_FIGURES: dict[str, tuple[Callable[[Analysis, pd.DataFrame], Figure | None], ...]] = {
    "matmul": (_rates, _forest),
    "operators": (_ops, _forest),
    "two_layer": (_forest, _training),
}
