"""What the command line shows while a run goes on, and at its end."""

import time
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table

from bakeoff.record import Outcome, Record
from bakeoff.summary import FAILED, Line, Summary

REDRAW_S = 0.5  # between blocks only: while a worker computes, nothing else should
PLAIN_S = 10.0
ROOM_FOR_A_BAR = 60  # columns: in fewer, the words are worth more than a bar
MOST_WARNINGS = 5
TOO_NOISY = 0.25  # of the noise floor: process pairs on a quiet machine stay below 0.1


def clean(text: str) -> str:
    """Return text of unknown origin without control characters."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def printable(text: str) -> str:
    """Return text of unknown origin without control characters, its markup made harmless."""
    return escape(clean(text))


def in_room(items: Iterable[object], room: int = 60) -> str:
    """Return the items separated by commas; those beyond ``room`` characters as a number.

    >>> in_room(["numpy==1.19.5", "scipy==1.5.4", "cntk==2.7.post2"], room=30)
    'numpy==1.19.5, scipy==1.5.4, and 1 more'
    """
    words = [str(item) for item in items]
    shown = words[:1]
    while len(shown) < len(words) and len(", ".join(words[: len(shown) + 1])) <= room:
        shown = words[: len(shown) + 1]
    left = len(words) - len(shown)
    return ", ".join(shown) + (f", and {left} more" if left else "")


def short_time(seconds: float) -> str:
    """Return ``"42 s"`` or ``"3:05"``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60}:{whole % 60:02d}"


class Plain:
    """Lines for logs: problems at once, the state of affairs every ten seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = self._said = time.monotonic()
        self._stage = ""

    def note(self, text: str) -> None:
        self._say(text)

    def stage(self, text: str) -> None:
        if text.split(":")[0] != self._stage.split(":")[0]:
            self._say(text)
        self._stage = text

    def case(self, case_id: str, number: int, done: float, remaining_s: float | None) -> None:
        if time.monotonic() - self._said >= PLAIN_S:
            left = "" if remaining_s is None else f", at most {short_time(remaining_s)} left"
            self._say(f"round {number + 1}: {case_id} ({done:.0%}{left})")

    def backend(self, name: str) -> None:
        pass

    def record(self, record: Record) -> None:
        if record.outcome in FAILED and record.round == 0 and record.replica == 0:
            self.note(f"{record.case_id} on {record.backend}: {_in_a_line(record)}")

    def __enter__(self) -> "Plain":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        elapsed = short_time(self._said - self._began)
        self._console.print(f"[{elapsed:>5}] {clean(text)}", highlight=False, markup=False)


class Live:
    """One line that moves: cell, elapsed, remaining. Drawn between blocks, by no thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._drawn = 0.0
        self._case = ""
        bar = [BarColumn(bar_width=12)] if console.width >= ROOM_FOR_A_BAR else []
        self._progress = Progress(
            TextColumn("{task.fields[clock]}", table_column=Column(no_wrap=True, min_width=20)),
            *bar,
            TextColumn("{task.percentage:>3.0f}%", table_column=Column(min_width=4)),
            TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            expand=True,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=1.0, clock="0 s")

    def note(self, text: str) -> None:
        self._progress.console.print(printable(text), highlight=False)

    def stage(self, text: str) -> None:
        self._progress.update(self._task, description=printable(text))
        self._draw(now=True)

    def case(self, case_id: str, number: int, done: float, remaining_s: float | None) -> None:
        self._case = f"round {number + 1} · {printable(case_id)}"
        left = "" if remaining_s is None else f", ≤ {short_time(remaining_s)} left"
        elapsed = short_time(time.monotonic() - self._began)
        self._progress.update(
            self._task, completed=done, clock=f"{elapsed}{left}", description=self._case
        )
        self._draw()

    def backend(self, name: str) -> None:
        self._progress.update(self._task, description=f"{self._case} · {printable(name)}")
        self._draw()

    def record(self, record: Record) -> None:
        if record.outcome in FAILED and record.round == 0 and record.replica == 0:
            self.note(f"{record.case_id} on {record.backend}: {_in_a_line(record)}")

    def __enter__(self) -> "Live":
        self._progress.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._progress.stop()

    def _draw(self, now: bool = False) -> None:
        if now or time.monotonic() - self._drawn >= REDRAW_S:
            self._drawn = time.monotonic()
            self._progress.refresh()


def display_for(console: Console) -> Plain | Live:
    """Return what suits the console."""
    return Live(console) if console.is_terminal else Plain(console)


def _in_a_line(record: Record) -> str:
    first = record.reason.strip().partition("\n")[0]
    return f"{record.outcome.value}: {first[:200]}"


def summary_table(summary: Summary) -> Table:
    """Return the summary for the terminal."""
    table = Table(title="Per backend", title_justify="left", show_edge=False, pad_edge=False)
    figures = (f"time / {printable(summary.reference)}", "95 % interval", "cases",
               "worst error / bound")  # fmt: skip
    for title in ("backend", "outcomes"):
        table.add_column(title, overflow="fold")  # on a narrow terminal nothing is cut off
    for title in figures:
        table.add_column(title, justify="right", overflow="fold")
    for line in summary.lines:
        outcomes = ", ".join(
            f"{line.outcomes[o]} {o.value.replace('_', ' ')}" for o in Outcome if line.outcomes[o]
        )
        worst = "–" if line.worst_fraction is None else f"{line.worst_fraction:.2g}"
        table.add_row(printable(line.backend), outcomes, *_speed(line), worst)
    return table


def _speed(line: Line) -> tuple[str, str, str]:
    speed = line.speed
    if speed is None:  # a reference that could not be measured is 1 of nothing
        return "1" if line.outcomes.get(Outcome.OK) else "–", "reference", ""
    found = speed.interval
    if not speed.covered:
        return "–", "–", f"0 of {speed.total}"
    known = found.rounds > 1
    span = f"{found.low:.3g} to {found.high:.3g}" if known else "unknown"
    return f"{found.ratio:.3g}", span, f"{speed.covered} of {speed.total}"


def warning_lines(summary: Summary) -> list[str]:
    """Return the cells whose times cannot be believed, the first few by name."""
    told = [f"Not ranked: {printable(text)}" for text in summary.warnings[:MOST_WARNINGS]]
    more = len(summary.warnings) - len(told)
    return [*told, f"… and {more} more; the report has them all."] if more else told


def noise_line(summary: Summary) -> str:
    """Return the noise floor in words."""
    if summary.noise is None:
        return "Noise floor: unknown (the reference's twin was not measured)."
    busy = " The machine was too busy to tell much." if summary.noise > TOO_NOISY else ""
    return (
        f"Noise floor: {summary.reference} against itself differed by up to {summary.noise:.1%} "
        f"in 95 % of its cases and rounds.{busy}"
    )
