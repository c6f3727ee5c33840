"""The matrix of trained models: how many test rows one of two got right alone."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bakeoff_reports import style, words

Pair = tuple[str, str]

LETTER = 6.9  # pixels of a label's letter, at its size
SIDE = (26.0, 56.0)  # of a field: the least and the most
SURE, UNSURE = style.SHADES[2], style.BAND


def matrix(accuracies: Mapping[str, float], only: Mapping[Pair, int],
           better: Sequence[Pair], width: float = style.WIDTH) -> Figure:  # fmt: skip
    """Draw a row and a column per model.

    Parameters
    ----------
    accuracies
        Of each model, in the order of rows and columns.
    only
        How many test rows the first of a pair got right, and the second wrong.
    better
        Pairs of which the first is surely better: their fields are filled, their numbers bold.
    """
    names = list(accuracies)
    labels = [
        f"{name}  {100 * accuracy:.1f}{words.NARROW}%" for name, accuracy in accuracies.items()
    ]
    left = 24 + LETTER * max(map(len, labels))
    head = 14 + 6.3 * max(map(len, names))
    side = min(SIDE[1], max(SIDE[0], (width - left - 20) / len(names)))
    extent = side * len(names)
    with style.house_style():
        figure = style.canvas(head + extent + 8, width)
        axes = style.place(figure, left, head, extent, extent)
        axes.set_xlim(0, len(names))
        axes.set_ylim(len(names), 0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, pad=5, labelcolor=style.INK, labelsize=11)
        axes.xaxis.tick_top()
        centres = [i + 0.5 for i in range(len(names))]
        axes.set_xticks(centres, names, rotation=90)
        axes.set_yticks(centres, labels)
        widest = max((len(str(count)) for count in only.values()), default=1)
        size = min(11.0, (side - 6) / (0.68 * widest))  # bold digits are 0.68 of their size
        for y, row in enumerate(names):
            for x, column in enumerate(names):
                if row != column:
                    _field(axes, x, y, only[row, column], (row, column) in better, size)
    return figure


def _field(axes: Axes, x: int, y: int, count: int, sure: bool, size: float) -> None:
    axes.add_patch(
        Rectangle((x + 0.03, y + 0.03), 0.94, 0.94, facecolor=SURE if sure else UNSURE, linewidth=0)
    )
    axes.text(
        x + 0.5, y + 0.5, str(count), ha="center", va="center", fontsize=size,
        color=style.INK if count else style.SOFT, fontweight="bold" if sure else "normal",
    )  # fmt: skip
