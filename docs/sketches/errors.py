"""Errors beside what is allowed."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from sketches.paper import BLUE, GREEN, PURPLE, WIDTH, Data, title

from bakeoff_reports import style
from bakeoff_reports.style import BAD, BAND, INK

Way = tuple[str, str, str, str]  # its name in the data, and in the legend; colour, marker
WAYS: dict[str, tuple[Way, ...]] = {
    "float32": (
        ("float32, NumPy", "NumPy", BLUE, "o"),
        ("float32, term by term", "term by term", GREEN, "^"),
        ("float32, inputs rounded as TF32", "inputs rounded as TF32", BAD, "X"),
    ),
    "float16": (
        ("float16, sums in float32", "sums in float32", BLUE, "o"),
        ("float16, sums in float16", "sums in float16", BAD, "X"),
    ),
}


def errors(data: Data) -> Figure:
    """Errors over the length of sums, beside what is allowed."""
    figure = style.canvas(395, WIDTH)
    width = (WIDTH - 155) / 2
    for i, (dtype, panel) in enumerate((("float32", _sizes), ("float16", _fractions))):
        axes = style.place(figure, 75 + i * (width + 65), 50, width, 230)
        panel(axes, data, WAYS[dtype])
        axes.set(xscale="log", yscale="log", xlabel="length of the sums")
        axes.xaxis.set_major_locator(FixedLocator([16, 128, 1024, 8192]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(_power))
        title(axes, f"Matrix products in {dtype}")
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.2), borderaxespad=0, ncols=2,
                    fontsize=10.5, columnspacing=1.2, handlelength=1.6)  # fmt: skip
    return figure


def _sizes(axes: Axes, data: Data, ways: Sequence[Way]) -> None:
    """Draw errors as they are, relative to Σ|a||b|."""
    rows = _rows(data, ways[0][0])
    lengths, bounds = [r[1] for r in rows], [r[3] for r in rows]
    axes.fill_between(lengths, [1e-9] * len(lengths), bounds, color=BAND, lw=0)
    axes.plot(lengths, bounds, color=INK, label="bound: more is a mismatch")
    axes.plot(*zip(*data["usual"], strict=True), color=INK, ls=(0, (4, 3)), lw=1.2,
              label="what random roundings keep to")  # fmt: skip
    axes.axhline(1e-4, color=PURPLE, lw=1.4, ls=(0, (1, 2)), label="a tolerance of 1e-4")
    _dots(axes, data, ways, 2)
    axes.set(ylim=(1e-8, 3e-3), ylabel="largest error / sum of sizes")


def _fractions(axes: Axes, data: Data, ways: Sequence[Way]) -> None:
    """Draw errors as fractions of their bounds."""
    axes.axhspan(1e-9, 1, color=BAND, lw=0)
    axes.axhline(1, color=INK, label="bound: more is a mismatch")
    _dots(axes, data, ways, 4)
    axes.set(ylim=(0.01, 300), ylabel="largest error / bound")


def _dots(axes: Axes, data: Data, ways: Sequence[Way], column: int) -> None:
    for way, name, colour, marker in ways:
        rows = _rows(data, way)
        axes.plot([r[1] for r in rows], [r[column] for r in rows], marker, color=colour, ms=6,
                  mec="none", label=name)  # fmt: skip


def _rows(data: Data, way: str) -> list[list[Any]]:
    return [row for row in data["products"] if row[0] == way]


def _power(value: float, _: Any) -> str:
    if 0.009 < value < 1000:
        return f"{value:g}"
    return f"1e{math.log10(value):.0f}".replace("-", "−")
