"""What the figures say of the rows: the aim is reached, or the gate, or neither."""

import math
from typing import Any, Protocol

from alone import FIGURES
from rows import Alone, Part, Ratio, Row

from bakeoff.statistics import Interval

WORDS = ("aim", "gate", "not judged", "not available", "miss")  # from good to bad


class Times(Protocol):
    """What is asked of the times: `bank.Bank`."""

    threads: int

    def interval(self, part: Ratio) -> Interval | str:
        """Return a part's ratio over process rounds, or why there is none."""


def judge(row: Row, bank: Times) -> dict[str, Any]:
    """Return a row with its parts' figures; it is what its worst part is."""
    parts = [_judged(row, part, bank) for part in row.parts]
    verdict = max((p["verdict"] for p in parts), key=WORDS.index)
    return {
        "name": row.name, "what": row.what, "gate": row.gate, "aim": row.aim, "unit": row.unit,
        "verdict": verdict, "parts": parts,
    }  # fmt: skip


def _judged(row: Row, part: Part, bank: Times) -> dict[str, Any]:
    value, low, high, rounds, reason = _figure(part, bank)
    word = "not available" if reason else verdict(value, row) if bank.threads == 1 else "not judged"
    finite = [v if v is not None and math.isfinite(v) else None for v in (low, high)]
    return {
        "label": part.label, "value": value, "low": finite[0], "high": finite[1],
        "rounds": rounds, "reason": reason, "verdict": word,
    }  # fmt: skip


def verdict(value: float, row: Row) -> str:
    """Return what a figure reaches of a row."""
    if value <= row.aim:
        return "aim"
    return "gate" if value <= row.gate else "miss"


def _figure(part: Part, bank: Times) -> tuple[float, float | None, float | None, int, str]:
    """Return a part's figure, its interval and rounds where it has them, and why it has none."""
    if isinstance(part, Alone):
        try:
            return FIGURES[part.figure](part.layer), None, None, 0, ""
        except ImportError as error:  # the engine of this checkout has no such setting
            return 0.0, None, None, 0, str(error)
    found = bank.interval(part)
    if isinstance(found, Interval):
        return found.ratio, found.low, found.high, found.rounds, ""
    return 0.0, None, None, 0, found
