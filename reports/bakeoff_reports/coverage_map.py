"""The map of what each backend computes, and how that ended: a column per op, a row per backend."""

from collections.abc import Mapping, Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bakeoff_reports import style
from bakeoff_reports.figures import banded

State = Literal["right", "part", "wrong", "failed", "absent", "unknown"]

# Shade, mark and meaning: each tells the states apart without the other.
LOOKS: Mapping[State, tuple[str, str, str]] = {
    "right": (style.SHADES[2], "", "right in every case"),
    "part": (style.SHADES[0], "/", "in some cases"),
    "wrong": (style.BAD, "×", "mismatch"),
    "failed": (style.BAD, "!", "failed"),
    "absent": (style.VOID, "–", "not offered"),
    "unknown": (style.VOID, "?", "not reached"),
}


def coverage_map(ops: Sequence[str], backends: Mapping[str, Sequence[State]]) -> Figure:
    """Draw the state of each op on each backend; long lists continue in further bands."""
    return banded(ops, backends, _draw, _key)


def _draw(axes: Axes, state: State, x: float, y: float) -> None:
    shade, mark, _ = LOOKS[state]
    axes.add_patch(
        Rectangle((x + 0.05, y + 0.06), 0.9, 0.88, facecolor=shade, linewidth=0, clip_on=False)
    )
    bad = shade == style.BAD
    axes.text(
        x + 0.5, y + 0.53, mark, ha="center", va="center", fontsize=11,
        color=style.PAPER if bad else style.INK, fontweight="bold" if bad else "normal",
    )  # fmt: skip


def _key(figure: Figure, left: float) -> None:
    axes = style.place(figure, left, 4, style.WIDTH - left, 18)
    axes.set_axis_off()
    axes.set_xlim(0, (style.WIDTH - left) / 18)
    axes.set_ylim(1, 0)
    x = 0.0
    for state, (_, _, meaning) in LOOKS.items():
        _draw(axes, state, x, 0)
        axes.text(x + 1.25, 0.53, meaning, va="center", fontsize=11, color=style.SOFT)
        x += 2.1 + 0.4 * len(meaning)
