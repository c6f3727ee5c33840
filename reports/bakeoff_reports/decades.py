"""The chart of the museum: how fast a training step is, over the year of first release."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bakeoff_reports import labels, style
from bakeoff_reports.figures import Looks, Point, ratio_ticks
from bakeoff_reports.labels import Box

LEFT, TOP, TALL, BOTTOM, MARGIN = 66.0, 26.0, 500.0, 50.0, 14.0
MARK = 6.0  # half of what a marker covers
LETTER, LINE = 6.9, 14.0  # a letter's width and a line's height, at the labels' size


def decades(points: Sequence[Point], years: Mapping[str, float], looks: Looks,
            unit: str, noise: float | None) -> Figure:  # fmt: skip
    """Draw a point per backend with its interval: year of release, time relative to the reference.

    Both axes run as read: to the right later, upwards slower; the vertical one is logarithmic.
    """
    wide = style.WIDTH - LEFT - MARGIN
    first, last = min(years.values()), max(years.values())
    span = (math.floor(first) - 0.4, math.ceil(last) + 1.4)
    low, high = _span(points)
    frame = Box(0, 0, wide, TALL)

    def pixel(year: float, ratio: float) -> tuple[float, float]:
        return (
            wide * (year - span[0]) / (span[1] - span[0]),
            TALL * math.log(ratio / low) / math.log(high / low),
        )

    with style.house_style():
        figure = style.canvas(TOP + TALL + BOTTOM)
        axes = style.place(figure, LEFT, TOP, wide, TALL)
        _axes(axes, span, (low, high), unit, noise)
        at = [pixel(years[p.backend], p.ratio) for p in points]
        taken = [Box(0, pixel(0, 1)[1] - 1, wide, pixel(0, 1)[1] + 1)]  # the reference's line
        for point, (x, y) in zip(points, at, strict=True):
            taken.append(Box(x - MARK, y - MARK, x + MARK, y + MARK))
            if _has_interval(point):
                bottom, top = (
                    pixel(0, min(max(end, low), high))[1] for end in (point.low, point.high)
                )
                taken.append(Box(x - 2, bottom, x + 2, top))
            _mark(axes, point, years[point.backend], looks)
        sizes = [(LETTER * len(p.backend) + 4, LINE) for p in points]
        for point, place, (x, y) in zip(
            points, labels.place(at, sizes, frame, taken), at, strict=True
        ):
            write_name(axes, point.backend, place, (x, y), frame, looks[point.backend][0])
    return figure


def _axes(axes: Axes, span: tuple[float, float], ratios: tuple[float, float], unit: str,
          noise: float | None) -> None:  # fmt: skip
    axes.set_xlim(*span)
    axes.set_yscale("log")
    axes.set_ylim(*ratios)
    years = range(math.ceil(span[0]), math.floor(span[1]) + 1)
    axes.xaxis.set_major_locator(FixedLocator([y for y in years if y % 2 == 0]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.yaxis.set_major_locator(FixedLocator(ratio_ticks(*ratios, most=10)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="y")
    if noise:
        axes.axhspan(1 / (1 + noise), 1 + noise, color=style.BAND, linewidth=0, zorder=0.4)
    axes.axhline(1, color=style.SOFT, linewidth=1.2, zorder=1)
    axes.set_xlabel("first release")
    axes.set_ylabel(unit)


def _span(points: Sequence[Point]) -> tuple[float, float]:
    """Return the range of ratios, with room for names above and below."""
    ratios = [p.ratio for p in points]
    low, high = min(*ratios, 0.8), max(*ratios, 1.25)
    room = (high / low) ** 0.07
    return low / room, high * room


def _has_interval(point: Point) -> bool:
    return 0 < point.low <= point.high < math.inf


def _mark(axes: Axes, point: Point, year: float, looks: Looks) -> None:
    colour, marker = looks[point.backend]
    if _has_interval(point):
        axes.plot([year, year], [point.low, point.high], color=colour, linewidth=2,
                  solid_capstyle="butt")  # fmt: skip
    axes.plot(
        [year], [point.ratio], marker=marker, markersize=8, color=colour, linestyle="none",
        markerfacecolor=colour if point.ranked else style.PAPER, markeredgewidth=1.5,
    )  # fmt: skip


def write_name(axes: Axes, text: str, place: labels.Label, point: tuple[float, float], frame: Box,
          colour: str) -> None:  # fmt: skip
    """Write a name, and draw a line to it where it stands apart from its point."""

    def share(x: float, y: float) -> tuple[float, float]:
        return x / frame.right, y / frame.top

    box = place.box
    # Its near edge at the place: how wide a name becomes depends on the reader's typeface.
    x, edge = min(
        ((box.left, "left"), (box.right, "right"), ((box.left + box.right) / 2, "center")),
        key=lambda side: abs(side[0] - point[0]),
    )
    if place.far:
        end = (min(max(point[0], box.left), box.right), min(max(point[1], box.bottom), box.top))
        (x0, y0), (x1, y1) = share(*point), share(*end)
        axes.plot([x0, x1], [y0, y1], transform=axes.transAxes, color=style.SOFT, linewidth=0.8,
                  zorder=1.5)  # fmt: skip
    axes.text(*share(x, (box.bottom + box.top) / 2), text, transform=axes.transAxes, ha=edge,
              va="center", color=colour, fontsize=11)  # fmt: skip
