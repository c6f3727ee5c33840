"""Trajectories: who keeps to the oracle's envelope, who leaves it, when, and by which op."""

import re

import pytest
from report import synthetic, trainings
from report.test_figures import test_no_text_lies_on_another_or_outside as _legible

from bakeoff_reports import SECTIONS, matrix, style, svg
from bakeoff_reports.analysis import analyse
from bakeoff_reports.content import Figure, Heading, Table, plain
from bakeoff_reports.page import render
from bakeoff_reports.trajectories import compared, trajectories
from bakeoff_reports.trajectory import Panel, Path, trajectory

BACKENDS = {"numpy": 0.93, "numpy-plan": 0.93, "torch": 0.93, "jax": 0.93}
LEFT = {"torch": (7, "relu (v2)"), "jax": (1, "optimizer adam")}
EVERY = list(synthetic.MUSEUM)[:25]


def _said(blocks):
    return " ".join(plain(b) for b in blocks if hasattr(b, "spans"))


def test_trainings_that_keep_to_the_oracle_are_said_to():
    blocks = trajectories(analyse(trainings.run(BACKENDS)))
    assert "None left the envelope, of " in _said(blocks)
    assert not any(isinstance(b, Table) for b in blocks)
    assert all("all backends kept to" in b.alt for b in blocks if isinstance(b, Figure))


def test_who_leaves_is_told_with_step_and_op():
    analysis = analyse(trainings.run(BACKENDS, left=LEFT))
    blocks = trajectories(analysis)
    (table,) = (b for b in blocks if isinstance(b, Table))
    rows = [row for group in table.groups for row in group.rows]
    told = {(row[0].text, row[2].text, row[3].text) for row in rows}
    assert told == {("torch", "7", "relu (v2)"), ("jax", "1", "optimizer adam")}
    assert {row[4].text for row in rows} == {"grad v1: got 0"}
    cases = [c for c in analysis.run.cases if compared(analysis, c)]
    assert len(rows) == 2 * len(cases) > 2
    page = render(analysis, SECTIONS)
    assert "Training, step by step" in page
    assert "optimizer adam" in page


def test_there_is_a_figure_per_network():
    blocks = trajectories(analyse(trainings.run(BACKENDS, left=LEFT)))
    headings = [b.text for b in blocks if isinstance(b, Heading)]
    assert len(headings) == len(set(headings)) == sum(isinstance(b, Figure) for b in blocks)
    assert "784-128-10" in headings


def test_without_compared_steps_there_is_no_section():
    analysis = analyse(synthetic.run())
    assert not trajectories(analysis)
    assert "Training, step by step" not in render(analysis, SECTIONS)


# --- figures --------------------------------------------------------------------------------


def _panel(names, left=()):
    allowed = [1e-7 * 1.1**n for n in range(100)]
    paths = [
        Path(b, [a * (40 if b in left else 0.1) for a in allowed], 5 if b in left else None)
        for b in names
    ]
    return Panel("adam, float32, batch 64", allowed, paths)


def _steps(names, left=(), panels=3):
    return trajectory([_panel(names, left)] * panels, style.series(names))


def _matrix(names, rows=1000):
    only = {(a, b): (37 * i + 11 * j) % rows for i, a in enumerate(names)
            for j, b in enumerate(names) if a != b}  # fmt: skip
    return matrix.matrix(dict.fromkeys(names, 0.9345), only, [(names[0], names[-1])])


DRAWINGS = {
    "steps-2": lambda: _steps(EVERY[:2]),
    "steps-8-some-left": lambda: _steps(EVERY[:8], EVERY[3:5]),
    "steps-25": lambda: _steps(EVERY),
    "steps-25-all-left": lambda: _steps(EVERY, EVERY),
    "steps-one-panel": lambda: _steps(EVERY[:8], (), 1),
    "matrix-2": lambda: _matrix(EVERY[:2]),
    "matrix-9": lambda: _matrix(EVERY[:9]),
    "matrix-25": lambda: _matrix(EVERY),
    "matrix-25-of-60000": lambda: _matrix(EVERY, 60000),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_lies_on_another_or_outside(name, monkeypatch):
    monkeypatch.setitem(_legible.__globals__["DRAWINGS"], name, DRAWINGS[name])
    _legible(name)


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_ink_is_named(name):
    text = svg.inline(DRAWINGS[name](), "f1", "")
    assert not re.search(r'(fill|stroke)="#', text)


STRANGE = {
    "all-zero": [0.0] * 5,
    "nan": [1e-8, float("nan"), float("nan"), float("nan"), float("nan")],
    "infinite": [1e-8, float("inf"), 1.0, 1.0, 1.0],
    "ended-early": [1e-8, 1e-8],
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_number_is_drawn_at_the_edge(name):
    panel = Panel("sgd", [1e-7] * 5, [Path("numpy", STRANGE[name], 2)])
    assert "<svg" in svg.inline(trajectory([panel], style.series(["numpy"])), "f1", "")


def test_beyond_eight_backends_only_those_that_left_have_a_colour():
    figure = _steps(EVERY, EVERY[3:5])
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [*EVERY[3:5], "others, all within"]
