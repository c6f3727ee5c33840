"""What a cell tells when it is opened, as data that the page's script `stories.js` draws.

What the table beside it says already is not repeated: the script reads it there. Samples are
bytes, 0 for a cell's least and 255 for its greatest, which is finer than a strip plot can show;
so a page of some thousand cells stays small.
"""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from bakeoff.record import Check, Record
from bakeoff.statistics import Clock, block_ns
from bakeoff_reports import commands
from bakeoff_reports.analysis import Analysis, finite
from bakeoff_reports.cells import rows_of
from bakeoff_reports.content import Data
from bakeoff_reports.sections import first_line
from bakeoff_worker.program import Program

NAME = "stories"
MOST_ROUNDS, MOST_BLOCKS = 24, 24  # of a strip plot; more are thinned evenly, which is said
MOST_CHECKS = 24  # of a cell: the worst
MOST_NODES = 60  # of a graph that can still be read
MOST_TEXT = 160  # characters of an op's attributes


def stories(analysis: Analysis) -> Data:
    """Return the stories of all cells, in the order of the analysis' cells."""
    texts: dict[str, int] = {"": 0}  # a toolkit that cannot be had says the same of every cell
    cells = [_cell(analysis, row, texts) for row in rows_of(analysis.cells)]
    return Data(
        NAME,
        {
            "reference": analysis.reference,
            "options": commands.options(analysis),
            "pairs": [commands.backends_of(analysis, [b]) for b in analysis.backends],
            "cases": [
                _known({"id": case.id, "quoted": _quoted(case.id), **_program(case.program)})
                for case in analysis.run.cases
            ],
            "texts": list(texts),
            "cells": cells,
        },
    )


def _quoted(name: str) -> str:
    """Return a name as a shell takes it, if that is not as it is."""
    quoted = commands.quoted(name)
    return "" if quoted == name else quoted


def _known(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value}


def _cell(analysis: Analysis, row: Any, texts: dict[str, int]) -> list[Any]:
    """Return checks, samples (four items), reason and log, up to the last that there is.

    Reason and log are numbers of ``texts``, which grows.
    """
    records = analysis.ranking.records(str(row.case), str(row.backend))
    clock = analysis.environments[str(row.backend)].setting.clock
    reason = row.reason if row.reason != first_line(row.reason) else ""
    said = [texts.setdefault(text, len(texts)) for text in (reason, row.log)]
    told = [_checks(records), *_samples(records, clock), *said]
    while told and not told[-1]:
        told.pop()
    return told


def _checks(records: Sequence[Record]) -> list[Any]:
    """Return each output's worst check, the worst output first; last how many are left out."""
    worst: dict[str, Check] = {}
    for check in (c for r in records for c in r.checks or ()):
        before = worst.get(check.output)
        if before is None or not check.fraction <= before.fraction:  # NaN is worst
            worst[check.output] = check
    order = sorted(worst.values(), key=lambda c: -c.fraction if c.fraction == c.fraction else -1e99)
    shown: list[Any] = [
        [c.output, c.kind, *(_figure(v) for v in (c.fraction, c.error, c.bound))]
        for c in order[:MOST_CHECKS]
    ]
    return [*shown, len(order) - len(shown)] if len(order) > len(shown) else shown


def _figure(value: float) -> float | str:
    """Return three digits of a number; NaN and infinities, which JSON lacks, as words."""
    return float(f"{value:.3g}") if finite(value) is not None else str(value)


def _samples(records: Sequence[Record], clock: Clock) -> list[Any]:
    """Return the least and greatest time of a call over blocks, and every block's by round.

    Last the number of rounds and of blocks, where not all are among the samples.
    """
    rounds = [
        [ns / b.loops for b in r.blocks if b.loops and (ns := block_ns(b, clock)) is not None]
        for r in records
    ]
    rounds = [times for times in rounds if times]
    if not rounds:
        return [0, 0, [], 0]
    shown = [_thinned(times, MOST_BLOCKS) for times in _thinned(rounds, MOST_ROUNDS)]
    low, high = min(map(min, shown)), max(map(max, shown))
    step = (high - low) / 255 or 1.0
    codes = [bytes(round((t - low) / step) for t in times) for times in shown]
    left_out = sum(map(len, shown)) < sum(map(len, rounds))
    return [
        float(f"{low:.5g}"),
        float(f"{high:.5g}"),
        [base64.b64encode(code).decode() for code in codes],
        [len(rounds), sum(map(len, rounds))] if left_out else 0,
    ]


def _thinned(items: Sequence[Any], most: int) -> Sequence[Any]:
    stride = -(-len(items) // most)
    return items[::stride]


def _program(program: Program) -> dict[str, Any]:
    """Return a program as a graph: what is fed, and each op with what it reads."""
    ask = program.ask
    if len(program.nodes) > MOST_NODES:
        return {"nodes": len(program.nodes)}
    return {
        "inputs": [[v.name, _shape(v.shape)] for v in program.forward_inputs],
        "nodes": [
            [n.name, n.op, list(_reads(n.args)), _attributes(n.attrs), _shape(n.shape)]
            for n in program.nodes
        ],
        "outputs": list(program.outputs),
        "wrt": list(ask.get("wrt") or ask.get("params") or ()),
        "cotangents": list(ask.get("cotangents") or ()),
        "optimizer": str(ask.get("optimizer") or ""),
    }


def _reads(args: Iterable[Any]) -> Iterable[Any]:
    """Yield the names of an op's operands; a number stands as a list of one text."""
    for arg in args:
        if isinstance(arg, tuple):
            yield from arg
        else:
            yield arg if isinstance(arg, str) else [f"{arg:g}"]


def _attributes(attrs: dict[str, Any]) -> str:
    return first_line(", ".join(f"{name}={value}" for name, value in attrs.items()), MOST_TEXT)


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"
