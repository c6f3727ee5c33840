"""The page's cells as data: the same figures as on the page, in what other tools read."""

import csv
import json
import math

import pandas as pd
import pytest
from report import synthetic

from bakeoff_reports import FORMATS, METRICS, SECTIONS
from bakeoff_reports.analysis import analyse, load
from bakeoff_reports.cells import COLUMNS
from bakeoff_reports.data import as_data, rows, write_csv, write_json, write_parquet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    run = synthetic.run(preset="smoke", rounds=3, hostile=True)
    return synthetic.write(run, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def cells(folder):
    return analyse(load(folder)).cells


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_every_format_is_registered_once():
    names = [f.name for f in FORMATS]
    assert len(names) == len(set(names))
    assert {"html", "md", "csv", "json", "parquet", "verdicts"} <= set(names)


@pytest.mark.parametrize(
    ("write", "read"),
    [(write_csv, pd.read_csv), (write_parquet, pd.read_parquet),
     (write_json, lambda path: pd.DataFrame(read_json(path)["cells"]))],
    ids=["csv", "parquet", "json"],
)  # fmt: skip
def test_each_file_holds_the_cells_of_the_page(folder, cells, write, read):
    found = read(write(folder, SECTIONS, METRICS))
    assert list(found.columns) == list(COLUMNS)
    assert list(found["case"]) == list(cells["case"])
    assert list(found["outcome"]) == [str(o.value) for o in cells["outcome"]]
    ratios = pd.to_numeric(found["ratio"])
    pd.testing.assert_series_equal(ratios, cells["ratio"], check_names=False, check_dtype=False)


def test_hostile_texts_stay_in_their_field(folder):
    path = write_csv(folder, SECTIONS, METRICS)
    with open(path, newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert any(synthetic.HOSTILE in row["reason"] for row in found)
    assert all(None not in row for row in found)


def test_what_has_no_value_is_none_and_infinity_has_a_name(folder, cells):
    frame = cells.copy()
    frame.loc[0, "error_fraction"] = math.inf
    frame.loc[1, "error_fraction"] = math.nan
    analysis = analyse(load(folder), METRICS)
    object.__setattr__(analysis, "cells", frame)
    found = rows(analysis)
    assert [found[i]["error_fraction"] for i in (0, 1)] == [math.inf, None]
    object.__setattr__(analysis, "metrics", ())
    assert as_data(analysis)["cells"][1]["error_fraction"] is None


def test_the_scorecard_is_in_the_json(folder):
    data = read_json(write_json(folder, SECTIONS, METRICS))
    assert data["reference"] == "numpy"
    by_name = {b["name"]: b for b in data["backends"]}
    assert 0 < by_name["torch"]["speed"] < 10
    assert set(by_name["torch"]) >= {m.name for m in METRICS}
