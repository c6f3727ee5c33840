"""What is whole in a damaged journal."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.case import Case
from bakeoff.errors import JournalError
from bakeoff.record import Record

PATIENCE = 1000  # rows in a row that cannot be read, after which a table without end ends


@dataclass(slots=True)
class Salvage:
    """What is whole in a damaged journal, and what was wrong with the rest."""

    records: list[Record] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def salvage(path: Path) -> Salvage:
    """Read what is whole in a damaged journal; change nothing in it.

    Raises
    ------
    JournalError
        If there is no such file, or nothing of a journal in it.
    """
    found = Salvage()
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise JournalError(f"journal: {path} cannot be read ({error})") from error
    # A file shorter than its header says is refused whole unless the schema is writable.
    db.execute("PRAGMA writable_schema = ON")

    def collect(table: str, key: str, value: str, keep: Callable[[Any, Any], None]) -> None:
        """Walk a table by rowid, so that one unreadable page does not end the walk."""
        try:
            last = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
        except sqlite3.Error as error:  # its end is lost: walk on until nothing more is found
            found.problems.append(f"{table}: {error}")
            last = None
        row = missed = 0
        while row < last if last is not None else missed < PATIENCE:
            row += 1
            missed += 1
            try:
                hit = db.execute(
                    f"SELECT {key}, {value} FROM {table} WHERE rowid = ?", (row,)
                ).fetchone()
                if hit is not None:
                    keep(hit[0], json.loads(hit[1]))
                    missed = 0
            except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
                if last is not None:
                    found.problems.append(f"{table} row {row}: {type(error).__name__}: {error}")

    try:
        collect("meta", "key", "value", found.meta.__setitem__)
        collect("environments", "id", "data", found.environments.__setitem__)
        collect("cases", "id", "data", lambda k, v: found.cases.update({k: Case.from_json(v)}))
        collect(
            "records", "sequence", "data", lambda _, v: found.records.append(Record.from_json(v))
        )
    finally:
        db.close()
    if not (found.meta or found.cases or found.records):
        reasons = "; ".join(found.problems)
        raise JournalError(f"journal: nothing of {path} can be read ({reasons or 'it is empty'})")
    return found
