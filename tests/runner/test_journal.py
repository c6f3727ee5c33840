"""The journal: durable, versioned, refuses what is not its own, keeps what is whole."""

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bakeoff import journal as journal_module
from bakeoff.case import Case, draw
from bakeoff.errors import JournalError
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.salvage import salvage
from bakeoff_worker.program import Node, Program, Value

PROGRAM = Program(
    "double", (Value("x", (2,), "float32"),),
    (Node("y", "add", ("x", "x"), {}, (2,), "float32"),), ("y",), {"kind": "forward"},
)  # fmt: skip
CASE = Case("toy", "double", PROGRAM, {"x": draw("normal")}, "float32", tags={"n": 2})
RECORD = Record(
    CASE.id, "numpy", 0, 0, Outcome.OK,
    checks=(Check("y", "exact", 0.0, 0.0, 0.0),), figures={"first_call_ns": 12.0},
    series={"losses": (1.0, 0.5)}, blocks=(Block(0, 3, 30, 29, 0),),
)  # fmt: skip


def fill(path: Path, count: int = 3) -> None:
    with Journal.create(path, {"settings": {"seed": 1}}, (CASE,)) as journal:
        for n in range(count):
            journal.append(dataclasses.replace(RECORD, round=n))


def test_what_is_written_is_read_back_equal(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with Journal.create(path, {"settings": {"seed": 1}}, (CASE,)) as journal:
        journal.append(RECORD)
        journal.set_meta("plan", [CASE.id])
        first = journal.add_environment({"python": "3.11"})
        assert journal.add_environment({"python": "3.11"}) == first
    with Journal(path) as journal:
        assert list(journal.records()) == [RECORD]
        assert journal.cases() == (CASE,)
        assert journal.meta == {"settings": {"seed": 1}, "plan": [CASE.id]}
        assert journal.environments() == {first: {"python": "3.11"}}
        assert journal.outcomes() == {(CASE.id, "numpy", 0, 0): Outcome.OK}


def test_only_interrupted_and_unavailable_records_are_replaced(tmp_path: Path) -> None:
    with Journal.create(tmp_path / FILE_NAME, {}, (CASE,)) as journal:
        journal.append(dataclasses.replace(RECORD, outcome=Outcome.INTERRUPTED))
        journal.append(RECORD)
        assert list(journal.records()) == [RECORD]
        with pytest.raises(JournalError, match="already"):
            journal.append(RECORD)


def test_a_missing_or_existing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"no file .*journal\.sqlite"):
        Journal(tmp_path / FILE_NAME)
    fill(tmp_path / FILE_NAME)
    with pytest.raises(JournalError, match="exists already"):
        Journal.create(tmp_path / FILE_NAME, {})


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("not a database at all, " * 100)
    with pytest.raises(JournalError, match="file is not a database"):
        Journal(text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    with pytest.raises(JournalError, match="not a bakeoff journal"):
        Journal(other)
    for path in (text, other):
        with pytest.raises(JournalError, match="nothing of"):
            salvage(path)


def test_a_newer_schema_is_refused_and_an_older_one_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILE_NAME
    fill(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="schema 99"):
        Journal(path)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {journal_module.SCHEMA}")
    db.close()
    monkeypatch.setattr(journal_module, "SCHEMA", journal_module.SCHEMA + 1)
    with pytest.raises(JournalError, match="cannot be migrated"):
        Journal(path)
    monkeypatch.setitem(
        journal_module.MIGRATIONS,
        journal_module.SCHEMA - 1,
        lambda db: db.execute("INSERT INTO meta VALUES ('migrated', 'true')"),
    )
    with Journal(path) as journal:
        assert journal.meta["migrated"] is True
        assert len(list(journal.records())) == 3


def test_a_damaged_row_is_named_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    fill(path)
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE records SET data = substr(data, 1, 20) WHERE sequence = 2")
    db.close()
    with Journal(path) as journal, pytest.raises(JournalError, match="records row 2"):
        list(journal.records())
    found = salvage(path)
    assert [r.round for r in found.records] == [0, 2]
    assert found.cases == {CASE.id: CASE}
    assert len(found.problems) == 1
    assert found.problems[0].startswith("records row 2")


def test_a_damaged_page_is_refused_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    fill(path, count=200)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(JournalError, match="damaged"):
        Journal(path)
    found = salvage(path)
    assert found.problems
    assert 50 < len(found.records) < 200


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    fill(path, count=200)
    path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(JournalError, match="damaged"):
        Journal(path)
    assert salvage(path).problems


WRITER = """
import dataclasses, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from test_journal import CASE, RECORD
from bakeoff.journal import Journal
journal = Journal.create(Path({path!r}), {{}}, (CASE,))
for n in range(10**6):
    journal.append(dataclasses.replace(RECORD, round=n))
    print(n, flush=True)
"""


@pytest.mark.parametrize("trial", range(3))
def test_no_acknowledged_record_is_lost_to_kill_9(tmp_path: Path, trial: int) -> None:
    path = tmp_path / FILE_NAME
    code = WRITER.format(tests=os.path.dirname(__file__), path=str(path))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        time.sleep(0.05 * trial)
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout:
            acknowledged = int(line) if line.endswith("\n") else acknowledged
    with Journal(path) as journal:
        assert len(list(journal.records())) >= acknowledged + 1
