"""Error against time, a panel per op: the front joins those that no other beats in both."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bakeoff_reports import labels, legend, style
from bakeoff_reports.decades import LETTER, LINE, write_name
from bakeoff_reports.figures import TITLE, Looks, ratio_axis
from bakeoff_reports.labels import Box

LEAST, MOST = 1e-4, 1e2  # shares of the bound: what is beyond is drawn at the border
ACROSS, TALL, LEFT, BOTTOM, GAP = 3, 200.0, 62.0, 40.0, 52.0
LETTERS = 35  # of a panel's title
MARK = 5.5  # half of what a marker covers


@dataclass(frozen=True, slots=True)
class Result:
    """A backend's time relative to the reference, and its worst error as a share of the bound."""

    backend: str
    ratio: float
    error: float


def front(results: Sequence[Result]) -> list[Result]:
    """Return the right results that none is both faster and more precise than, by time."""
    found: list[Result] = []
    for result in sorted(results, key=lambda r: (r.ratio, r.error)):
        if result.error <= 1 and (not found or result.error < found[-1].error):
            found.append(result)
    return found


def pareto_panels(panels: Mapping[str, Sequence[Result]], looks: Looks, xlabel: str) -> Figure:
    """Draw each op's results on logarithmic axes: left is faster, down is more precise."""
    names = {r.backend for results in panels.values() for r in results}
    named = [b for b in looks if b in names]
    top, tall = legend.height(named, LEFT), TITLE + TALL + BOTTOM
    wide = (style.WIDTH - LEFT + GAP - 8) / ACROSS
    bands = math.ceil(len(panels) / ACROSS)
    with style.house_style():
        figure = style.canvas(top + bands * tall + 22)
        for number, (title, results) in enumerate(panels.items()):
            band, column = divmod(number, ACROSS)
            axes = style.place(
                figure, LEFT + column * wide, top + band * tall + TITLE, wide - GAP, TALL
            )
            axes.set_title(title if len(title) <= LETTERS else f"{title[: LETTERS - 1]}…")
            _draw(axes, results, looks, wide - GAP, is_first=column == 0)
        figure.text(0.5, 6 / (top + bands * tall + 22), xlabel, ha="center", color=style.SOFT)
        legend.draw(figure, named, looks, LEFT)
    return figure


def _draw(axes: Axes, results: Sequence[Result], looks: Looks, wide: float, is_first: bool) -> None:
    ratios = [r.ratio for r in results]
    middle = (max(ratios) / min(ratios)) ** 0.08 * 1.12
    span = min(*ratios, 0.8) / middle, max(*ratios, 1.25) * middle
    ratio_axis(axes, span, "", None, wide)
    _error_axis(axes, [r.error for r in results], is_first)
    frame, low, high = Box(0, 0, wide, TALL), *axes.get_ylim()

    def pixel(result: Result) -> tuple[float, float]:
        return (
            wide * math.log(result.ratio / span[0]) / math.log(span[1] / span[0]),
            TALL * math.log(_drawn(result) / low) / math.log(high / low),
        )

    best = front(results)
    at = [pixel(r) for r in best]
    steps = _steps(at, wide)
    axes.plot([x / wide for x, _ in steps], [y / TALL for _, y in steps], color=style.INK,
              transform=axes.transAxes, linewidth=1.2, zorder=1.2)  # fmt: skip
    for result in results:
        colour, marker = looks[result.backend]
        axes.plot(
            [result.ratio], [_drawn(result)], marker=marker, color=colour,
            markersize=7, markeredgewidth=1.4, linestyle="none",
            markerfacecolor=colour if result.error <= 1 else style.PAPER,
        )  # fmt: skip
    taken = [Box(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in map(pixel, results)]
    for (x0, y0), (x1, y1) in pairwise(steps):
        taken.append(Box(min(x0, x1) - 1, min(y0, y1) - 1, max(x0, x1) + 1, max(y0, y1) + 1))
    sizes = [(LETTER * len(r.backend) + 4, LINE) for r in best]
    for result, place, point in zip(best, labels.place(at, sizes, frame, taken), at, strict=True):
        write_name(axes, result.backend, place, point, frame, looks[result.backend][0])


def _error_axis(axes: Axes, errors: Sequence[float], is_first: bool) -> None:
    least = min(max(min(errors), LEAST), 0.1)
    most = min(max(*errors, 1.0), MOST)
    axes.set_yscale("log")
    axes.set_ylim(least / 2.5, most * 2.5)
    decades = [10.0**d for d in range(-4, 3) if least / 2.5 <= 10.0**d <= most * 2.5]
    axes.yaxis.set_major_locator(FixedLocator(decades))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.axhline(1, color=style.BAD, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    if is_first:
        axes.set_ylabel("error, of the bound")


def _drawn(result: Result) -> float:
    return min(max(result.error, LEAST), MOST)


def _steps(corners: Sequence[tuple[float, float]], wide: float) -> list[tuple[float, float]]:
    """Return the front's line: right of and above a corner, its result is the better one."""
    if not corners:
        return []
    found = [(corners[0][0], TALL)]
    for x, y in corners:
        found += [(x, found[-1][1]), (x, y)]
    return [*found[1:], (wide, corners[-1][1])]
