"""Time to quality: means over the seeds that arrived, and what cannot be is said."""

from dataclasses import replace

import pytest
from report import synthetic

from bakeoff.arrival import trimmed_mean
from bakeoff.record import Outcome, Record
from bakeoff_reports import SECTIONS
from bakeoff_reports.analysis import Run, analyse
from bakeoff_reports.content import Figure, Table
from bakeoff_reports.page import render
from bakeoff_reports.quality import time_to_quality
from bakeoff_two_layer.cases import fit_case
from bakeoff_two_layer.seeds import seeds

CASES = tuple(seeds(fit_case(128, 64, "sgd")))
ORACLE = [6, 8, 8, 10, 8, 8, 8, 8, 8, 6, 9, 8, 7, 8, 5, 8, 9, 9, 8, 6, 7, 8, 9, 7]
PER_EPOCH_S = {"numpy": 0.05, "torch": 0.03, "jax": 0.02}


def trained(backend: str, number: int, epochs: int, arrived: bool = True) -> Record:
    seconds = epochs * PER_EPOCH_S[backend]
    figures = {"epochs": float(epochs), "steps": 62.0 * epochs}
    if arrived:
        figures["time_to_target_ns"] = 1e9 * seconds
    series = {"oracle_losses": (1.0,) * ORACLE[number]}
    return Record(CASES[number].id, backend, 0, 0, Outcome.OK, "", (), figures, series)


def run(**epochs: list[int]) -> Run:
    """A run whose backends took so many epochs; 0 stands for a seed that did not arrive in 20."""
    records = [
        trained(backend, number, n or 20, arrived=n > 0)
        for backend, counts in epochs.items()
        for number, n in enumerate(counts)
    ]
    return Run(synthetic.meta(list(epochs)), CASES, {}, tuple(records))


HONEST = run(numpy=ORACLE, torch=ORACLE, jax=[e - 1 for e in ORACLE[:2]] + ORACLE[2:])


def table(made: Run) -> dict[str, tuple]:
    found = next(b for b in time_to_quality(analyse(made)) if isinstance(b, Table))
    return {row[0].text: row for row in found.groups[0].rows}


def test_runs_without_seeds_have_no_such_section():
    other = analyse(synthetic.run())
    assert time_to_quality(other) == []
    assert "Time to quality" not in render(other, SECTIONS)


def test_the_table_holds_means_without_the_extremes():
    rows = table(HONEST)
    expected = trimmed_mean(ORACLE)
    for column, factor in ((2, 1), (3, 62), (4, PER_EPOCH_S["torch"])):
        assert rows["torch"][column].sort == pytest.approx(factor * expected.mean)
    assert rows["torch"][5].sort == pytest.approx(0.6)
    assert rows["torch"][1].text == "24 of 24"
    assert not any(row[-1].text for row in rows.values())


def test_the_figure_is_told_in_words():
    (figure,) = [b for b in time_to_quality(analyse(HONEST)) if isinstance(b, Figure)]
    assert "torch: 7.77 epochs, 0.233 s" in figure.alt
    assert "The band" in figure.caption


def test_a_seed_that_did_not_arrive_leaves_no_mean():
    """A mean over the others would praise the backend for its failure."""
    row = table(run(numpy=ORACLE, torch=[0, *ORACLE[1:]]))["torch"]
    assert (row[1].text, row[1].tone) == ("23 of 24", "bad")
    assert row[2].sort is row[4].sort is row[5].sort is None


def test_a_backend_that_learns_too_fast_is_given_no_ratio():
    row = table(run(numpy=ORACLE, torch=[2] * 24))["torch"]
    assert "too fast" in row[-1].text
    assert row[5].sort is None


def test_the_band_needs_enough_of_the_oracles_trainings():
    made = run(numpy=ORACLE[:12], torch=ORACLE[:12])
    (figure,) = [b for b in time_to_quality(analyse(made)) if isinstance(b, Figure)]
    assert "The band" not in figure.caption


def test_the_page_shows_it_after_the_scorecard():
    page = render(analyse(replace(HONEST)), SECTIONS)
    assert page.index("Scorecard") < page.index("Time to quality") < page.index("Every cell, suite")
