"""`bakeoff history`: when a cell became slower or faster, over many runs."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from bakeoff.changepoints import Change
from bakeoff.commands import tables
from bakeoff.commands.options import backend_names, names, out_console, read_run
from bakeoff.commands.tables import Table, cells, number_json, ratio_json, ratio_words
from bakeoff.history import History, Series, history
from bakeoff.plan import choose
from bakeoff.statistics import MINIMUM_EFFECT, Verdict

FAILED = 1
SHOWN = 50  # rows of a table; a pull request has no room for more
FORMAT = 1  # version history of the JSON: 1 = first
FAIL_ON = (Verdict.SLOWER.value, Verdict.FASTER.value)

_BARS = "▁▂▃▄▅▆▇█"
_HEIGHT = 0.1  # of a line of bars, in logs: about 10 % of time
_GAP = "·"  # a run without the cell
_NUMBERS = ("run", "ranked", "time", "95 %")  # how heads of numbers begin


@click.command("history")
@click.argument("folders", nargs=-1, required=True, metavar="DIR...",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--case", "cases", multiple=True, metavar="GLOB",
              help="Only cases whose id matches. May be repeated.  [default: all]")  # fmt: skip
@click.option("--backends", multiple=True, callback=backend_names, metavar="A,B",
              help="Only these backends.  [default: all]")  # fmt: skip
@click.option("--margin", type=float, default=MINIMUM_EFFECT, show_default=True,
              help="Changes of time up to this are none: 0.02 for 2 %.")  # fmt: skip
@click.option("--fail-on", multiple=True, callback=names, metavar="A,B",
              help="Exit with 1 if this was the last change of a cell, of "
              f"{', '.join(FAIL_ON)}.  [default: none]")  # fmt: skip
@click.option("--format", "format", type=click.Choice(["text", "md", "json"]), default="text",
              show_default=True)  # fmt: skip
def history_command(
    folders: tuple[Path, ...], cases: tuple[str, ...], backends: tuple[str, ...], margin: float,
    fail_on: tuple[str, ...], format: str,
) -> int:  # fmt: skip
    """Find where the speed of a cell changed, over the runs in DIR...

    Each is a run's folder; or a JSON file of pytest-benchmark, or a folder of such files.

    The runs must be of one machine and have the same reference backend; they are put in order
    of time. A cell needs some six runs before a change stands out of their scatter.

    \b
    Exit codes:
      0    no cell's last change is one that --fail-on names
      1    some cell's is
      2    the command was wrong, or the runs make no history
    """
    named = choose("--fail-on", fail_on, FAIL_ON)
    runs = {str(folder): read_run(folder) for folder in folders}
    found = history(runs, cases, backends, margin)
    title = f"bakeoff: history of {len(found.runs)} runs"
    conclusion, shown = _conclusion(found, named), list(_tables(found))
    match format:
        case "json":
            click.echo(json.dumps(as_json(found, named), indent=1, allow_nan=False))
        case "md":
            click.echo("\n".join(tables.as_markdown(title, conclusion, shown, _remarks(found))))
        case _:
            tables.show(title, shown, (*_remarks(found), conclusion), out_console())
    return FAILED if found.failing(named) else 0


def as_json(found: History, fail_on: Iterable[str]) -> dict[str, Any]:
    """Return a history as JSON data; logs are natural, of time over the reference's."""
    return {
        "format": FORMAT,
        "reference": found.reference,
        "margin": found.margin,
        "fail_on": list(fail_on),
        "failing": [{"case": s.case, "backend": s.backend} for s in found.failing(fail_on)],
        "runs": [
            {"name": r.name, "created": r.created, "versions": dict(r.versions)} for r in found.runs
        ],
        "series": [
            {
                "case": s.case, "backend": s.backend, "p_value": number_json(s.p_value),
                "points": [
                    {"run": run, "log": p.value, "error": number_json(p.error), "rounds": p.rounds}
                    for run, p in s.points.items()
                ],
                "changes": [
                    {"run": c.index, "after": s.before(c), **ratio_json(c.contrast.interval()),
                     "versions": found.differing(s, c)}
                    for c in s.changes
                ],
            }
            for s in found.series
        ],
    }  # fmt: skip


def sparkline(series: Series, runs: int) -> str:
    """Return a series in one line, a sign to a run: the higher, the slower.

    The whole height is at least `_HEIGHT`, so that noise is not drawn as large as a change.
    """
    values = [p.value for p in series.points.values()]
    width = max(_HEIGHT, max(values) - min(values))
    low = (max(values) + min(values) - width) / 2
    return "".join(
        _bar((series.points[run].value - low) / width) if run in series.points else _GAP
        for run in range(runs)
    )


def _bar(height: float) -> str:
    return _BARS[min(len(_BARS) - 1, int(height * len(_BARS)))]


def _tables(found: History) -> Iterator[Table]:
    runs = [(str(n + 1), r.created or "–", r.name) for n, r in enumerate(found.runs)]
    yield Table("Runs", ("run", "created", "folder"), runs, _NUMBERS)
    if changed := [(s, c) for s in found.series for c in s.changes]:
        heads: tuple[str, ...] = ("cell", "backend", "what", "runs", "time, after / before",
                                  "95 % interval", "versions")  # fmt: skip
        yield Table("Changes", heads, [_row(found, s, c) for s, c in changed[:SHOWN]], _NUMBERS)
    heads = ("cell", "backend", "ranked in", f"time / {found.reference}", "over the runs")
    rows = [_summary(s, len(found.runs)) for s in found.series[:SHOWN]]
    yield Table("Cells", heads, rows, _NUMBERS)


def _row(found: History, series: Series, change: Change) -> tuple[str, ...]:
    what = Verdict.SLOWER if change.contrast.mean > 0 else Verdict.FASTER
    runs = f"{series.before(change) + 1} → {change.index + 1}"
    return (
        series.case, series.backend, what.value, runs,
        *ratio_words(change.contrast.interval()),
        "; ".join(found.differing(series, change)) or "the same",
    )  # fmt: skip


def _summary(series: Series, runs: int) -> tuple[str, ...]:
    (time, _) = ratio_words(series.latest)
    return (
        series.case, series.backend, f"{len(series.points)} of {runs}", time,
        sparkline(series, runs),
    )  # fmt: skip


def _remarks(found: History) -> Iterator[str]:
    changes = sum(len(s.changes) for s in found.series)
    for what, count in (("changes", changes), ("cells", len(found.series))):
        if count > SHOWN:
            yield f"{count - SHOWN} more {what} are not shown; --format json has all."
    yield (
        f"Times are relative to {found.reference} of the same run and process round: a change of "
        f"{found.reference} itself would enter every ratio. The noise is the scatter of runs "
        f"about their level. That a cell changed holds for all of {cells(len(found.series))} at "
        "once (Holm), at 95 %; changes below "
        f"{100 * found.margin:.3g} % are not told. An interval is of the levels before and after."
    )
    if len(found.runs) < 6:
        yield f"{len(found.runs)} runs show little of their scatter: only large changes stand out."


def _conclusion(found: History, fail_on: Iterable[str]) -> str:
    changed = sum(bool(s.changes) for s in found.series)
    said = f"{changed} of {cells(len(found.series))} changed"
    if not (named := list(fail_on)):
        return f"{said}."
    failing = len(found.failing(named))
    verdict = f"Fails: {failing}" if failing else "Passes: none"
    return f"{verdict} of {cells(len(found.series))} ended {' or '.join(named)}; {said}."
