"""The section on cost against size: what it shows follows from the run's times."""

from dataclasses import replace

import pytest
from report import synthetic

from bakeoff_reports.analysis import Run, analyse
from bakeoff_reports.content import Figure, Table
from bakeoff_reports.scaling import scaling

POWERS = {"numpy": 2.0, "torch": 1.0}  # of the time, by backend
SIZES = (64, 128, 256, 512)


def run(rounds: int = 3) -> Run:
    """Matrix products of four sizes that take n² ns on numpy and n ns on torch."""
    found = synthetic.run(tuple(POWERS), rounds=rounds, preset="standard")
    cases = tuple(
        c
        for c in found.cases
        if c.tags.get("shape") == "square" and c.tags.get("n") in SIZES
        and (c.dtype, c.tags["pass"]) == ("float32", "forward")
    )  # fmt: skip
    size = {c.id: int(c.tags["n"]) for c in cases}
    records = tuple(
        replace(r, blocks=tuple(_timed(b, size[r.case_id] ** POWERS[r.backend]) for b in r.blocks))
        for r in found.records
        if r.case_id in size
    )
    return Run(found.meta, cases, found.environments, records)


def _timed(block, ns: float):
    return replace(block, wall_ns=round(ns * block.loops), cpu_ns=round(ns * block.loops))


def of_kind(kind, blocks):
    return [b for b in blocks if isinstance(b, kind)]


def test_each_backend_has_its_exponent_with_that_of_the_operations():
    [table] = of_kind(Table, scaling(analyse(run())))
    [group] = table.groups
    assert group.note == "size n 64, 128, 256, 512"
    shown = {row[0].text: [cell.text for cell in row[1:]] for row in group.rows}
    assert shown == {
        "numpy": ["2.00", "2.00", "3.00", "3"],
        "torch": ["1.00", "1.00", "3.00", "3"],
    }


def test_the_figure_says_in_words_what_it_draws():
    [figure] = of_kind(Figure, scaling(analyse(run())))
    assert "numpy 2.00, torch 1.00" in figure.alt


def test_one_round_is_said_to_be_one():
    [table] = of_kind(Table, scaling(analyse(run(rounds=1))))
    assert {row[1].note for row in table.groups[0].rows} == {"one round"}


@pytest.mark.parametrize("left", [0, 3], ids=lambda n: f"{n}-sizes")
def test_too_few_sizes_show_nothing(left):
    found = run()
    assert scaling(analyse(replace(found, cases=found.cases[:left]))) == []


def test_a_backend_that_lacks_a_size_has_no_exponent():
    found = run()
    lost = found.cases[0].id
    kept = tuple(r for r in found.records if (r.case_id, r.backend) != (lost, "torch"))
    [table] = of_kind(Table, scaling(analyse(replace(found, records=kept))))
    assert [row[0].text for row in table.groups[0].rows] == ["numpy"]
