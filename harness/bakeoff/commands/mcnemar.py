"""`bakeoff mcnemar`: are two trained models differently good, by their answers on the same rows?"""

import json
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import Any

import click

from bakeoff.commands import tables
from bakeoff.commands.options import out_console
from bakeoff.commands.tables import Table, number_json
from bakeoff.errors import UsageError
from bakeoff.mcnemar import (
    CRITICAL_VALUES,
    EXACT_BELOW,
    Effect,
    McNemar,
    count,
    mcnemar,
    right,
)
from bakeoff.predictions import Classes, read_classes
from bakeoff.statistics import CONFIDENCE

DIFFER = 1
FORMAT = 1  # version history of the JSON: 1 = first


@click.command("mcnemar")
@click.argument("first", metavar="PREDICTIONS_A", type=click.Path(path_type=Path))
@click.argument("second", metavar="PREDICTIONS_B", type=click.Path(path_type=Path))
@click.argument("labels", metavar="LABELS", type=click.Path(path_type=Path))
@click.option("--column", metavar="NAME",
              help="The column to read, of CSV files that have several and name them.")  # fmt: skip
@click.option("--header/--no-header", default=None,
              help="Whether the first line of the CSV files names the columns.  "
              "[default: found out]")  # fmt: skip
@click.option("--confidence", type=click.Choice([f"{c:.2f}" for c in CRITICAL_VALUES]),
              default=f"{CONFIDENCE:.2f}", show_default=True,
              help="With which to say that they differ.")  # fmt: skip
@click.option("--format", "format", type=click.Choice(["text", "md", "json"]), default="text",
              show_default=True)  # fmt: skip
def mcnemar_command(
    first: Path, second: Path, labels: Path, column: str | None, header: bool | None,
    confidence: str, format: str,
) -> int:  # fmt: skip
    """Test whether two models are differently good on the same rows (McNemar).

    Each file holds one class for each row, in the same order: CSV, one value to a line, or .npy.
    Classes are numbers or names. LABELS are the true ones.

    What tells are the rows that exactly one model got right: B of them the first, C the second.
    From 25 on, (|B - C| - 1)^2/(B + C) is held against chi-squared; fewer are judged by the exact
    binomial distribution.

    \b
    Exit codes:
      0    it cannot be said that the models differ
      1    they differ
      2    the command was wrong, or a file cannot be used
    """
    read = [read_classes(path, column, header) for path in (first, second, labels)]
    if header is None and column is None:
        _refuse_headers([first, second, labels], read)
    _refuse_mixed([first, second, labels], read)
    test = mcnemar(count(right(read[0], read[2]), right(read[1], read[2])))
    named = (str(first), str(second))
    level = float(confidence)
    title, said = f"bakeoff: {first} and {second} on {test.counts.rows} rows", _verdict(test, level)
    match format:
        case "json":
            click.echo(json.dumps(as_json(test, level), indent=1, allow_nan=False))
        case "md":
            shown = tables.as_markdown(title, said, _tables(test, named), _remarks(test))
            click.echo("\n".join(shown))
        case _:
            lines = (*_remarks(test), said)
            tables.show(title, _tables(test, named), lines, out_console())
    return DIFFER if test.differ(level) else 0


def as_json(test: McNemar, confidence: float) -> dict[str, Any]:
    """Return a test as JSON data; numbers that JSON lacks are strings, as in exports."""
    counts = test.counts
    return {
        "format": FORMAT,
        "a": counts.both, "b": counts.first_only, "c": counts.second_only, "d": counts.neither,
        "statistic": test.statistic, "p_value": test.p_value,
        "method": "exact binomial" if test.exact else "chi-squared, continuity correction",
        "confidence": confidence, "differ": test.differ(confidence),
        "accuracy_difference": _effect_json(test.difference),
        "odds_ratio": _effect_json(test.odds),
    }  # fmt: skip


def _effect_json(effect: Effect) -> dict[str, Any]:
    numbers = {"value": effect.value, "low": effect.low, "high": effect.high}
    return {name: number_json(value) for name, value in numbers.items()}


def _refuse_headers(paths: Sequence[Path], read: Sequence[Classes]) -> None:
    """Refuse first lines of names that no other row has: they may be a header."""
    labels = read[-1]
    if all(isinstance(values[0], str) and values[0] not in labels[1:] for values in read):
        heads = ", ".join(repr(values[0]) for values in read)
        raise UsageError(
            f"mcnemar: the files begin with {heads}, which no other row of {paths[-1]} holds: a "
            "header or a class? Say --header or --no-header"
        )


def _refuse_mixed(paths: Sequence[Path], read: Sequence[Classes]) -> None:
    kinds = ["names" if isinstance(values[0], str) else "numbers" for values in read]
    for path, kind in zip(paths, kinds, strict=True):
        if kind != kinds[-1]:
            raise UsageError(
                f"{path}: {kind}, but {paths[-1]} holds {kinds[-1]}; expected the same words for "
                "the same classes in all files"
            )


def _tables(test: McNemar, named: Sequence[str]) -> Iterator[Table]:
    counts = test.counts
    yield Table(
        "Rows",
        ("", "who got right", "rows"),
        [
            ("A", "both", str(counts.both)),
            ("B", f"only {named[0]}", str(counts.first_only)),
            ("C", f"only {named[1]}", str(counts.second_only)),
            ("D", "neither", str(counts.neither)),
        ],
        ("rows",),
    )
    yield Table(
        "How different",
        ("", "value", "95 % interval"),
        [
            ("accuracy, first − second", *_effect(test.difference, "{:+.4f}")),
            ("odds, B / C", *_effect(test.odds, "{:.3g}")),
        ],
        ("value", "95 %"),
    )


def _effect(effect: Effect, form: str) -> tuple[str, str]:
    if isnan(effect.value):
        return "–", "unknown"
    return form.format(effect.value), f"{form} to {form}".format(effect.low, effect.high)


def _remarks(test: McNemar) -> Iterator[str]:
    critical = ", ".join(f"{value} ({level:.0%})" for level, value in CRITICAL_VALUES.items())
    yield f"chi-squared {test.statistic:.4g}, against {critical}."
    how = (
        f"exact binomial, since fewer than {EXACT_BELOW} rows tell"
        if test.exact
        else "chi-squared with one degree of freedom"
    )
    yield f"p {test.p_value:.4g} ({how})."


def _verdict(test: McNemar, confidence: float) -> str:
    counts = test.counts
    only = (
        f"{counts.first_only} rows only the first got right, {counts.second_only} only the second"
    )
    if not test.differ(confidence):
        return (
            f"Cannot reject that the models are equally good, at {confidence:.0%}: {only}. On this "
            "evidence one should not say that they differ."
        )
    better = "first" if counts.first_only > counts.second_only else "second"
    return f"The models differ, at {confidence:.0%}: the {better} is better. {only}."
