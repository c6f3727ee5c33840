"""The figures of the history: lines over steps, layers or depth, in panels beside each other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from bakeoff_reports import style
from bakeoff_reports.figures import Line

TOP, TALL, BOTTOM, LEFT, RIGHT = 62.0, 260.0, 50.0, 66.0, 20.0
FEW = 20  # so many points carry a mark each
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over a common axis.

    ``levels`` are heights with a name; ``log`` and ``share`` say how the vertical axis runs and
    is written: in decades, in percent.
    """

    title: str
    xlabel: str
    ylabel: str
    lines: Sequence[Line]
    levels: Mapping[str, float] = field(default_factory=dict)
    log: bool = False
    share: bool = False


def story(panels: Sequence[Panel]) -> Figure:
    """Draw panels beside each other; a line of one name looks alike in all."""
    names = list(dict.fromkeys(line.backend for panel in panels for line in panel.lines))
    looks = style.series(names)
    wide = style.WIDTH / len(panels)
    with style.house_style():
        figure = style.canvas(TOP + TALL + BOTTOM)
        for number, panel in enumerate(panels):
            axes = style.place(figure, number * wide + LEFT, TOP, wide - LEFT - RIGHT, TALL)
            _panel(axes, panel, looks)
        handles = [
            Line2D([], [], color=looks[n][0], marker=looks[n][1], markersize=6.5, linewidth=2,
                   label=n)
            for n in names
        ]  # fmt: skip
        figure.legend(
            handles=handles, loc="upper left", ncols=len(handles), borderaxespad=0.2,
            bbox_to_anchor=((LEFT - 8) / style.WIDTH, 1.0), handlelength=1.8,
            columnspacing=1.6, handletextpad=0.6, labelcolor=style.INK,
        )  # fmt: skip
    return figure


def _panel(axes: Axes, panel: Panel, looks: Mapping[str, tuple[str, str]]) -> None:
    axes.set_title(panel.title)
    axes.set_xlabel(panel.xlabel)
    axes.set_ylabel(panel.ylabel)
    axes.grid(axis="y")
    for line in panel.lines:
        colour, marker = looks[line.backend]
        every = 1 if len(line.x) <= FEW else len(line.x) // 6
        axes.plot(line.x, line.y, color=colour, marker=marker, markersize=5, markevery=every)
    _vertical(axes, panel)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    for text, height in panel.levels.items():
        axes.axhline(height, color=style.SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.annotate(
            text, (1, height), xycoords=("axes fraction", "data"), xytext=(-2, 4),
            textcoords="offset points", ha="right", va="bottom", color=style.SOFT, fontsize=11,
        )  # fmt: skip


def _vertical(axes: Axes, panel: Panel) -> None:
    values = [y for line in panel.lines for y in line.y] + list(panel.levels.values())
    if panel.log:
        low, high = min(v for v in values if v > 0), max(values)
        axes.set_yscale("log")
        axes.set_ylim(low / 2, high * 2)
        axes.yaxis.set_major_locator(LogLocator(numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    else:
        axes.set_ylim(0, 1 if panel.share else 1.08 * max(values))
    if panel.share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))


def power(value: float) -> str:
    """Return a power of ten as it is written: ``10⁻⁴``, and 0.1, 1 and 10 as they are."""
    exponent = round(math.log10(value))
    if -2 <= exponent <= 2:
        return f"{10.0**exponent:g}"
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"
