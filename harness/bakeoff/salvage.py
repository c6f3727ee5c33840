"""What is whole in a damaged journal."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.case import Case
from bakeoff.record import Record


@dataclass(slots=True)
class Salvage:
    """What is whole in a damaged journal, and what was wrong with the rest."""

    records: list[Record] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def salvage(path: Path) -> Salvage:
    """Read what is whole in a damaged journal; change nothing in it."""
    found = Salvage()
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        found.problems.append(f"{path}: {error}")
        return found

    def collect(table: str, key: str, value: str, keep: Callable[[Any, Any], None]) -> None:
        """Walk a table by rowid, so that one unreadable page does not end the walk."""
        last = 0
        try:
            last = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
        except sqlite3.Error as error:
            found.problems.append(f"{table}: {error}")
        for row in range(1, last + 1):
            try:
                hit = db.execute(
                    f"SELECT {key}, {value} FROM {table} WHERE rowid = ?", (row,)
                ).fetchone()
                if hit is not None:
                    keep(hit[0], json.loads(hit[1]))
            except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
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
    return found
