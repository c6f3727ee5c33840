"""The house style of figures: few inks, named, so that the page can change them in the dark.

Figures are drawn with the light inks. `INKS` names each; the page's style sheet gives the
name another value for a dark screen. One unit of a figure is one CSS pixel.
"""

from collections.abc import Iterable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 1040  # pixels: the page's measure for figures

INK = "#1e2430"
SOFT = "#586174"
RULE = "#dce0e8"
BAND = "#eef0f5"
PAPER = "#fffffe"

# Series colours: distinct for the three common colour-vision deficiencies, each at least
# 4.5:1 on its paper, and always with a marker of its own.
SERIES = ("#0a61a9", "#b8480a", "#007a5a", "#99398a", "#7d6200", "#3c4858", "#b42745", "#1f7d9c")
_SERIES_DARK = (
    "#74b6f4", "#f6a267", "#55cba4", "#e39bd6", "#dcbf55", "#b3bccb", "#f58c9a", "#74cde6"
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

# Shades of the error map, from far below the bound to just below it; then beyond it.
SHADES = ("#e3f1ea", "#b5dcc9", "#7cc0a3", "#3f9a78")
_SHADES_DARK = ("#14302a", "#1b4639", "#215c4a", "#27735b")
BAD = "#b3261e"
VOID = "#f3f4f7"

INKS: dict[str, tuple[str, str, str]] = {  # hex as drawn → name, light, dark
    INK: ("ink", INK, "#e7eaf0"),
    SOFT: ("soft", SOFT, "#a4adbd"),
    RULE: ("rule", RULE, "#343b48"),
    BAND: ("band", BAND, "#232935"),
    PAPER: ("paper", "#ffffff", "#14181f"),
    BAD: ("bad", BAD, "#ff9a90"),
    VOID: ("void", VOID, "#1d222b"),
    **{c: (f"s{i}", c, d) for i, (c, d) in enumerate(zip(SERIES, _SERIES_DARK, strict=True))},
    **{c: (f"h{i}", c, d) for i, (c, d) in enumerate(zip(SHADES, _SHADES_DARK, strict=True))},
}

RC: Any = {
    "svg.fonttype": "none",  # text stays text: searchable, in the page's own typeface
    "font.family": "DejaVu Sans",  # wider than the page's typefaces: laid out so, nothing overlaps
    "font.size": 11.5,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": SOFT,
    "axes.labelsize": 11.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 11.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "savefig.facecolor": "none",
    "path.simplify_threshold": 0.5,
}


def canvas(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure; sizes in CSS pixels. Call it inside `house_style`."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def house_style() -> Any:
    """Return a context in which everything drawn follows the house style."""
    return matplotlib.rc_context(RC)


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place given in pixels from the figure's top left corner."""
    across, down = (72 * side for side in figure.get_size_inches())
    return figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down)
    )


def series(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return a colour and a marker for each name, the same in every figure of a page."""
    return {
        name: (SERIES[i % len(SERIES)], MARKERS[(i + i // len(SERIES)) % len(MARKERS)])
        for i, name in enumerate(names)
    }
