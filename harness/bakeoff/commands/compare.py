"""`bakeoff compare`: what is slower or wrong in a run, beside another or its own reference."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from bakeoff.commands import tables
from bakeoff.commands.options import names, out_console, read_run
from bakeoff.commands.tables import Table, cells, number_json, ratio_json, ratio_words
from bakeoff.comparison import EVENTS, FAIL_ON, Cell, Comparison, compare
from bakeoff.plan import choose
from bakeoff.record import Outcome
from bakeoff.statistics import MINIMUM_EFFECT, Verdict
from bakeoff.within import compare_within

FAILED = 1
SHOWN = 50  # cells that something happened to; a pull request has no room for more
FORMAT = 1  # version history of the JSON: 1 = first

_NUMBERS = ("time", "95 %", "cases", "error", *Verdict)  # how heads of numbers begin


@click.command("compare")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path), required=False)
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
    base: Path, new: Path | None, margin: float, fail_on: tuple[str, ...], format: str
) -> int:
    """Compare the run in NEW with the run in BASE, cell by cell.

    A run is its folder; or a JSON file of pytest-benchmark, or a folder of such files, which
    are then its process rounds.

    Both must be of one machine. Each time is taken relative to the reference backend of the
    same run, since the two runs met the machine at different times.

    With BASE alone the other backends of that run are compared with its reference, the first
    of its --backends. That is the way to compare versions of a toolkit, interleaved in one
    run: bakeoff run --backends 'jax==0.9.*,jax==0.10.*'.

    \b
    Exit codes:
      0    nothing happened that --fail-on names
      1    something did
      2    the command was wrong, or the runs cannot be compared
    """
    named = choose("--fail-on", fail_on or FAIL_ON, EVENTS)
    before = read_run(base)
    if new is None:
        found = compare_within(before, str(base), margin)
    else:
        found = compare(before, read_run(new), (str(base), str(new)), margin)
    title, conclusion, shown = _title(found), _conclusion(found, named), list(_tables(found))
    match format:
        case "json":
            click.echo(json.dumps(as_json(found, named), indent=1, allow_nan=False))
        case "md":
            lines = tables.as_markdown(title, conclusion, shown, _remarks(found))
            click.echo("\n".join(lines))
        case _:
            tables.show(title, shown, (*_remarks(found), conclusion), out_console())
    return FAILED if found.failing(named) else 0


def as_json(found: Comparison, fail_on: Iterable[str]) -> dict[str, Any]:
    """Return a comparison as JSON data; numbers that JSON lacks are strings, as in exports."""
    return {
        "format": FORMAT,
        "base": found.names[0],
        "new": found.names[1],
        "margin": found.margin,
        "reference": found.reference,
        "family": found.family,
        "paired": found.paired,
        "noise": {side: number_json(value) for side, value in found.noise.items()},
        "notes": list(found.notes),
        "fail_on": list(fail_on),
        "failing": [{"case": c.case, "backend": c.backend} for c in found.failing(fail_on)],
        "speeds": {
            backend: {**ratio_json(speed.interval), "covered": speed.covered, "total": speed.total}
            for backend, speed in found.speeds.items()
        },
        "cells": [
            {
                "case": c.case, "backend": c.backend, "events": list(c.events),
                "base": c.base and c.base.value, "new": c.new and c.new.value,
                "base_fraction": number_json(c.base_fraction),
                "new_fraction": number_json(c.new_fraction),
                "verdict": c.verdict and c.verdict.value, "reason": c.reason,
                "speed": c.speed and ratio_json(c.speed), "p_value": c.p_value,
                "changed": list(c.changed),
            }
            for c in found.cells
        ],
    }  # fmt: skip


def _title(found: Comparison) -> str:
    if found.paired:
        return f"bakeoff: the backends of {found.names[0]} compared with {found.reference}"
    return f"bakeoff: {found.names[1]} compared with {found.names[0]}"


def _tables(found: Comparison) -> Iterator[Table]:
    time = f"time / {found.reference}" if found.paired else "time, new / base"
    speeds = [
        (b, *ratio_words(s.interval if s.covered else None), f"{s.covered} of {s.total}",
         *(str(found.verdicts(b)[v]) for v in Verdict))
        for b, s in found.speeds.items()
    ]  # fmt: skip
    if speeds:
        heads = ("backend", time, "95 % interval", "cases", *Verdict)
        yield Table("Per backend", heads, speeds, _NUMBERS)
    if told := found.told():
        heads = ("cell", "backend", "what", "outcome", "error / bound", time, "95 % interval")
        yield Table("What happened", heads, [_row(cell) for cell in told[:SHOWN]], _NUMBERS)


def _row(cell: Cell) -> tuple[str, ...]:
    events = ", ".join(_words(event) for event in cell.events)
    outcomes = _change(_outcome(cell.base), _outcome(cell.new))
    fractions = _change(_fraction(cell.base_fraction), _fraction(cell.new_fraction))
    return cell.case, cell.backend, events, outcomes, fractions, *ratio_words(cell.speed)


def _remarks(found: Comparison) -> Iterator[str]:
    told = len(found.told())
    if told > SHOWN:
        yield f"{told - SHOWN} more cells are not shown; --format json has all."
    for reason, count in found.unsettled().most_common():
        yield f"{cells(count)} without a claim: {reason}."
    if found.reference:
        yield (
            f"{_method(found)} Faster and slower mean by more than {100 * found.margin:.3g} %, and "
            f"hold for all of {cells(found.family)} at once (Holm)."
        )
    floors = ["unknown" if value is None else f"{value:.1%}" for value in found.noise.values()]
    yield (
        "Noise floor: "
        + ", ".join(
            floor if found.paired else f"{side} {floor}"
            for side, floor in zip(found.noise, floors, strict=True)
        )
        + "."
    )
    yield from (f"Differs: {note}." for note in found.notes)


def _method(found: Comparison) -> str:
    if found.paired:
        return (
            f"Times are relative to {found.reference} of the same process round; intervals are "
            f"over the rounds. An outcome or error with an arrow is {found.reference}'s, then the "
            "backend's."
        )
    return (
        f"Times are relative to {found.reference} of the same run and process round, as the "
        f"two runs were not interleaved: a change of {found.reference} itself would enter "
        "every ratio. Intervals (Welch) are over process rounds."
    )


def _conclusion(found: Comparison, fail_on: Iterable[str]) -> str:
    failing = len(found.failing(fail_on))
    what = ", ".join(_words(event) for event in fail_on)
    if failing:
        return f"Fails: {failing} of {len(found.cells)} cells ({what})."
    return f"Passes: none of {len(found.cells)} cells ({what})."


def _outcome(outcome: Outcome | None) -> str:
    return "–" if outcome is None else _words(outcome.value)


def _fraction(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.2g}"


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _words(name: str) -> str:
    return name.replace("_", " ")
