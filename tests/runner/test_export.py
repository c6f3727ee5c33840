"""Exports hold what the journal holds, in forms that other tools read."""

import csv
import dataclasses
import json
import math
import sys
from pathlib import Path

import pandas as pd
import pytest
from test_journal import CASE, RECORD, fill

from bakeoff import export
from bakeoff.ceilings import Ceilings
from bakeoff.errors import BakeoffError, JournalError
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Check, Outcome


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    with Journal.create(tmp_path / FILE_NAME, {"settings": {}}, (CASE,)) as journal:
        bad = (Check("y", "gamma", math.inf, 1e-6, math.nan),)
        journal.append(
            RECORD, dataclasses.replace(RECORD, round=1, checks=bad, reason='say "x",\n')
        )
        crashed = {"checks": None, "blocks": (), "figures": {}, "outcome": Outcome.CRASHED}
        journal.append(dataclasses.replace(RECORD, backend="torch", **crashed))
    return tmp_path


def test_csv_has_four_tables_with_one_row_each(run_dir: Path) -> None:
    files = export.export(export.read(run_dir), run_dir / "export", "csv")
    assert [f.name for f in files] == ["records.csv", "blocks.csv", "checks.csv", "series.csv"]
    with open(files[0], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["outcome"] for r in rows] == ["ok", "ok", "crashed"]
    assert rows[0]["cpu_ns"] == str(29 / 3)
    assert rows[0]["tag_n"] == "2"
    assert rows[1]["reason"] == 'say "x",\n'
    assert rows[2]["cpu_ns"] == ""
    assert rows[2]["first_call_ns"] == ""


def test_a_time_is_set_against_the_ceiling_that_binds(tmp_path: Path) -> None:
    measured = Ceilings(call_ns=2.9, clock="cpu")
    meta = {"settings": {}, "ceilings": {"numpy": measured.to_json()}}
    with Journal.create(tmp_path / FILE_NAME, meta, (CASE,)) as journal:
        journal.append(RECORD, dataclasses.replace(RECORD, backend="torch"))
    known, unknown = export.tables(export.read(tmp_path))["records"]
    assert known["ceiling_fraction"] == pytest.approx(2.9 / (29 / 3))
    assert known["ceiling"] == "call"
    assert unknown["ceiling_fraction"] is None, "its workers measured nothing"


def test_parquet_reads_back_with_pandas(run_dir: Path) -> None:
    export.export(export.read(run_dir), run_dir / "export", "parquet")
    records = pd.read_parquet(run_dir / "export" / "records.parquet")
    assert list(records["backend"]) == ["numpy", "numpy", "torch"]
    assert records["cpu_ns"].tolist()[0] == pytest.approx(29 / 3)
    checks = pd.read_parquet(run_dir / "export" / "checks.parquet")
    assert math.isnan(checks["fraction"].tolist()[1])


def test_json_is_strict_and_whole(run_dir: Path) -> None:
    (file,) = export.export(export.read(run_dir), run_dir / "export", "json")

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    data = json.loads(file.read_text(), parse_constant=refuse)
    assert len(data["records"]) == 3
    assert data["records"][1]["checks"][0]["fraction"] == "NaN"
    assert data["cases"][0]["name"] == CASE.name


def test_parquet_without_its_library_says_what_to_install(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BakeoffError, match="pip install pyarrow"):
        export.export(export.read(run_dir), run_dir / "export", "parquet")
    with pytest.raises(BakeoffError, match="expected one of csv, json, parquet"):
        export.export(export.read(run_dir), run_dir / "export", "xml")


def test_a_folder_that_cannot_be_written_to_is_named(run_dir: Path) -> None:
    with pytest.raises(BakeoffError, match="expected a folder that can be written to"):
        export.export(export.read(run_dir), run_dir / FILE_NAME, "csv")


def test_a_damaged_journal_is_refused_and_salvaged_on_request(tmp_path: Path) -> None:
    fill(tmp_path / FILE_NAME, count=200)
    data = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(data[: len(data) // 2])
    with pytest.raises(JournalError, match="--salvage"):
        export.read(tmp_path)
    found = export.read(tmp_path, salvaging=True)
    assert found.problems
    assert 0 < len(found.records) < 200, "the first half"
    assert export.export(found, tmp_path / "export", "csv")


@pytest.mark.parametrize("content", [None, b"", b"no journal at all"])
def test_nothing_to_salvage_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(JournalError, match=FILE_NAME):
        export.read(tmp_path, salvaging=True)
