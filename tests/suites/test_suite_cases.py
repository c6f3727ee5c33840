"""Promises of the built-in suites: their cases trace, travel as JSON, nest and are named."""

import json
import subprocess
import sys

import pytest

import bakeoff_conv
import bakeoff_history
import bakeoff_matmul
import bakeoff_operators
import bakeoff_two_layer
from bakeoff.arrival import LEAST_SEEDS
from bakeoff.case import PRESETS, Case
from bakeoff.inputs import draw_inputs
from bakeoff.ops import OPS
from bakeoff.passes import includes
from bakeoff_worker.schedules import SCHEDULES

SUITES = (
    bakeoff_operators.SUITE,
    bakeoff_matmul.SUITE,
    bakeoff_conv.SUITE,
    bakeoff_two_layer.SUITE,
    bakeoff_history.SUITE,
)
FULL = {suite.name: list(suite.cases("full")) for suite in SUITES}
ALL = [case for cases in FULL.values() for case in cases]
per_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.name)


def counts(preset: str) -> int:
    return sum(len(list(suite.cases(preset))) for suite in SUITES)


@per_suite
def test_cases_survive_json(suite):
    for case in FULL[suite.name]:
        assert Case.from_json(json.loads(json.dumps(case.to_json()))) == case, case.id


@per_suite
def test_ids_are_unique_and_name_the_suite(suite):
    ids = [case.id for case in FULL[suite.name]]
    assert len(set(ids)) == len(ids)
    assert all(i.startswith(f"{suite.name}/") and " " not in i for i in ids)


@per_suite
def test_a_larger_preset_holds_the_same_cases_and_more(suite):
    smaller: dict[str, Case] = {}
    for preset in PRESETS:
        larger = {case.id: case for case in suite.cases(preset)}
        assert smaller.items() <= larger.items(), preset
        smaller = larger
    assert smaller


@per_suite
def test_the_museum_shows_a_few_cases_of_the_full_preset(suite):
    full = {case.id: case for case in FULL[suite.name]}
    shown = {case.id: case for case in suite.of("museum")}
    assert len(shown) <= 5
    assert bool(shown) == (suite.name != "history")  # its story is long, and of no toolkit
    assert shown.items() <= full.items()
    assert {case.dtype for case in shown.values()} <= {"float32"}  # the one that all offer


def test_small_presets_stay_small():
    assert counts("smoke") <= 8
    assert 25 <= counts("quick") <= 35


@per_suite
def test_every_case_says_what_its_time_includes(suite):
    for case in FULL[suite.name]:
        assert case.title, case.id
        if case.fit is None:
            assert case.includes == includes(case.program), case.id
        assert case.includes.endswith("."), case.id


@per_suite
def test_every_input_has_a_draw_and_no_draw_is_left_over(suite):
    for case in FULL[suite.name]:
        assert set(case.inputs) == {v.name for v in case.program.inputs}, case.id


@per_suite
def test_tags_place_a_case_in_figures(suite):
    for case in FULL[suite.name]:
        assert case.tags["dtype"] == case.dtype, case.id
        assert "shape" in case.tags, case.id
        assert "pass" in case.tags, case.id


def test_operators_hold_every_op_forward_and_every_differentiable_op_with_its_gradient():
    asked = {(c.tags["op"], c.tags["pass"]) for c in bakeoff_operators.cases("standard")}
    assert {op for op, ask in asked if ask == "forward"} == set(OPS)
    assert {op for op, ask in asked if ask == "gradient"} == {
        name for name, op in OPS.items() if op.differentiable
    }


def test_conv_gradients_are_cells_of_their_own():
    for case in FULL["conv"]:
        wrt = {"forward": [], "grad-input": ["x"], "grad-filter": ["weight"]}[case.tags["pass"]]
        assert case.program.ask.get("wrt", []) == wrt, case.id


def test_large_products_are_of_gpus_and_small_ones_of_all():
    by_size = {c.tags["n"]: set() for c in FULL["matmul"] if c.tags["shape"] == "square"}
    for case in FULL["matmul"]:
        if case.tags["shape"] == "square":
            by_size[case.tags["n"]].add((case.devices, case.dtype))
    for n, found in by_size.items():
        assert {devices for devices, _ in found} == {("cuda",) if n > 2048 else ()}
        assert {"float32", "float16", "bfloat16"} <= {dtype for _, dtype in found}
    assert max(by_size) == 8192


def test_matmul_gradients_are_those_of_both_operands():
    asked = [c.program.ask["wrt"] for c in FULL["matmul"] if c.tags["pass"] == "gradient"]
    assert asked
    assert all(wrt == ["a", "b"] for wrt in asked)


def test_training_cases_ask_for_steps_or_for_a_fit():
    for case in FULL["two_layer"]:
        assert case.program.kind == "training", case.id
        assert (case.steps > 0) != (case.fit is not None), case.id
        assert not (case.timed and case.fit), case.id


def test_the_lectures_variations_are_each_a_case():
    """Every schedule, every kind of first weights, both kinds of momentum, dropout."""
    standard = list(bakeoff_two_layer.SUITE.cases("standard"))
    asked = [c.program.ask for c in standard]
    assert {a["schedule"]["name"] for a in asked} == set(SCHEDULES)
    assert {a["optimizer"] for a in asked} >= {"sgd", "momentum", "nesterov", "adam"}
    assert {c.inputs["w1"].kind for c in standard if "w1" in c.inputs} == {
        "he", "glorot", "uniform",
    }  # fmt: skip
    assert "dropout" in {node.op for c in standard for node in c.program.nodes}


def test_seeds_differ_in_their_weights_and_their_batches():
    seeds = [c for c in FULL["two_layer"] if "seed" in c.tags]
    assert len({c.fit.order_seed for c in seeds}) == len({c.seed for c in seeds}) == len(seeds)
    assert len(seeds) >= LEAST_SEEDS
    first, second = (draw_inputs(c)["w1"] for c in seeds[:2])
    assert not (first == second).any()


def test_a_fit_predicts_from_the_parameters_and_then_x():
    fits = [c for c in FULL["two_layer"] if c.fit is not None]
    assert fits
    for case in fits:
        predict = case.fit.predict
        assert [v.name for v in predict.inputs] == [*case.program.ask["params"], "x"]
        assert predict.values()[predict.outputs[0]].shape == (1000, 10)


def test_listing_cases_imports_no_toolkit():
    script = (
        "import sys\n"
        "import bakeoff_conv, bakeoff_history, bakeoff_matmul, bakeoff_operators\n"
        "import bakeoff_two_layer\n"
        "for m in (bakeoff_conv, bakeoff_history, bakeoff_matmul, bakeoff_operators,\n"
        "          bakeoff_two_layer):\n"
        "    list(m.SUITE.cases('full'))\n"
        "toolkits = {'torch', 'jax', 'tensorflow', 'cupy', 'bakeoff_reference', 'pandas'}\n"
        "print(sorted(toolkits & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
