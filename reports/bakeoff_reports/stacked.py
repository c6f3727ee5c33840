"""Bars made up of parts: what each column adds to a backend's score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator

from bakeoff_reports import style

PITCH, BAR = 30.0, 19.0  # pixels from bar to bar, and of a bar
RIGHT, BOTTOM, LINE = 52.0, 44.0, 21.0
LETTER = 6.9  # a letter's width, at the labels' size
PALE = 0.5  # opacity of the colours' second round


@dataclass(frozen=True, slots=True)
class Part:
    """What one column adds to each backend's score, and its weight."""

    title: str
    weight: float
    points: Sequence[float]


def stacked(
    backends: Sequence[str], parts: Sequence[Part], title: str = "", below: str = ""
) -> Figure:
    """Draw a bar per backend, the highest score on top, with a legend in the order of the parts.

    ``title`` and ``below`` let the picture stand alone.
    """
    totals = [sum(p.points[i] for p in parts) for i in range(len(backends))]
    order = sorted(range(len(backends)), key=lambda i: (-totals[i], i))
    left = 20 + LETTER * max(map(len, backends), default=0)
    wide = style.WIDTH - left - RIGHT
    total_weight = sum(p.weight for p in parts)
    entries = [f"{p.title} {100 * p.weight / total_weight:.0f} %" for p in parts]
    in_row = max(1, int((style.WIDTH - 20) / (44 + LETTER * max(map(len, entries)))))
    legend = LINE * -(-len(parts) // in_row)
    above = legend + 12 + (34 if title else 0)
    tall = PITCH * len(backends)
    with style.house_style():
        figure = style.canvas(above + tall + BOTTOM + (26 if below else 0))
        axes = style.place(figure, left, above, wide, tall)
        _frame(axes, [backends[i] for i in order])
        for row, i in enumerate(order):
            start = 0.0
            for number, part in enumerate(parts):
                axes.barh(row, part.points[i], BAR / PITCH, left=start, **look(number))
                start += part.points[i]
            axes.text(start + 0.8, row, f"{totals[i]:.1f}", va="center", color=style.INK)
        height = 72 * figure.get_size_inches()[1]
        axes.set_xlabel("Score: the weighted mean of points, 0 to 100")
        handles = [Patch(label=e, **look(n)) for n, e in enumerate(entries)]
        figure.legend(
            handles=handles, loc="upper left", ncols=in_row, borderaxespad=0, handlelength=1.1,
            bbox_to_anchor=(8 / style.WIDTH, 1 - (34 if title else 0) / height),
            labelcolor=style.INK,
        )  # fmt: skip
        figure.text(
            14 / style.WIDTH, 1 - 6 / height, title, va="top", fontsize=15, fontweight="bold"
        )
        figure.text(14 / style.WIDTH, 8 / height, below, va="bottom", color=style.SOFT)
    return figure


def look(number: int) -> dict[str, Any]:
    """Return a part's colour; the colours come round pale, each edged with the paper."""
    again, colour = divmod(number, len(style.SERIES))
    return {
        "facecolor": style.SERIES[colour],
        "alpha": PALE if again else 1.0,
        "edgecolor": style.PAPER,
        "linewidth": 1.2,
    }


def _frame(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_xlim(0, 100)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.yaxis.set_major_locator(FixedLocator(list(range(len(labels)))))
    axes.set_yticklabels(labels)
    axes.tick_params(axis="y", length=0, labelcolor=style.INK)
    axes.xaxis.set_major_locator(FixedLocator([0, 20, 40, 60, 80, 100]))
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
