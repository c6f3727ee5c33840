"""Rooflines: attained rates under the ceilings of the machine, a panel per dtype.

Source: Williams, Waterman & Patterson, Roofline: an insightful visual performance model for
multicore architectures, CACM 52 (2009).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bakeoff_reports import legend, style
from bakeoff_reports.figures import TITLE, Looks

ACROSS, TALL, LEFT, BOTTOM, GAP = 2, 260.0, 62.0, 40.0, 22.0
# Drawn each for itself: of more, the fastest of a case and the range of the others.
MOST_SERIES, MOST_CELLS = 8, 800


@dataclass(frozen=True, slots=True)
class Attained:
    """A cell: operations per byte that must move, and 10⁹ operations per second."""

    case: str
    backend: str
    intensity: float
    gflops: float


@dataclass(frozen=True, slots=True)
class Roof:
    """The ceilings of a dtype: 10⁹ operations, and 10⁹ bytes per second by where they lie.

    ``gemm`` is NaN if it was not measured; ``copy`` goes from the fastest level of memory down.
    """

    gemm: float
    copy: Sequence[tuple[str, float]]


def roofline_panels(panels: Mapping[str, tuple[Roof, Sequence[Attained]]], looks: Looks) -> Figure:
    """Draw each dtype's cells on logarithmic axes, below what the machine can do at most."""
    names = {a.backend for _, cells in panels.values() for a in cells}
    is_crowd = is_crowded(cells for _, cells in panels.values())
    if is_crowd:
        names = {a.backend for _, cells in panels.values() for a in _fastest(cells)}
    named = [b for b in looks if b in names]
    across, limits = min(ACROSS, len(panels)), _limits(panels)
    bands, top = math.ceil(len(panels) / across), legend.height(named, LEFT)
    wide, tall = (style.WIDTH - LEFT) / across, TITLE + TALL + BOTTOM + 14
    with style.house_style():
        figure = style.canvas(top + bands * tall)
        for number, (dtype, (roof, cells)) in enumerate(panels.items()):
            band, column = divmod(number, across)
            axes = style.place(
                figure, LEFT + column * wide, top + band * tall + TITLE, wide - GAP - 20, TALL
            )
            axes.set_title(dtype)
            _axes(axes, limits)
            _draw_roof(axes, roof)
            if is_crowd:
                _draw_ranges(axes, cells)
            _draw_cells(axes, _fastest(cells) if is_crowd else cells, looks)
            if column == 0:
                axes.set_ylabel("GFLOP/s")
        legend.draw(figure, named, looks, LEFT)
    return figure


def is_crowded(panels: Iterable[Sequence[Attained]]) -> bool:
    """Return whether so many cells would hide each other."""
    cells = [cell for its in panels for cell in its]
    return len({c.backend for c in cells}) > MOST_SERIES or len(cells) > MOST_CELLS


def _by_case(cells: Sequence[Attained]) -> list[list[Attained]]:
    found: dict[str, list[Attained]] = defaultdict(list)
    for cell in cells:
        found[cell.case].append(cell)
    return list(found.values())


def _fastest(cells: Sequence[Attained]) -> list[Attained]:
    return [max(its, key=lambda a: a.gflops) for its in _by_case(cells)]


def _limits(panels: Mapping[str, tuple[Roof, Sequence[Attained]]]) -> Sequence[tuple[float, float]]:
    """Return the ranges of both axes, one for all panels."""
    cells = [a for _, its in panels.values() for a in its]
    rates = [*(a.gflops for a in cells), *(r.gemm for r, _ in panels.values() if r.gemm > 0)]
    intensities = [a.intensity for a in cells]
    return (min(intensities) / 2, max(*intensities, 1.0) * 2), (min(rates) / 2, max(rates) * 2.5)


def _axes(axes: Axes, limits: Sequence[tuple[float, float]]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*limits[0])
    axes.set_ylim(*limits[1])
    for axis, (low, high) in zip((axes.xaxis, axes.yaxis), limits, strict=True):
        decades = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        stride = max(1, math.ceil(len(decades) / 7))
        axis.set_major_locator(FixedLocator([10.0**d for d in decades][::stride]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True)
    axes.set_xlabel("operations per byte of inputs and results")


def _draw_roof(axes: Axes, roof: Roof) -> None:
    """Draw the ceilings: the rate of products, named, and the slopes of memory."""
    (left, right), top = axes.get_xlim(), axes.get_ylim()[1]
    flat = roof.gemm if roof.gemm > 0 else math.inf
    if flat < top:
        axes.axhline(flat, color=style.SOFT, linewidth=1.6, zorder=1.5)
        axes.annotate(
            f"product {flat:.3g} GFLOP/s", (right, flat), xytext=(-2, 5), color=style.SOFT,
            textcoords="offset points", ha="right", fontsize=10.5,
        )  # fmt: skip
    for number, (_, rate) in enumerate(roof.copy):
        end = min(right, flat / rate, top / rate)
        if end <= left:
            continue
        axes.plot([left, end], [left * rate, end * rate], color=style.SOFT, linewidth=1.6,
                  linestyle="-" if number == 0 else (0, (5, 3)), zorder=1.5)  # fmt: skip


def _draw_ranges(axes: Axes, cells: Sequence[Attained]) -> None:
    for its in _by_case(cells):
        rates = [a.gflops for a in its]
        axes.plot([its[0].intensity] * 2, [min(rates), max(rates)], color=style.RULE, linewidth=1.6,
                  solid_capstyle="butt", zorder=1.2)  # fmt: skip


def _draw_cells(axes: Axes, cells: Sequence[Attained], looks: Looks) -> None:
    by_backend: dict[str, list[Attained]] = defaultdict(list)
    for cell in cells:
        by_backend[cell.backend].append(cell)
    for backend, its in by_backend.items():
        colour, marker = looks[backend]
        axes.plot([a.intensity for a in its], [a.gflops for a in its], marker=marker, color=colour,
                  linestyle="none", markersize=5, alpha=0.75, markeredgewidth=0)  # fmt: skip
