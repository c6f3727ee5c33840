"""An archive by column says what the analysis of its records says, whatever befell a cell."""

import os
import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report import synthetic

from bakeoff import remarks
from bakeoff.columns import Row, row_of
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Block, Check, Outcome
from bakeoff_reports import grouped
from bakeoff_reports.analysis import analyse, load
from bakeoff_reports.archive import read_columns
from bakeoff_reports.bulk import analyse_columns, write

BACKENDS = ("numpy", "numpy-plan", "torch", "jax")
MATMUL = "matmul/square-float32-64-forward"


def changed(made, choose, **changes):
    """Return a run in which the records that are chosen are others; values may be functions."""
    records = [
        replace(r, **{k: v(r) if callable(v) else v for k, v in changes.items()})
        if choose(r)
        else r
        for r in made.records
    ]
    return type(made)(made.meta, made.cases, made.environments, tuple(records))


def of_torch(record):
    return record.backend == "torch" and record.case_id == MATMUL


def blocks(**changes):
    return lambda r: tuple(replace(b, **{k: v(b) for k, v in changes.items()}) for b in r.blocks)


def plain(**options):
    found = {"ceilings": synthetic.ceilings(BACKENDS), "rounds": 5, **options}
    return synthetic.run(BACKENDS, "quick", **found)


def forbidden(**changes):
    return lambda: changed(plain(), of_torch, **changes)


RUNS = {
    "plain": plain,
    "hostile": lambda: plain(hostile=True),
    "without-ceilings": lambda: synthetic.run(BACKENDS, "smoke"),
    "one-round": lambda: plain(rounds=1),
    "two-rounds": lambda: plain(rounds=2),
    "busy-once": lambda: changed(
        plain(), lambda r: r.round == 1 and r.backend == "jax", outcome=Outcome.CONTENDED
    ),
    "busy-half-the-time": lambda: changed(
        plain(rounds=4), lambda r: r.round % 2 == 0 and r.backend == "jax",
        outcome=Outcome.CONTENDED,
    ),
    "busy-mostly": lambda: changed(
        plain(), lambda r: r.round > 1 and r.backend == "jax", outcome=Outcome.CONTENDED
    ),
    "busy-reference": lambda: changed(
        plain(), lambda r: r.round < 2 and r.backend == "numpy", outcome=Outcome.CONTENDED
    ),
    "holes": lambda: changed(plain(), lambda r: (r.round + len(r.case_id)) % 3 == 0, blocks=()),
    "reference-wrong": lambda: changed(
        plain(), lambda r: r.backend == "numpy" and r.case_id == MATMUL, outcome=Outcome.MISMATCH
    ),
    "elsewhere": forbidden(blocks=blocks(wall_ns=lambda b: 9 * b.wall_ns)),
    "unsynchronised": forbidden(blocks=blocks(device_ns=lambda b: 3 * b.wall_ns)),
    "implausible": forbidden(
        blocks=blocks(cpu_ns=lambda b: b.cpu_ns / 5000, wall_ns=lambda b: b.wall_ns // 5000)
    ),
    "precision": forbidden(checks=(Check("y", "gamma", 1e-7, 1e-6, 0.1, usual=40.0),)),
    "nan-error": forbidden(checks=(Check("y", "gamma", float("nan"), 1.0, float("nan")),)),
    "slow-reference": lambda: changed(
        plain(), lambda r: r.backend == "numpy" and r.case_id == MATMUL,
        checks=(Check("y", "gamma", 1e-7, 1e-6, 0.1, usual=40.0),),
    ),
    "unreached": lambda: changed(plain(), lambda r: False),
}  # fmt: skip


def other_threads(made):
    places = {k: {**v, "hello": {**v["hello"]}} for k, v in made.environments.items()}
    place = places["env-jax"]["hello"]
    place["describe"] = {**place["describe"], "threads": 2}
    return type(made)(made.meta, made.cases, places, made.records)


RUNS["unlike-threads"] = lambda: other_threads(plain())
RUNS["empty"] = lambda: type(plain())(plain().meta, plain().cases, {}, ())


@pytest.mark.parametrize("name", RUNS)
def test_both_analyses_agree(name, tmp_path):
    folder = synthetic.write(RUNS[name](), tmp_path)
    whole, bulk = analyse(load(folder)), analyse_columns(read_columns(folder))
    assert len(bulk.cells) == len(whole.cells)
    for column in bulk.cells.columns:
        left, right = whole.cells[column], bulk.cells[column]
        if column == "unranked":
            assert list(left != "") == list(right != "")
        elif column == "error_fraction":
            np.testing.assert_allclose(left.fillna(0.0), right.replace(np.inf, 0.0).fillna(0.0))
        elif pd.api.types.is_numeric_dtype(right):
            np.testing.assert_allclose(
                left.astype(float), right.astype(float), rtol=1e-9, err_msg=column
            )
        else:
            assert [str(v) for v in left] == list(right), column
    assert (whole.noise_floor or 0) == pytest.approx(bulk.noise_floor or 0)
    for backend in whole.backends[1:]:
        one, other = whole.aggregate(backend), bulk.speeds[backend]
        assert (one.covered, one.total) == (other.covered, other.total)
        np.testing.assert_allclose(
            [one.interval.ratio, one.interval.low, one.interval.high],
            [other.interval.ratio, other.interval.low, other.interval.high],
        )


@pytest.mark.parametrize("kind", ["elsewhere", "unsynchronised", "implausible", "precision"])
def test_what_forbids_a_ranking_is_named(kind, tmp_path):
    cells = analyse_columns(read_columns(synthetic.write(RUNS[kind](), tmp_path))).cells
    told = cells[(cells["case"] == MATMUL) & (cells["backend"] == "torch")]["unranked"]
    assert list(told) == [f"not ranked: {kind}"]


def test_every_rule_of_remarks_is_known_to_the_columns():
    """A new rule that forbids a ranking belongs in `bakeoff_reports.forbidden` too."""
    judged = {"_works_elsewhere", "_does_not_wait", "_is_implausible", "_computes_with_less"}
    forbid_nothing = {"_drifts", "_leaks", "_is_nondeterministic"}
    of_fits_only = {"_learns_implausibly"}  # whose calls are never ranked
    known = judged | forbid_nothing | of_fits_only
    assert {rule.__name__ for rule in remarks.RULES} <= known


def test_the_format_writes_the_verdicts(tmp_path):
    folder = synthetic.write(plain(), tmp_path)
    found = pd.read_csv(write(folder, (), ()), keep_default_na=False)
    assert list(found["verdict"]) == list(analyse(load(folder)).cells["verdict"])


def rows(folder):
    with Journal(folder / FILE_NAME) as journal:
        records = sorted(row_of(r) for r in journal.records())
        kept = sorted(Row(*row) for part in journal.columns() for row in part)
    return records, kept


def sorted_like(found):
    return [tuple("" if v is None else v for v in row) for row in found]


@pytest.fixture
def small(tmp_path):
    return synthetic.write(synthetic.run(("numpy", "torch"), "smoke", rounds=2), tmp_path)


def test_the_journal_keeps_a_row_per_record(small):
    records, kept = rows(small)
    assert sorted_like(records) == sorted_like(kept)
    assert len(kept) > 40


def test_rows_that_another_version_left_out_are_made_and_kept(small):
    with sqlite3.connect(small / FILE_NAME) as db:
        db.execute("DELETE FROM columns WHERE sequence % 3 = 0")
    records, kept = rows(small)
    assert sorted_like(records) == sorted_like(kept)
    with sqlite3.connect(small / FILE_NAME) as db:
        assert db.execute("SELECT count(*) FROM columns").fetchone() == (len(records),)


def test_a_journal_from_before_there_were_columns_is_read(small):
    with sqlite3.connect(small / FILE_NAME) as db:
        db.execute("DROP TABLE columns")
        db.execute("DROP TRIGGER columns_go")
    records, kept = rows(small)
    assert sorted_like(records) == sorted_like(kept)


def test_a_journal_that_cannot_be_written_to_is_read_all_the_same(small, monkeypatch):
    with sqlite3.connect(small / FILE_NAME) as db:
        db.execute("DROP TABLE columns")
        db.execute("DROP TRIGGER columns_go")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    records, kept = rows(small)
    assert sorted_like(records) == sorted_like(kept)


def test_a_record_that_is_replaced_takes_its_row_along(small):
    with Journal(small / FILE_NAME) as journal:
        first = next(journal.records())
        away = replace(first, round=9, outcome=Outcome.INTERRUPTED, blocks=())
        journal.append(away)
        journal.append(replace(first, round=9))
    records, kept = rows(small)
    assert sorted_like(records) == sorted_like(kept)
    assert not any(row.outcome == "interrupted" for row in kept)


def test_a_record_without_blocks_has_no_times():
    made = synthetic.run(("numpy",), "smoke", rounds=1).records[0]
    row = row_of(replace(made, blocks=(), checks=None))
    assert (row.cpu_ns, row.wall_ns, row.device_ns, row.stretch, row.overrun) == (None,) * 5
    assert (row.error_fraction, row.usual) == (None, None)
    timed = row_of(replace(made, blocks=(Block(0, 10, 2000, 1000.0, 0, 0, 500),)))
    assert (timed.cpu_ns, timed.wall_ns, timed.device_ns) == (100, 200, 50)
    assert (timed.stretch, timed.overrun) == (2, 0.25)


def test_medians_of_groups_are_those_of_the_standard_library():
    group, values = np.array([0, 2, 0, 2, 0, 2, 2]), np.array([5.0, 1, 1, 4, 2, 2, 9])
    found = grouped.medians(group, values, 3)
    np.testing.assert_array_equal(found, [2, np.nan, 3])
