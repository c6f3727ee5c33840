"""The journal: every record of a run in one SQLite file, durable before the next cell.

Write-ahead logging with ``synchronous=FULL``: an appended record survives a kill and a
power cut. Values are JSON; nothing is ever unpickled.

Schema history (``PRAGMA user_version``; `MIGRATIONS` brings older files up):

1. ``meta`` (key, value), ``cases`` (id, data), ``environments`` (id, data) keyed by the
   hash of their content, ``records`` (case_id, backend, replica, round, outcome, data). Beside
   them, in newer files, ``columns``: numbers that can be had from the records.

Keys of ``meta``: ``bakeoff`` (version), ``created``, ``settings`` (of the run), ``reference``
(the backend that ratios are taken against), ``backends`` (what is registered of each, in order),
``suites`` (name, title, summary of each), ``machine``, ``problems`` (plugins that failed),
``minimum_effect``, ``ceilings`` (`bakeoff.ceilings.Ceilings` by backend: the best of all rounds
so far; missing in older files and until they are measured), ``ending`` (``complete``,
``deadline``, ``interrupted``; missing while the run goes on or if it was killed), ``sessions``
(each start of the run: when, ending, rounds, elapsed_s, the machine's state at its begin and end,
and, where it can be read, ``energy_j`` by counter over the ``energy_s`` of its rounds).
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from bakeoff.case import Case
from bakeoff.columns import Row, row_of
from bakeoff.errors import JournalError
from bakeoff.record import Outcome, Record

APPLICATION_ID = 0x62616B65  # "bake": tells our files from other SQLite files
SCHEMA = 1
FILE_NAME = "journal.sqlite"

# Outcomes that say nothing of the cell itself; a resumed run tries these again.
RETRIED = (Outcome.INTERRUPTED, Outcome.UNAVAILABLE)

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE cases (id TEXT PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE environments (id TEXT PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL,
    backend TEXT NOT NULL,
    replica INTEGER NOT NULL,
    round INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (case_id, backend, replica, round)
);
"""

# Numbers of each record by column (`bakeoff.columns`), in whatever schema: they can be had from
# the records, and are, where another version has appended without them.
_COLUMNS = f"""
CREATE TABLE columns (sequence INTEGER PRIMARY KEY, {", ".join(Row._fields)});
CREATE TRIGGER columns_go AFTER DELETE ON records
BEGIN DELETE FROM columns WHERE sequence = OLD.sequence; END;
"""
_INSERT_COLUMNS = f"INSERT OR REPLACE INTO columns VALUES (?{', ?' * len(Row._fields)})"
_RECORDS = "SELECT sequence, data FROM records"
# None where both are as many: the trigger leaves no row without its record.
_LACKING = """
SELECT sequence FROM records WHERE (SELECT count(*) FROM columns) < (SELECT count(*) FROM records)
EXCEPT SELECT sequence FROM columns
WHERE (SELECT count(*) FROM columns) < (SELECT count(*) FROM records)
"""
_HAS_COLUMNS = "SELECT 1 FROM sqlite_master WHERE name = 'columns'"
_CHUNK = 20_000  # rows in memory at once

# MIGRATIONS[n] turns a file of schema n into one of schema n + 1.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {}

T = TypeVar("T")

CellKey = tuple[str, str, int, int]  # case_id, backend, replica, round


def key_of(record: Record) -> CellKey:
    """Return what identifies a record within its journal."""
    return record.case_id, record.backend, record.replica, record.round


class Journal:
    """A run's journal, open for reading and appending.

    Parameters
    ----------
    path
        An existing journal; `Journal.create` makes a new one.

    Raises
    ------
    JournalError
        If there is no file, it is not a journal, it is damaged, or it was written by a
        newer bakeoff.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise JournalError(
                f"journal: no file {path}; run `bakeoff run --out {path.parent}` first"
            )
        self._db = _connect(path)
        try:
            _identify(self._db, path)
            _migrate(self._db, path)
            self._has_columns = bool(self._select(_HAS_COLUMNS))
        except BaseException:
            self._db.close()
            raise

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, Any], cases: tuple[Case, ...] = ()) -> Self:
        """Make a new journal that holds the run's settings and cases.

        Raises
        ------
        JournalError
            If the file exists, or cannot be made.
        """
        if path.exists():
            raise JournalError(f"journal: {path} exists already; resume it or choose another --out")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(_connect(path)) as db, db:
                db.executescript(_TABLES + _COLUMNS)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise JournalError(
                f"journal: {path} cannot be made ({error}); expected a folder that can be written "
                "to: choose another --out"
            ) from error
        journal = cls(path)
        with journal._db:
            journal._db.executemany(
                "INSERT INTO meta VALUES (?, ?)", [(k, _dump(v)) for k, v in meta.items()]
            )
            journal._db.executemany(
                "INSERT INTO cases VALUES (?, ?)", [(c.id, _dump(c.to_json())) for c in cases]
            )
        return journal

    @property
    def meta(self) -> dict[str, Any]:
        """Everything known of the run as a whole; see the module's docstring for the keys."""
        return {k: self._load("meta", k, v) for k, v in self._select("SELECT key, value FROM meta")}

    def set_meta(self, key: str, value: Any) -> None:
        """Store one entry of `meta`, replacing what it was."""
        self._write("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, _dump(value))

    def cases(self) -> tuple[Case, ...]:
        """Return the run's cases, in the order of the plan."""
        rows = self._select("SELECT id, data FROM cases ORDER BY rowid")
        return tuple(
            _parse(Case.from_json, self._load("cases", k, v), self.path, k) for k, v in rows
        )

    def add_environment(self, description: Mapping[str, Any]) -> str:
        """Store a worker's environment once; return its id, the hash of its content."""
        text = _dump(description)
        identity = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._write("INSERT OR IGNORE INTO environments VALUES (?, ?)", identity, text)
        return identity

    def environments(self) -> dict[str, dict[str, Any]]:
        """Return every environment by id."""
        rows = self._select("SELECT id, data FROM environments")
        return {k: self._load("environments", k, v) for k, v in rows}

    def append(self, *records: Record) -> None:
        """Write records, all or none; when this returns, no crash can lose them.

        A record takes the place of the cell's records that say only that it was
        interrupted or unavailable; no other is ever replaced.

        Raises
        ------
        JournalError
            If a cell has a final record for its round already, or the disk refuses.
        """
        try:
            with self._db:
                for record in records:
                    self._insert(record)
        except sqlite3.IntegrityError:
            keys = ", ".join(str(key_of(r)) for r in records)
            raise JournalError(f"journal: {self.path} holds a record of {keys} already") from None
        except sqlite3.Error as error:
            raise JournalError(
                f"journal: cannot append to {self.path} ({error}); what it holds is kept"
            ) from error

    def _insert(self, record: Record) -> None:
        key = key_of(record)
        self._db.execute(
            "DELETE FROM records WHERE case_id = ? AND backend = ? AND replica = ? "
            f"AND outcome IN ({', '.join('?' * len(RETRIED))})",
            (*key[:3], *RETRIED),
        )
        added = self._db.execute(
            "INSERT INTO records (case_id, backend, replica, round, outcome, data) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (*key, record.outcome.value, _dump(record.to_json())),
        )
        if self._has_columns:
            self._db.execute(_INSERT_COLUMNS, (added.lastrowid, *row_of(record)))

    def records(self) -> Iterator[Record]:
        """Yield the records in the order they were made.

        Raises
        ------
        JournalError
            At the first damaged row, saying which; `salvage` reads on past it.
        """
        for number, text in self._select(f"{_RECORDS} ORDER BY sequence"):
            yield self._record(number, text)

    def columns(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Yield the records' numbers by the chunk, in any order: the fields of `Row`.

        Those that are missing, for another version wrote the records, are taken from them,
        and kept if the folder can be written to.
        """
        if not self._has_columns and os.access(self.path.parent, os.W_OK):
            with self._db:
                self._db.executescript(_COLUMNS)
            self._has_columns = True
        if self._has_columns:
            for part in _parts(self._select(_LACKING)):
                self._keep(part)
            yield from self._kept()
        else:
            for part in _parts(self._select("SELECT sequence FROM records")):
                yield [row for _, row in self._rows(part)]

    def _rows(self, numbers: Sequence[int]) -> list[tuple[int, Row]]:
        query = f"{_RECORDS} WHERE sequence IN ({', '.join(map(str, numbers))})"
        return [(n, row_of(self._record(n, text))) for n, text in self._select(query)]

    def _keep(self, numbers: Sequence[int]) -> None:
        rows = [(number, *row) for number, row in self._rows(numbers)]
        with self._db:
            self._db.executemany(_INSERT_COLUMNS, rows)

    def _kept(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Yield what the table holds; plain tuples, for a million names take half a second."""
        try:
            cursor = self._db.execute(f"SELECT {', '.join(Row._fields)} FROM columns")
            while found := cursor.fetchmany(_CHUNK):
                yield found
        except sqlite3.Error as error:
            raise _damaged(self.path, str(error)) from error

    def outcomes(self) -> dict[CellKey, Outcome]:
        """Return the outcome of every cell and round: what a resumed run need not repeat."""
        rows = self._select("SELECT case_id, backend, replica, round, outcome FROM records")
        return {(c, b, p, r): Outcome(o) for c, b, p, r, o in rows}

    def copy(self, path: Path) -> None:
        """Write all that the journal holds at this moment into a new file."""
        try:
            with closing(sqlite3.connect(path)) as target:
                self._db.backup(target)
        except sqlite3.Error as error:
            raise JournalError(f"journal: cannot copy {self.path} to {path} ({error})") from error

    def _record(self, number: int, text: str) -> Record:
        data = self._load("records", number, text)
        return _parse(Record.from_json, data, self.path, f"record {number}")

    def close(self) -> None:
        """Fold the write-ahead log into the one file and close it."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, statement: str, *values: str) -> None:
        try:
            with self._db:
                self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise JournalError(
                f"journal: cannot write to {self.path} ({error}); what it holds is kept"
            ) from error

    def _select(self, query: str) -> list[Any]:
        try:
            return self._db.execute(query).fetchall()
        except sqlite3.Error as error:
            raise _damaged(self.path, str(error)) from error

    def _load(self, table: str, key: object, text: str) -> Any:
        return _parse(json.loads, text, self.path, f"{table} row {key}")


def _parts(rows: Sequence[tuple[int]]) -> Iterator[list[int]]:
    for start in range(0, len(rows), _CHUNK):
        yield [number for (number,) in rows[start : start + _CHUNK]]


def _connect(path: Path) -> sqlite3.Connection:
    try:
        if path.exists() and not os.access(path.parent, os.W_OK):
            return sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
        return sqlite3.connect(path, timeout=30)
    except sqlite3.Error as error:
        raise JournalError(f"journal: cannot open {path} ({error})") from error


def _identify(db: sqlite3.Connection, path: Path) -> None:
    try:
        application = db.execute("PRAGMA application_id").fetchone()[0]
        schema = db.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise JournalError(
                f"journal: {path} is not a bakeoff journal (application id {application:#x}, "
                f"expected {APPLICATION_ID:#x})"
            )
        if schema > SCHEMA:
            raise JournalError(
                f"journal: {path} has schema {schema}, this bakeoff reads up to {SCHEMA}; "
                "upgrade bakeoff"
            )
        if os.access(path.parent, os.W_OK):
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
        problems = [row[0] for row in db.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as error:
        raise _damaged(path, str(error)) from error
    if problems != ["ok"]:
        raise _damaged(path, "; ".join(problems))


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    schema = db.execute("PRAGMA user_version").fetchone()[0]
    for version in range(schema, SCHEMA):
        if version not in MIGRATIONS:
            raise JournalError(f"journal: {path} has schema {version}, which cannot be migrated")
        with db:
            MIGRATIONS[version](db)
            db.execute(f"PRAGMA user_version = {version + 1}")


def _damaged(path: Path, what: str) -> JournalError:
    return JournalError(
        f"journal: {path} is damaged: {what}; `bakeoff export {path.parent} --salvage` "
        "writes what is whole in it"
    )


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _parse(parse: Callable[[Any], T], data: Any, path: Path, where: object) -> T:
    try:
        return parse(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"{where}: {type(error).__name__}: {error}") from error
