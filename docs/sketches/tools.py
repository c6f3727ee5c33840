"""What other tools decide, beside bakeoff."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sketches.paper import WIDTH, Data

from bakeoff_reports import style
from bakeoff_reports.style import INK, MARKERS, PAPER, RULE, SERIES, SOFT

EFFECTS = ("A/A", "+2 %", "+5 %")
EFFECT_TITLES = ("Equal: false alarms", "2 % slower: found", "5 % slower: found")
CONDITIONS = {"quiet": "quiet machine", "hog": "a busy neighbour", "drift": "slowing down"}
SIZES = {"about_1us": "1 µs", "about_50us": "50 µs", "about_2ms": "2 ms"}
OURS = "bakeoff"


def tools(data: Data) -> Figure:
    """How often each says that two programs differ: per condition, effect and length of call.

    Others stand beside bakeoff where they were asked.
    """
    conditions = [c for c in CONDITIONS if c in data]
    names = {c: (OURS, *next(iter(data[c]["others"].values()), {})) for c in conditions}
    rows = [22 * len(names[c]) for c in conditions]
    height = 95 + sum(rows) + 50 * len(rows)
    figure = style.canvas(height, WIDTH)
    width = (WIDTH - 215 - 2 * 25) / 3
    for down, condition in enumerate(conditions):
        top = 75 + sum(rows[:down]) + 50 * down
        figure.text(14 / WIDTH, 1 - (top - 9) / height, CONDITIONS[condition], weight="bold",
                    color=INK)  # fmt: skip
        for i, effect in enumerate(EFFECTS):
            axes = style.place(figure, 200 + i * (width + 25), top, width, rows[down])
            _said(axes, data[condition], effect, names[condition])
            axes.tick_params(labelleft=i == 0, labelbottom=down == len(conditions) - 1)
            if not down:
                axes.set_title(EFFECT_TITLES[i], color=INK, pad=28)
            if not down and not i:
                axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0,
                            handletextpad=0, columnspacing=0.8)  # fmt: skip
    return figure


def _said(axes: Axes, data: Data, effect: str, names: Sequence[str]) -> None:
    for k, (kernel, size) in enumerate(SIZES.items()):
        others = data["others"].get(kernel, {})
        counts = [data["kernels"][kernel]["differ"][effect],
                  *(others[n][effect] for n in names[1:] if n in others)]  # fmt: skip
        shares = [100 * found / of for found, of in counts]
        places = [y + 0.22 * (k - 1) for y in range(len(shares))]
        axes.plot(shares, places, MARKERS[k], color=SERIES[k], ms=6, mec=PAPER, mew=0.5, label=size)
    if effect == "A/A":
        axes.axvline(5, color=SOFT, lw=0.8, ls=(0, (3, 3)))
    axes.set(xlim=(-4, 104), ylim=(len(names) - 0.5, -0.5))
    axes.set_xticks([0, 50, 100], ["0", "50", "100 %"])
    axes.set_yticks(range(len(names)), names)
    for y in range(len(names)):
        axes.axhline(y + 0.5, color=RULE, lw=0.5)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
