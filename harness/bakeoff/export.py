"""A run's records as plain tables, for whatever analysis people like to use.

``csv`` and ``parquet`` write four tables: ``records`` (one row per cell and round),
``blocks``, ``checks`` and ``series``. ``json`` writes one file with everything: what the
journal knows of the run, its cases, environments and records. Numbers that JSON lacks are
the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``. ``pytest-benchmark`` writes that
tool's files (`bakeoff.benchmark_writer`).
"""

import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from bakeoff import benchmark_writer
from bakeoff.case import Case
from bakeoff.ceilings import in_journal
from bakeoff.errors import BakeoffError
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.ranking import Ranking, settings_of
from bakeoff.record import Record
from bakeoff.salvage import salvage
from bakeoff.statistics import CLOCKS, round_times

FORMAT = 1  # version history of the JSON file: 1 = first
Row = dict[str, Any]


class Contents(NamedTuple):
    """What a journal holds, in memory."""

    meta: Mapping[str, Any]
    cases: Sequence[Case]
    environments: Mapping[str, Mapping[str, Any]]
    records: Sequence[Record]
    problems: Sequence[str] = ()


def read(run_dir: Path, salvaging: bool = False) -> Contents:
    """Return a run's contents; with ``salvaging`` what is whole in a damaged journal.

    Raises
    ------
    JournalError
        If the journal is missing, foreign or damaged; with ``salvaging`` only if nothing
        of it can be read.
    """
    path = run_dir / FILE_NAME
    if salvaging:
        found = salvage(path)
        return Contents(
            found.meta, list(found.cases.values()), found.environments, found.records,
            found.problems,
        )  # fmt: skip
    with Journal(path) as journal:
        return Contents(
            journal.meta, journal.cases(), journal.environments(), list(journal.records())
        )


def export(contents: Contents, target: Path, format: str) -> list[Path]:
    """Write the contents into the folder ``target``; return the files written.

    Raises
    ------
    BakeoffError
        If the format is unknown, Parquet's library is not installed, or the folder cannot
        be written to.
    """
    if format not in WRITERS:
        raise BakeoffError(f"export: format {format!r}, expected one of {', '.join(WRITERS)}")
    try:
        target.mkdir(parents=True, exist_ok=True)
        return WRITERS[format](contents, target)
    except OSError as error:
        raise BakeoffError(
            f"export: cannot write to {target} ({error.strerror}); expected a folder that can be "
            "written to"
        ) from error


def tables(contents: Contents) -> dict[str, list[Row]]:
    """Return the four tables as rows; every row of a table has the same columns."""
    cases = {c.id: c for c in contents.cases}
    settings = settings_of(contents.meta, contents.environments, contents.records)
    ranking = Ranking(contents.cases, settings, contents.records, in_journal(contents.meta))
    found: dict[str, list[Row]] = {"records": [], "blocks": [], "checks": [], "series": []}
    for record in contents.records:
        key = {
            "case_id": record.case_id,
            "backend": record.backend,
            "replica": record.replica,
            "round": record.round,
        }
        case = cases.get(record.case_id)
        use = _use(ranking, record) if case and case.timed else {}
        found["records"].append({**key, **_record_row(record, case), **use})
        found["blocks"].extend({**key, **_fields(block)} for block in record.blocks)
        found["checks"].extend({**key, **_fields(check)} for check in record.checks or ())
        found["series"].extend(
            {**key, "name": name, "index": index, "value": value}
            for name, values in record.series.items()
            for index, value in enumerate(values)
        )
    return {name: _filled(rows) for name, rows in found.items()}


def _record_row(record: Record, case: Case | None) -> Row:
    fractions = [c.fraction for c in record.checks or ()]
    row: Row = {
        "suite": case.suite if case else "",
        "dtype": case.dtype if case else "",
        "outcome": record.outcome.value,
        "reason": record.reason,
        "error_fraction": max(fractions, default=None, key=_nan_last),
        **{f"{c}_ns": round_times([record], c).get(record.round) for c in CLOCKS},
        "blocks": len(record.blocks),
        "environment_id": record.environment_id,
        "started": record.started,
        "elapsed_s": record.elapsed_s,
    }
    row.update(record.figures)
    row.update((f"tag_{k}", v) for k, v in (case.tags if case else {}).items())
    return row


def _use(ranking: Ranking, record: Record) -> Row:
    """Return how much of the ceiling that binds it the round's time reaches, if that is known."""
    time_ns = round_times([record], ranking.ceilings(record.backend).clock).get(record.round)
    use = ranking.use(record.case_id, record.backend, time_ns) if time_ns else None
    return {"ceiling_fraction": use.fraction, "ceiling": use.kind} if use else {}


def _fields(item: Any) -> Row:
    return {name: getattr(item, name) for name in item.__slots__}


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _filled(rows: list[Row]) -> list[Row]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in columns} for row in rows]


def _write_csv(contents: Contents, target: Path) -> list[Path]:
    written = []
    for name, rows in tables(contents).items():
        path = target / f"{name}.csv"
        write_csv(path, rows)
        written.append(path)
    return written


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows, of which each has the columns of the first."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["case_id"])
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(contents: Contents, target: Path) -> list[Path]:
    written = []
    for name, rows in tables(contents).items():
        path = target / f"{name}.parquet"
        write_parquet(path, [_uniform(row) for row in rows])
        written.append(path)
    return written


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write rows whose columns hold one type each.

    Raises
    ------
    BakeoffError
        If pyarrow is not installed.
    """
    try:
        import_module("pyarrow")  # pandas needs it, and says so less clearly
    except ImportError:
        raise BakeoffError(
            "export: Parquet needs pyarrow, which is not installed; pip install pyarrow"
        ) from None
    import pandas as pd

    pd.DataFrame(list(rows)).to_parquet(path, index=False)


def _uniform(row: Row) -> Row:
    """Make tags text: Parquet wants one type per column, and tags may mix them."""
    return {
        name: str(value) if name.startswith("tag_") and value is not None else value
        for name, value in row.items()
    }


def _write_json(contents: Contents, target: Path) -> list[Path]:
    path = target / "bakeoff.json"
    data = {
        "format": FORMAT,
        "meta": contents.meta,
        "cases": [c.to_json() for c in contents.cases],
        "environments": contents.environments,
        "records": [r.to_json() for r in contents.records],
        "problems": list(contents.problems),
    }
    path.write_text(json_text(data), encoding="utf-8")
    return [path]


def json_text(data: Any) -> str:
    """Return data as strict JSON: numbers that JSON lacks are strings."""
    return json.dumps(_strict(data), indent=1, allow_nan=False)


def _strict(value: Any) -> Any:
    """Replace the numbers that JSON lacks by their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {k: _strict(v) for k, v in value.items()}
    if isinstance(value, str):
        return value
    return [_strict(v) for v in value] if isinstance(value, Iterable) else value


WRITERS: dict[str, Callable[[Contents, Path], list[Path]]] = {
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
    "pytest-benchmark": benchmark_writer.write,
}
