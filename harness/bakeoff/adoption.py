"""Figures of adoption: stars, questions, papers, downloads; each with its date and its source.

They are nobody's measurement of ours. They come from a file in CSV, one figure a line, under
the heads ``toolkit,measure,value,unit,date,source``; a figure without a date or a source is
refused. The file may be anyone's, so that nothing in it is taken for granted.
"""

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date as calendar
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from bakeoff.errors import UsageError
from bakeoff.whole import write_whole

FILE_NAME = "adoption.csv"  # beside a run's journal: the user's own figures
MOST_BYTES = 4 << 20
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


@dataclass(frozen=True, slots=True)
class AdoptionFigure:
    """One figure.

    Attributes
    ----------
    toolkit, measure, unit
        Of what, how adoption shows, and in what it is counted.
    value
        Finite and not negative.
    date
        When it was so: a year, a month or a day, ``2017-09-14``.
    source
        Where it can be read: a URL.
    """

    toolkit: str
    measure: str
    value: float
    unit: str
    date: str
    source: str

    @classmethod
    def of(cls, texts: dict[str, str]) -> Self:
        """Return the figure that a line's texts say.

        Raises
        ------
        ValueError
            What, got, expected.
        """
        for name, text in texts.items():
            if not text:
                raise ValueError(f"{name} is empty, expected a text")
        value = _number(texts["value"])
        _check_date(texts["date"])
        _check_source(texts["source"])
        return cls(**{**texts, "value": value})  # type: ignore[arg-type]


COLUMNS = tuple(field.name for field in fields(AdoptionFigure))


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"value is {text!r}, expected a number of 0 or more, such as 1234.5")
    return value


def _check_date(text: str) -> None:
    whole = text + "-01-01"[len(text) - 4 :] if _DATE.fullmatch(text) else ""
    try:
        calendar.fromisoformat(whole)
    except ValueError:
        raise ValueError(
            f"date is {text!r}, expected YYYY, YYYY-MM or YYYY-MM-DD: when the figure was so"
        ) from None


def _check_source(text: str) -> None:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in text:
        raise ValueError(f"source is {text!r}, expected a URL, https://…: where it can be read")


def read(path: Path) -> tuple[AdoptionFigure, ...]:
    """Read a file of figures.

    Raises
    ------
    UsageError
        If it cannot be read, or anything in it is not as it should be: file, line, what.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise UsageError(f"adoption: cannot read {path} ({error.strerror}); name a file") from None
    if size > MOST_BYTES:
        raise UsageError(f"adoption: {path} has {size:,} bytes, expected at most {MOST_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"adoption: {path} is not UTF-8 (byte {error.start}); save it as CSV in UTF-8"
        ) from None
    return parse(text, str(path))


def parse(text: str, name: str) -> tuple[AdoptionFigure, ...]:
    """Return the figures of a CSV text; ``name`` is what errors call it."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    result: dict[tuple[str, ...], AdoptionFigure] = {}
    try:
        heads = next(reader, [])
        if tuple(heads) != COLUMNS:
            raise ValueError(f"heads are {','.join(heads)!r}, expected {','.join(COLUMNS)!r}")
        for line in reader:
            if not line:
                continue
            if len(line) != len(COLUMNS):
                raise ValueError(f"fields: {len(line)}, expected {len(COLUMNS)}; quote commas")
            figure = AdoptionFigure.of(
                {key: part.strip() for key, part in zip(COLUMNS, line, strict=True)}
            )
            key = (figure.toolkit, figure.measure, figure.unit, figure.date)
            if key in result:
                raise ValueError(f"{', '.join(key)} is given twice, expected once; remove one")
            result[key] = figure
    except (ValueError, csv.Error) as error:
        raise UsageError(f"adoption: {name}, line {max(reader.line_num, 1)}: {error}") from None
    return tuple(result.values())


def as_text(figures: Iterable[AdoptionFigure]) -> str:
    """Return figures as CSV, as `parse` reads it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for figure in figures:
        writer.writerow(
            f"{part:.15g}" if isinstance(part, float) else part for part in astuple(figure)
        )
    return out.getvalue()


def write(path: Path, figures: Iterable[AdoptionFigure]) -> None:
    """Write figures as a file that `read` reads; interrupted, it leaves the earlier one.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    try:
        write_whole(path, as_text(figures))
    except OSError as error:
        raise UsageError(
            f"adoption: cannot write {path} ({error.strerror}); name another file"
        ) from None
