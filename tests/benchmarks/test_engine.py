"""The benchmark of the engine: its rows can be measured, and it judges them rightly."""

import json
import sys
from importlib import import_module
from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
from docs.pages import ROOT

from bakeoff.inputs import draw_inputs
from bakeoff.statistics import Interval
from bakeoff_conv import LAYERS, SUITE
from bakeoff_worker.loader import load_class

FOLDER = ROOT / "benchmarks" / "engine"


@pytest.fixture(scope="module")
def engine():
    """The benchmark's modules, loaded as they are run: with its folder on the path."""
    before = set(sys.modules)
    names = ("alone", "bank", "judging", "measured", "rows", "tables", "workloads")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER.parent)
        patch.syspath_prepend(FOLDER)
        yield SimpleNamespace(**{name: import_module(name) for name in names})
    for name in set(names) - before:
        sys.modules.pop(name, None)


class Measured:
    """Times that are known: every ratio is the same, or is missing for a reason."""

    def __init__(self, ratio, threads=1):
        self.ratio, self.threads = ratio, threads

    def interval(self, part):
        if isinstance(self.ratio, str):
            return self.ratio
        return Interval(self.ratio, 0.9 * self.ratio, 1.1 * self.ratio, 10)


def test_every_case_of_a_row_is_yielded_by_its_suite(engine):
    suites = (engine.workloads.SUITE, SUITE)
    there = {case.id for suite in suites for case in suite.cases("standard")}
    asked = {case for part in engine.rows.ratios(engine.rows.ROWS) for case in part.cases}
    assert asked <= there


def test_every_backend_of_a_row_is_offered_or_said_to_be_missing(engine):
    there = engine.bank.offered()
    asked = {b for part in engine.rows.ratios(engine.rows.ROWS) for b in (part.new, part.base)}
    assert asked - set(there) <= {engine.rows.COMPILED}


def test_an_aim_is_no_laxer_than_its_gate(engine):
    assert all(row.aim < row.gate for row in engine.rows.ROWS)


@pytest.mark.parametrize(
    ("ratio", "word"),
    [(0.6, "aim"), (0.61, "gate"), (0.75, "gate"), (0.76, "miss"), ("no torch", "not available")],
)
def test_a_figure_is_judged_by_gate_and_aim(engine, ratio, word):
    [row] = engine.rows.chosen(["eager-step"])  # gate 0.75, aim 0.6
    assert engine.judging.judge(row, Measured(ratio))["verdict"] == word


def test_several_threads_are_not_judged(engine):
    [row] = engine.rows.chosen(["eager-step"])
    assert engine.judging.judge(row, Measured(9.0, threads=2))["verdict"] == "not judged"


def test_a_row_is_what_its_worst_part_is(engine):
    [row] = engine.rows.chosen(["conv-few"])  # gate 1.15
    one = row.parts[1]

    class Mixed(Measured):
        def interval(self, part):
            return Interval(2.0, 1.0, 3.0, 10) if part == one else "no torch"

    assert engine.judging.judge(row, Mixed(0))["verdict"] == "miss"


def test_a_pass_is_the_gradients_program_less_the_forward_one(engine):
    """On one side 5 ms less 2, on the other 7 less 1: a ratio of 3 to 6."""
    part = next(
        p for p in engine.rows.chosen(["conv-strided"])[0].parts if p.label.endswith("input")
    )
    ms = {(part.case, part.new): 5, (part.less, part.new): 2,
          (part.case, part.base): 7, (part.less, part.base): 1}  # fmt: skip
    ranking = SimpleNamespace(
        settings={part.new: None, part.base: None},
        outcome=lambda case, backend: engine.bank.Outcome.OK,
        times=lambda case, backend, clock: {0: ms[case, backend] * 1e6, 1: ms[case, backend] * 1e6},
    )
    bank = engine.bank.Bank({"conv": ranking})
    assert bank.interval(part).ratio == pytest.approx(0.5)


def test_a_wrong_result_has_no_ratio(engine):
    part = engine.rows.chosen(["eager-step"])[0].parts[0]
    ranking = SimpleNamespace(
        settings={"numpy": None, "torch": None},
        outcome=lambda case, backend: engine.bank.Outcome.MISMATCH,
        records=lambda case, backend: [SimpleNamespace(reason="w1: error 3")],
    )
    assert engine.bank.Bank({"engine": ranking}).interval(part) == "numpy: mismatch w1: error 3"


def test_unknown_rows_are_refused_by_name(engine):
    with pytest.raises(ValueError, match=r"rows 'conw\*', expected to match some of eager-step"):
        engine.rows.chosen(["conw*"])


def test_the_floor_computes_the_five_products_of_a_step(engine):
    case = engine.workloads.step("784-128-10", 64, "sgd")
    arrays = draw_inputs(case)
    adapter = load_class(str(FOLDER / "floor_adapter.py"), "FloorAdapter")
    products = sys.modules[adapter.__module__].products
    calls = products(case.program, {n: arrays[n] for n in case.program.ask["params"]})
    batch = {n: arrays[n][0] for n in ("x", "y")}
    shapes = []
    for call in calls:
        call(batch)
        out = call.args[-1]
        shapes.append(out.shape)
    assert shapes == [(64, 128), (64, 10), (64, 128), (128, 10), (784, 128)]
    np.testing.assert_allclose(calls[0].args[-1], batch["x"] @ arrays["w1"], rtol=1e-4, atol=1e-4)


def test_accuracy_is_that_of_the_worst_pass(engine):
    error = engine.alone.accuracy("digit")
    assert 0 < error < prod(LAYERS["digit"].weight[1:]) * np.finfo("f4").eps


def test_the_page_holds_every_row_and_part(engine):
    rows = [engine.judging.judge(row, Measured(0.5)) for row in engine.rows.chosen(["plan-*"])]
    about = {"cpu": "a", "cores": 2, "threads": 2, "os": "b", "python": "3"}
    found = json.loads(json.dumps({
        "at": "2026-01-01T00:00:00", "machine": about, "load": [0.1, 0.2], "rounds": 3,
        "elapsed_s": 1.0, "versions": {"torch": "PyTorch 2"}, "noise": {"engine": 0.01},
        "rows": rows,
    }))  # fmt: skip
    page = engine.tables.page(found)
    for row in rows:
        assert row["what"] in page
        assert all(part["label"] in page for part in row["parts"])
    assert "| 0.5 | 0.450 – 0.550 | aim |" in page


def test_the_page_in_the_documentation_is_that_of_the_kept_figures(engine):
    kept = ROOT / "docs" / "measured" / "engine.json"
    if not kept.exists():
        pytest.skip("docs/measured/engine.json is not kept: measured on a quiet machine only")
    found = json.loads(kept.read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "engine.md").read_text(encoding="utf-8") == engine.tables.page(found)
