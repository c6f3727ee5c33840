"""The museum's section: only in its own runs; every backend in the table; what is drawn where."""

import math
import random
from itertools import combinations

import pytest
from report import synthetic

from bakeoff.record import Outcome
from bakeoff_reports import SECTIONS, labels
from bakeoff_reports.analysis import analyse
from bakeoff_reports.content import Figure, Table
from bakeoff_reports.labels import Box
from bakeoff_reports.museum import museum, released, step_time
from bakeoff_reports.page import render


@pytest.fixture(scope="module")
def analysis():
    return analyse(synthetic.museum())


def test_other_runs_have_no_museum():
    """The section is left out of the page, heading and all."""
    other = analyse(synthetic.run())
    assert museum(other) == ()
    assert "Two decades" not in render(other, SECTIONS)


def test_a_museum_run_has_its_chart_and_its_table(analysis):
    page = render(analysis, SECTIONS)
    assert page.index("Two decades of toolkits") < page.index("In short")
    assert "25 backends against numpy" in page
    _, figure, table = museum(analysis)
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    for backend in synthetic.MUSEUM:
        assert f" {backend} " in figure.alt, backend
    assert "2006 numpy" in figure.alt  # October: not rounded up


def test_the_table_goes_by_first_release(analysis):
    *_, table = museum(analysis)
    (group,) = table.groups
    order = [row[1].text for row in group.rows]
    assert order == sorted(order)
    assert {row[0].text for row in group.rows} == set(synthetic.MUSEUM)
    sizes = {row[0].text: row[-1].sort for row in group.rows}
    assert sizes["numpy"] == 10_000_000


def test_years_run_through_the_months(analysis):
    years = released(analysis)
    assert years["jax"] == pytest.approx(2018 + 11.5 / 12)
    assert years["numpy"] == pytest.approx(2006 + 9.5 / 12)


def test_step_times_are_those_of_the_training_steps(analysis):
    """The geometric mean over both steps; the reference is 1."""
    assert step_time(analysis, "numpy").ratio == 1
    point = step_time(analysis, "dl4j")
    assert point.ranked
    assert point.low < point.ratio < point.high
    cells = analysis.of("dl4j", "two_layer")
    ratios = cells["ratio"].dropna()
    assert len(ratios) == 2
    assert point.ratio == pytest.approx(math.exp(ratios.map(math.log).mean()))


def _with(outcome):
    made = synthetic.museum()
    records = [
        r
        if r.backend != "dl4j" or not r.case_id.startswith("two_layer")
        else synthetic.replace(r, outcome=outcome, reason="why", checks=None)
        for r in made.records
    ]
    if not outcome.measured:
        records = [synthetic.replace(r, blocks=()) if r.outcome is outcome else r for r in records]
    return analyse(synthetic.Run(made.meta, made.cases, made.environments, tuple(records)))


def test_a_wrong_step_is_drawn_hollow_and_not_ranked():
    analysis = _with(Outcome.MISMATCH)
    point = step_time(analysis, "dl4j")
    assert not point.ranked
    assert point.ratio > 5
    _, figure, _ = museum(analysis)
    assert "Hollow" in figure.caption


def test_what_cannot_train_is_in_the_table_only():
    analysis = _with(Outcome.UNSUPPORTED)
    assert step_time(analysis, "dl4j") is None
    _, figure, table = museum(analysis)
    assert " dl4j " not in figure.alt
    assert "dl4j" in {row[0].text for row in table.groups[0].rows}


# --- labels -----------------------------------------------------------------------------------

FRAME = Box(0, 0, 960, 500)


def _crowd(seed, count=25):
    rng = random.Random(seed)
    points = [
        (
            100 + 80 * rng.randrange(9) + rng.uniform(-9, 9),
            rng.choice((90, 250, 410)) + rng.gauss(0, 30),
        )
        for _ in range(count)
    ]
    return points, [(rng.uniform(30, 130), 14) for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_labels_cover_neither_each_other_nor_a_mark(seed):
    points, sizes = _crowd(seed)
    marks = [Box(x - 6, y - 6, x + 6, y + 6) for x, y in points]
    found = [label.box for label in labels.place(points, sizes, FRAME, marks)]
    assert all(FRAME.holds(box) for box in found)
    assert not any(a.overlaps(b) for a, b in combinations(found, 2))
    assert not any(box.overlaps(mark) for box in found for mark in marks)
    for box, size in zip(found, sizes, strict=True):
        assert (box.right - box.left, box.top - box.bottom) == pytest.approx(size)


def test_a_lone_point_has_its_name_beside_it():
    (label,) = labels.place([(100, 100)], [(50, 14)], FRAME)
    assert not label.far
    assert label.box == pytest.approx(Box(100 + labels.NEAR, 93, 150 + labels.NEAR, 107))


def test_a_name_in_the_way_moves_and_is_led_to():
    first, second = labels.place([(100, 100), (104, 101)], [(50, 14), (950, 14)], FRAME)
    assert not first.box.overlaps(second.box)
    assert second.far
