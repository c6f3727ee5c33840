"""Why processes are what to repeat, and why to take turns."""

import math
import statistics as stdlib

from matplotlib.figure import Figure
from sketches.paper import BLUE, ORANGE, WIDTH, Data, in_percent, margin_band, steps, title

from bakeoff_reports import style
from bakeoff_reports.style import SOFT


def processes(data: Data) -> Figure:
    """Dots: blocks of calls. Bars: the middle of each process."""
    figure = style.canvas(330, WIDTH)
    axes = style.place(figure, 70, 45, WIDTH - 95, 225)
    middles = [stdlib.median(times) for times in data["ns"].values()]
    centre = stdlib.median(middles)
    margin_band(axes, across=True)
    for i, times in enumerate(data["ns"].values(), 1):
        logs = [math.log(t / centre) for t in times]
        spots = [i + 0.5 * (j / (len(logs) - 1) - 0.5) for j in range(len(logs))]
        axes.plot(spots, logs, "o", color=BLUE, ms=4, alpha=0.55, mec="none")
        middle = stdlib.median(logs)
        axes.plot([i - 0.34, i + 0.34], [middle, middle], color=ORANGE, lw=3)
    logs = sorted(math.log(t / centre) for times in data["ns"].values() for t in times)
    top = max(0.045, logs[int(0.95 * len(logs))] + 0.01)
    above = sum(log > top for log in logs)
    if above:
        axes.text(1, 1.03, f"{above} of {len(logs)} dots lie higher", transform=axes.transAxes,
                  ha="right", color=SOFT)  # fmt: skip
    axes.set(ylim=(min(-0.04, logs[0] - 0.01), top), xlim=(0.4, len(middles) + 0.6))
    axes.set_xticks(range(1, len(middles) + 1))
    in_percent(axes.yaxis, steps(top))
    axes.set(xlabel="process: each was started afresh, and runs the very same program",
             ylabel="time of a call")  # fmt: skip
    apart = max(middles) / min(middles) - 1
    title(axes, f"One program, ten processes: their middles differ by up to {100 * apart:.1f} %")
    return figure


SIDES = ((BLUE, "o", "program A"), (ORANGE, "s", "B, equal to A"))


def turns(data: Data) -> Figure:
    """Two panels with the same two programs."""
    figure = style.canvas(330, WIDTH)
    width = (WIDTH - 120) / 2
    every = [row[2] for scheme in ("one after the other", "in turns") for row in data[scheme]]
    base = min(every)
    top = math.log(sorted(every)[int(0.99 * len(every))] / base)
    for i, scheme in enumerate(("one after the other", "in turns")):
        axes = style.place(figure, 70 + i * (width + 30), 60, width, 205)
        logs: list[list[float]] = [[], []]
        for side, (colour, marker, name) in enumerate(SIDES):
            rows = [row for row in data[scheme] if row[0] == side]
            logs[side] = [math.log(row[2] / base) for row in rows]
            axes.plot([row[1] for row in rows], logs[side], marker, color=colour, ms=4.5,
                      mec="none", alpha=0.8, label=name)  # fmt: skip
        ratio = math.exp(stdlib.median(logs[1]) - stdlib.median(logs[0]))
        title(axes, f"{scheme.capitalize()}: B / A = {ratio:.3f}")
        axes.set(ylim=(-0.03, top + 0.05), xlabel="seconds")
        in_percent(axes.yaxis, [0, 0.1, 0.2, 0.3, 0.4, 0.5])
        axes.set_ylabel("time of a call" if i == 0 else "")
        axes.tick_params(labelleft=i == 0)
        if i == 0:
            axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), borderaxespad=0, ncols=2,
                        handletextpad=0.3)  # fmt: skip
    return figure
