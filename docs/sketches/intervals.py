"""Intervals: what they say, how many miss, and how they narrow."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from sketches.paper import BLUE, GREEN, ORANGE, WIDTH, Data, in_percent, margin_band, steps, title

from bakeoff import statistics
from bakeoff.statistics import MINIMUM_EFFECT, Contrast, Verdict, interval, paired, verdict
from bakeoff.stopping import LEAST_ROUNDS
from bakeoff_reports import style
from bakeoff_reports.style import BAD, BAND, INK, PAPER, SOFT

# Seats of the run with programs of known speed: new, base, rounds (None: all), what is true.
PAIRS = (
    ("slower-5", "a", None, "does 5 % more work"),
    ("a", "slower-5", None, "does 5 % less work"),
    ("c", "a", None, "does the same work"),
    ("slower-2", "a", None, "does 2 % more work"),
    ("c", "a", 3, "does the same work"),
)
INKS = {Verdict.FASTER: GREEN, Verdict.SLOWER: ORANGE, Verdict.SAME: BLUE}
KERNEL = "about_2ms"


def verdicts(data: Data) -> Figure:
    """Intervals against the band of the minimum effect."""
    figure = style.canvas(380, WIDTH)
    axes = style.place(figure, 235, 60, WIDTH - 385, 250)
    margin_band(axes)
    found = []
    for new, base, rounds, truth in PAIRS:
        times = [data["ns"][f"{KERNEL} {seat}"] for seat in (new, base)]
        logs = [math.log(n / b) for n, b in zip(*times, strict=True)][:rounds]
        own = interval(logs)
        assert own is not None
        found.append((own, verdict(own), truth, len(logs)))
    reach = max(0.075, *(1.15 * max(abs(math.log(i.low)), math.log(i.high)) for i, *_ in found))
    for y, (own, said, truth, count) in enumerate(found):
        colour = INKS.get(said, SOFT)
        axes.plot([math.log(own.low), math.log(own.high)], [y, y], color=colour, lw=3.5)
        axes.plot(math.log(own.ratio), y, "o", color=colour, ms=9, mec=PAPER)
        for x, text, side, weight in (
            (-0.02, f"{truth}\n{count} rounds", "right", "normal"),
            (1.02, said.value, "left", "bold"),
        ):
            axes.text(x, y, text, transform=axes.get_yaxis_transform(), ha=side, va="center",
                      color=INK if side == "right" else colour, weight=weight)  # fmt: skip
    edge = math.log1p(MINIMUM_EFFECT)
    axes.set(ylim=(len(found) - 0.4, -0.6), xlim=(-reach, reach), yticks=[])
    axes.spines["left"].set_visible(False)
    in_percent(axes.xaxis, steps(reach))
    axes.set_xlabel("time against the other program: less is faster")
    axes.text(0, 1.02, f"±{100 * MINIMUM_EFFECT:g} %", ha="center", va="bottom", color=SOFT,
              transform=axes.get_xaxis_transform())  # fmt: skip
    for x in (-edge, edge):
        axes.axvline(x, color=SOFT, lw=0.8, ls=(0, (3, 3)))
    figure.text(14 / WIDTH, 1 - 26 / 380, "The verdict is read off where the whole interval lies",
                weight="bold", size=12.5, color=INK)  # fmt: skip
    return figure


def many(data: Data) -> Figure:
    """Each line is an interval of 95 % of a pair of equals, in order of its ratio."""
    contrasts = sorted(_contrasts(data["log_ratios"].values()), key=lambda c: c.mean)
    adjusted = statistics.holm([c.p_value(0.0) for c in contrasts])
    figure = style.canvas(360, WIDTH)
    axes = style.place(figure, 70, 70, WIDTH - 95, 220)
    margin_band(axes, across=True)
    missed = 0
    for i, contrast in enumerate(contrasts):
        own = contrast.interval()
        misses = not own.low <= 1 <= own.high
        missed += misses
        colour, marker, size = (BAD, "X", 8) if misses else (BLUE, "o", 4)
        ends = [math.log(own.low), math.log(own.high)]
        axes.plot([i, i], ends, color=colour, lw=2.2 if misses else 1.4, alpha=size / 8)
        axes.plot(i, contrast.mean, marker, color=colour, ms=size, mec="none")
    kept = sum(p < 1 - statistics.CONFIDENCE for p in adjusted)
    ends = sorted(abs(math.log(e)) for c in contrasts for e in _ends(c))
    reach = max(0.05, ends[int(0.97 * len(ends))])
    axes.set(xlim=(-1.5, len(contrasts) + 0.5), ylim=(-reach, reach), xticks=[])
    in_percent(axes.yaxis, steps(reach))
    n = len(contrasts)
    axes.set(xlabel=f"{n} pairs of equal programs, in order of the ratio that was seen",
             ylabel="ratio, with its interval")  # fmt: skip
    told = f"{missed} of {n} intervals of 95 % miss the truth; about 5 are to be expected"
    figure.text(70 / WIDTH, 1 - 30 / 360, told, weight="bold", size=12.5, color=INK)
    claimed = f"claimed after Holm's correction for {n} comparisons: {kept}"
    figure.text(70 / WIDTH, 1 - 52 / 360, claimed, color=SOFT)
    return figure


def _contrasts(pairs: Any) -> list[Contrast]:
    return [contrast for logs in pairs if (contrast := paired(logs))]


def _ends(contrast: Contrast) -> tuple[float, float]:
    own = contrast.interval()
    return own.low, own.high


# Half widths that are asked, and the colour of the dots where they are met.
ASKED = ((MINIMUM_EFFECT, ORANGE, "o"), (MINIMUM_EFFECT / 2, GREEN, "s"))


def rounds(data: Data) -> Figure:
    """Half the width of intervals as rounds are added; dots where a ratio is known well enough."""
    figure = style.canvas(330, WIDTH)
    axes = style.place(figure, 70, 45, WIDTH - 235, 225)
    every = [_widths(b, n) for b, n in combinations(data["ns"].values(), 2)]
    last = 1 + len(every[0])
    axes.axvspan(1.5, LEAST_ROUNDS - 0.5, color=BAND, lw=0)
    for widths in every:
        axes.plot(range(2, last + 1), widths, color=BLUE, lw=1.2, alpha=0.5)
    told = []
    for asked, colour, marker in ASKED:
        met = [(n, widths[n - 2]) for widths in every if (n := _met(widths, asked))]
        axes.axhline(asked, color=colour, lw=1.5)
        axes.plot(*zip(*met, strict=True), marker, color=colour, ms=7, mec=PAPER, ls="none")
        told.append(f"{len(met)} of {len(every)} ratios to ±{100 * asked:g} %")
        axes.text(last + 0.8, asked, f"±{100 * asked:g} %: a dot where met", color=colour,
                  va="center", linespacing=1.1)  # fmt: skip
    axes.set(yscale="log", ylim=(0.003, 1.0), xlim=(1.5, last + 0.5))
    axes.set(xlabel="process rounds", ylabel="half the interval's width")
    axes.set_xticks(range(2, last + 1, 2))
    axes.yaxis.set_major_locator(FixedLocator([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"±{100 * v:g} %"))
    axes.text(LEAST_ROUNDS - 0.7, 0.85, f"fewer than {LEAST_ROUNDS}: too early to stop",
              color=SOFT, ha="right", va="top")  # fmt: skip
    title(axes, f"Known after {last} rounds: {', '.join(told)}")
    return figure


def _met(widths: Sequence[float], asked: float) -> int:
    """Return after which round one may stop; 0 if it was never reached."""
    narrow = (n for n, w in enumerate(widths, 2) if n >= LEAST_ROUNDS and w <= asked)
    return next(narrow, 0)


def _widths(base: Sequence[float], new: Sequence[float]) -> list[float]:
    logs = [math.log(n / b) for b, n in zip(base, new, strict=True)]
    found = [interval(logs[:n]) for n in range(2, len(logs) + 1)]
    return [i.half_width for i in found if i is not None]
