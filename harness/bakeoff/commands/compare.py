"""`bakeoff compare`: what became slower or wrong from one run to another."""

import json
from collections.abc import Iterable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bakeoff import export, markdown
from bakeoff.commands.display import printable
from bakeoff.commands.options import names, out_console
from bakeoff.comparison import EVENTS, FAIL_ON, Cell, Comparison, compare
from bakeoff.plan import choose
from bakeoff.record import Outcome
from bakeoff.statistics import MINIMUM_EFFECT, Interval, Verdict

FAILED = 1
SHOWN = 50  # cells that something happened to; a pull request has no room for more
FORMAT = 1  # version history of the JSON: 1 = first

_SPEED_HEADS = ("backend", "time, new / base", "95 % interval", "cases", *Verdict)
_CELL_HEADS = ("cell", "backend", "what", "outcome", "error / bound", "time, new / base",
               "95 % interval")  # fmt: skip
_NUMBERS = ("time", "95 %", "cases", "error", *Verdict)  # how heads of numbers begin


@click.command("compare")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--margin",
    type=float,
    default=MINIMUM_EFFECT,
    show_default=True,
    help="Differences of time up to this are none: 0.02 for 2 %.",
)
@click.option(
    "--fail-on",
    multiple=True,
    callback=names,
    metavar="A,B",
    help=f"Exit with 1 if one of these happened to a cell, of {', '.join(EVENTS)}.  "
    f"[default: {','.join(FAIL_ON)}]",
)
@click.option(
    "--format", "format", type=click.Choice(["text", "md", "json"]), default="text",
    show_default=True,
)  # fmt: skip
def compare_command(
    base: Path, new: Path, margin: float, fail_on: tuple[str, ...], format: str
) -> int:
    """Compare the run in folder NEW with the run in folder BASE, cell by cell.

    Both must be of one machine. Each time is taken relative to the reference backend of the
    same run, since the two runs met the machine at different times.

    \b
    Exit codes:
      0    nothing happened that --fail-on names
      1    something did
      2    the command was wrong, or the runs cannot be compared
    """
    named = choose("--fail-on", fail_on or FAIL_ON, EVENTS)
    found = compare(export.read(base), export.read(new), (str(base), str(new)), margin)
    match format:
        case "json":
            click.echo(json.dumps(as_json(found, named), indent=1, allow_nan=False))
        case "md":
            click.echo("\n".join(as_markdown(found, named)))
        case _:
            show(found, named, out_console())
    return FAILED if found.failing(named) else 0


def show(found: Comparison, fail_on: Iterable[str], console: Console) -> None:
    """Print a comparison for people."""
    console.print(printable(_title(found)), highlight=False)
    for title, heads, rows in _tables(found):
        table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
        for head in heads:
            table.add_column(
                head, justify="right" if head.startswith(_NUMBERS) else "left", overflow="fold"
            )
        for row in rows:
            table.add_row(*(printable(cell) for cell in row))
        console.print()
        console.print(table)
    console.print()
    for line in (*_remarks(found), _conclusion(found, fail_on)):
        console.print(printable(line), highlight=False)


def as_markdown(found: Comparison, fail_on: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a comparison for a pull request."""
    yield f"## {markdown.escape(_title(found))}"
    yield from ("", f"**{markdown.escape(_conclusion(found, fail_on))}**", "")
    for title, heads, rows in _tables(found):
        yield from (f"### {title}", "", markdown.row(heads))
        yield markdown.rule(head.startswith(_NUMBERS) for head in heads)
        yield from (markdown.row(markdown.escape(cell) for cell in row) for row in rows)
        yield ""
    yield from (f"- {markdown.escape(line)}" for line in _remarks(found))


def as_json(found: Comparison, fail_on: Iterable[str]) -> dict[str, Any]:
    """Return a comparison as JSON data; numbers that JSON lacks are strings, as in exports."""
    return {
        "format": FORMAT,
        "base": found.names[0],
        "new": found.names[1],
        "margin": found.margin,
        "reference": found.reference,
        "family": found.family,
        "noise": dict(zip(("base", "new"), map(_number, found.noise), strict=True)),
        "notes": list(found.notes),
        "fail_on": list(fail_on),
        "failing": [{"case": c.case, "backend": c.backend} for c in found.failing(fail_on)],
        "speeds": {
            backend: {**_interval(speed.interval), "covered": speed.covered, "total": speed.total}
            for backend, speed in found.speeds.items()
        },
        "cells": [
            {
                "case": c.case, "backend": c.backend, "events": list(c.events),
                "base": c.base and c.base.value, "new": c.new and c.new.value,
                "base_fraction": _number(c.base_fraction), "new_fraction": _number(c.new_fraction),
                "verdict": c.verdict and c.verdict.value, "reason": c.reason,
                "speed": c.speed and _interval(c.speed), "p_value": c.p_value,
                "changed": list(c.changed),
            }
            for c in found.cells
        ],
    }  # fmt: skip


def _title(found: Comparison) -> str:
    return f"bakeoff: {found.names[1]} compared with {found.names[0]}"


def _tables(found: Comparison) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Yield title, heads and rows of each table."""
    speeds = [
        (b, *_ratio(s.interval if s.covered else None), f"{s.covered} of {s.total}",
         *(str(found.verdicts(b)[v]) for v in Verdict))
        for b, s in found.speeds.items()
    ]  # fmt: skip
    if speeds:
        yield "Per backend", _SPEED_HEADS, speeds
    if told := found.told():
        yield "What happened", _CELL_HEADS, [_row(cell) for cell in told[:SHOWN]]


def _row(cell: Cell) -> tuple[str, ...]:
    events = ", ".join(_words(event) for event in cell.events)
    outcomes = _change(_outcome(cell.base), _outcome(cell.new))
    fractions = _change(_fraction(cell.base_fraction), _fraction(cell.new_fraction))
    return cell.case, cell.backend, events, outcomes, fractions, *_ratio(cell.speed)


def _remarks(found: Comparison) -> Iterator[str]:
    told = len(found.told())
    if told > SHOWN:
        yield f"{told - SHOWN} more cells are not shown; --format json has all."
    for reason, count in found.unsettled().most_common():
        yield f"{count} {_cells(count)} without a claim: {reason}."
    if found.reference:
        yield (
            f"Times are relative to {found.reference} of the same run and process round, as the "
            f"two runs were not interleaved: a change of {found.reference} itself would enter "
            "every ratio. Intervals (Welch) are over process rounds; faster and slower mean by "
            f"more than {100 * found.margin:.3g} %, and hold for all {found.family} "
            f"{_cells(found.family)} at once (Holm)."
        )
    floors = ["unknown" if value is None else f"{value:.1%}" for value in found.noise]
    yield f"Noise floor: base {floors[0]}, new {floors[1]}."
    yield from (f"Differs: {note}." for note in found.notes)


def _conclusion(found: Comparison, fail_on: Iterable[str]) -> str:
    failing = len(found.failing(fail_on))
    what = ", ".join(_words(event) for event in fail_on)
    if failing:
        return f"Fails: {failing} of {len(found.cells)} cells ({what})."
    return f"Passes: none of {len(found.cells)} cells ({what})."


def _ratio(speed: Interval | None) -> tuple[str, str]:
    if speed is None:
        return "–", "–"
    known = isfinite(speed.half_width)
    return f"{speed.ratio:.3f}", f"{speed.low:.3f} to {speed.high:.3f}" if known else "unknown"


def _outcome(outcome: Outcome | None) -> str:
    return "–" if outcome is None else _words(outcome.value)


def _fraction(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.2g}"


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cells(count: int) -> str:
    return "cell" if count == 1 else "cells"


def _interval(speed: Interval) -> dict[str, Any]:
    return {
        "ratio": _number(speed.ratio),
        "low": _number(speed.low),
        "high": _number(speed.high),
        "rounds": speed.rounds,
    }


def _number(value: float | None) -> float | str | None:
    if value is None or isfinite(value):
        return value
    return "NaN" if value != value else "Infinity"
