"""Trained models are told apart only where they differ, for all pairs of a page together."""

import re
from dataclasses import replace

import pytest
from report import synthetic, trainings

from bakeoff.mcnemar import mcnemar
from bakeoff_reports import SECTIONS
from bakeoff_reports.analysis import analyse
from bakeoff_reports.content import Details, Figure, Heading, Table, plain
from bakeoff_reports.markdown import render as as_markdown
from bakeoff_reports.page import render
from bakeoff_reports.trained import all_tests, models_of, trained

ALIKE = {"numpy": 0.93, "numpy-plan": 0.93, "torch": 0.93, "jax": 0.93}
APART = {**ALIKE, "jax": 0.80}


def _section(run):
    return trained(analyse(run))


def _said(blocks):
    return " ".join(plain(b) for b in blocks if hasattr(b, "spans"))


def _tables(blocks):
    return [b for b in blocks if isinstance(b, Table)]


def test_equal_models_cannot_be_told_apart():
    blocks = _section(trainings.run(ALIKE))
    assert "No two models can be told apart" in _said(blocks)
    (table,) = _tables(blocks)
    rows = [row for group in table.groups for row in group.rows]
    assert len(rows) == 6
    assert {row[1].text for row in rows} == {"cannot tell"}


def test_a_model_that_truly_differs_is_named_with_its_images():
    run = trainings.run(APART)
    blocks = _section(run)
    assert "3 of 6 pairs differ by more than chance: numpy is better than jax" in _said(blocks)
    (table,) = _tables(blocks)
    rows = {row[0].text: row for group in table.groups for row in group.rows}
    assert {name for name, row in rows.items() if row[1].text == "differ"} == {
        "numpy, jax", "numpy-plan, jax", "torch, jax",
    }  # fmt: skip
    row = rows["numpy, jax"]
    a, b, c, d = map(int, row[2].text.split(", "))
    assert a + b + c + d == trainings.ROWS
    predicted = [trainings.answers(APART[n], f"{n} 0") for n in ("numpy", "jax")]
    right = [[p == y for p, y in zip(ps, trainings.labels(), strict=True)] for ps in predicted]
    assert b == sum(x and not y for x, y in zip(*right, strict=True))
    assert c == sum(y and not x for x, y in zip(*right, strict=True))
    assert int(row[3].text) == sum(x != y for x, y in zip(*predicted, strict=True))


def test_the_p_values_hold_for_every_pair_of_every_network():
    run = trainings.run(ALIKE, preset="standard")
    analysis = analyse(run)
    networks = {c.id: models_of(analysis, c) for c in run.cases if c.fit is not None}
    assert len(networks) > 1
    tests = all_tests(networks)
    assert len(tests) == 6 * len(networks)
    for test in tests.values():
        assert test.p_value >= mcnemar(test.counts).p_value
    smallest = min(tests.values(), key=lambda t: t.p_value)
    assert smallest.p_value == pytest.approx(
        min(1.0, len(tests) * mcnemar(smallest.counts).p_value)
    )


def test_a_backend_that_answers_otherwise_in_another_round_is_said_to():
    steady = _said(_section(trainings.run(ALIKE)))
    assert "Trained again" not in steady
    said = _said(_section(trainings.run(ALIKE, unsteady=("torch",))))
    assert re.search(r"Trained again in another process.*torch: \d+ images at the most", said)


def test_many_pairs_open_on_demand():
    few = _section(trainings.run(ALIKE))
    assert not any(isinstance(b, Details) for b in few)
    many = dict.fromkeys(list(synthetic.MUSEUM)[:6], 0.93)
    assert any(isinstance(b, Details) for b in _section(trainings.run(many)))


NOTHING = {
    "no-training": lambda: synthetic.run(preset="smoke"),
    "one-backend": lambda: trainings.run({"numpy": 0.93}),
    "no-answers": synthetic.run,
    "no-labels": lambda: _without(trainings.run(ALIKE), "labels"),
}


def _without(run, name):
    kept = [
        replace(r, series={k: v for k, v in r.series.items() if k != name}) for r in run.records
    ]
    return replace(run, records=tuple(kept))


@pytest.mark.parametrize("name", NOTHING)
def test_without_models_there_is_no_section(name):
    run = NOTHING[name]()
    assert not _section(run)
    assert "Trained models" not in render(analyse(run), SECTIONS)


def test_the_section_stands_on_the_page_and_in_markdown():
    analysis = analyse(trainings.run(APART))
    page = render(analysis, SECTIONS)
    assert "<h2" in page
    assert "Trained models" in page
    assert "numpy is better than jax" in page
    assert "numpy is better than jax" in as_markdown(analysis, SECTIONS)


def test_hostile_names_stay_text():
    run = trainings.run(APART, hostile=True)
    assert synthetic.HOSTILE not in render(analyse(run), SECTIONS)


def test_a_network_has_a_heading_and_a_figure_that_says_what_it_shows():
    blocks = _section(trainings.run(APART))
    (heading,) = (b for b in blocks if isinstance(b, Heading))
    (figure,) = (b for b in blocks if isinstance(b, Figure))
    assert heading.anchor == "trained-1"
    assert re.search(r"numpy \d+ and jax \d+", figure.alt)


def test_seeds_of_one_network_are_no_networks_of_their_own():
    networks = [
        h.text for h in _section(trainings.run(ALIKE, "standard")) if isinstance(h, Heading)
    ]
    assert networks
    assert not [title for title in networks if "seed" in title]
    assert any("step decay" in title for title in networks)
