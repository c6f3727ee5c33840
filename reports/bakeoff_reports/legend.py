"""The key to a figure's series: as many rows along its top as the names need."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from bakeoff_reports import style

MARK, LETTER, ROW, ABOVE = 26.0, 7.6, 19.0, 4.0  # pixels


def _columns(names: Sequence[str], left: float) -> tuple[int, float]:
    """Return how many names stand in a row, and how far apart."""
    pitch = MARK + 14 + LETTER * max((len(name) for name in names), default=1)
    return max(1, int((style.WIDTH - left) / pitch)), pitch


def height(names: Sequence[str], left: float) -> float:
    """Return the pixels that the key takes from the top, with room below it."""
    across, _ = _columns(names, left)
    return ABOVE + ROW * -(-len(names) // across) + 12


def draw(
    figure: Figure, names: Sequence[str], looks: Mapping[str, tuple[str, str]], left: float
) -> None:
    """Name the series along the top, each beside its line and marker."""
    across, pitch = _columns(names, left)
    wide, tall = style.WIDTH - left, height(names, left)
    axes = style.place(figure, left, 0, wide, tall)
    axes.set_axis_off()
    axes.set_xlim(0, wide)
    axes.set_ylim(tall, 0)
    for number, name in enumerate(names):
        row, column = divmod(number, across)
        x, y = column * pitch, ABOVE + ROW * (row + 0.5)
        colour, marker = looks[name]
        axes.plot([x, x + MARK - 8], [y, y], color=colour, linewidth=2)
        axes.plot([x + (MARK - 8) / 2], [y], color=colour, marker=marker, markersize=6.5)
        axes.text(x + MARK - 2, y, name, va="center_baseline", color=style.INK)
