"""The CuPy backend with NumPy in CuPy's place: what is called with what, not a device.

Everything above CuPy runs as it would: the adapter in a worker, the tape, our kernels' own texts
(through the emulator); arrays of the host are refused where CuPy refuses them.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance_cases import FAMILIES, HALF_OPS, cases_of, failures
from training_loops import (
    BATCHES,
    OPTIMIZERS,
    SCHEDULES,
    STEPS,
    compare_training,
    training_inputs,
    training_program,
)

from bakeoff.ops import OPS
from bakeoff.oracle import Oracle
from bakeoff.program import Value, trace, training
from bakeoff.worker import Worker
from bakeoff_cupy.namespace import namespace
from gpu import lt, posed, posing


@pytest.mark.parametrize("op", OPS)
def test_every_op_and_gradient_is_right(op: str, posed: Worker, oracle: Oracle) -> None:
    found = failures(posed, oracle, cases_of("float32", op=op))
    assert not found, "\n".join(f.text for f in found)


@pytest.mark.parametrize("family", FAMILIES)
def test_float64_is_computed_in_float64(family: str, posed: Worker, oracle: Oracle) -> None:
    found = failures(posed, oracle, cases_of("float64", family=family, first=True))
    assert not found, "\n".join(f.text for f in found)


def test_half_precision_stays_in_its_bounds(posed: Worker, oracle: Oracle) -> None:
    found = failures(posed, oracle, cases_of("float16", ops=HALF_OPS, first=True))
    assert not found, "\n".join(f.text for f in found)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_op_takes_bfloat16_and_gives_it_back(
    family: str, posed: Worker, oracle: Oracle
) -> None:
    """NumPy, with ml_dtypes, promotes it beside Python floats just as CuPy does."""
    found = failures(posed, oracle, cases_of("bfloat16", family=family))
    assert not found, "\n".join(f.text for f in found)


def test_what_ml_dtypes_brings_is_offered_only_with_it(
    monkeypatch: pytest.MonkeyPatch, compiled_kernels: Path
) -> None:
    monkeypatch.setenv("POSED_KERNELS", str(compiled_kernels))
    adapter = posed.Posed()
    held = adapter.tensor(np.asarray([1, 1.00390625, 1.01171875], "f4"), "bfloat16")
    assert (held.dtype, adapter.to_numpy(held).dtype) == ("bfloat16", "float32")
    assert adapter.to_numpy(held).tolist() == [1.0, 1.0, 1.015625], "rounded to even"
    assert "bfloat16" in adapter.dtypes
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)  # as if it were not installed
    assert "bfloat16" not in posed.Posed().dtypes


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("dtype", "within"), [("float32", 5e-5), ("float64", 1e-11)])
def test_training_follows_its_equations(
    optimizer: str, dtype: str, within: float, posed: Worker
) -> None:
    """float32 by one kernel over the arena, float64 by the reference's passes."""
    compare_training(posed, optimizer, "exponential", dtype, within)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_reach_the_optimizer(schedule: str, posed: Worker) -> None:
    compare_training(posed, "adam", schedule, "float64", 1e-11)


def test_a_record_tells_who_convolved(posed: Worker) -> None:
    for dtype, expected in {"float32": (1, 0), "float64": (0, 1)}.items():
        values = [Value("x", (2, 3, 5, 5), dtype), Value("weight", (4, 3, 3, 3), dtype)]
        program = trace(lambda ops, x, w: ops.conv2d(x, w), values)
        posed.prepare(program, {v.name: np.ones(v.shape, dtype) for v in values})
        posed.call()
        told = posed.usage()
        posed.release()
        assert (told["cudnn_passes"], told["im2col_passes"]) == expected
    assert "im2col_passes" not in posed.usage(), "no program, no convolutions"
    assert posed.hello["describe"]["convolution"].startswith("cuDNN 0 by its frontend 0")


def test_it_says_what_it_is(posed: Worker) -> None:
    told = posed.hello
    assert set(OPS) <= set(told["ops"])
    assert told["describe"]["modes"] == {
        "tf32": False, "fast_math": False, "accumulate": "float32"}  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("dtype", "within"), [("float32", 5e-5), ("float64", 1e-11)])
def test_a_captured_step_follows_its_equations(
    optimizer: str, dtype: str, within: float, posed_graph: Worker
) -> None:
    """A replay finds new data and its own step's numbers; float64 is not captured."""
    compare_training(posed_graph, optimizer, "exponential", dtype, within)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_reach_a_captured_step(schedule: str, posed_graph: Worker) -> None:
    compare_training(posed_graph, "adam", schedule, "float32", 5e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_replaying_gives_the_bits_of_the_tape(
    optimizer: str, posed: Worker, posed_graph: Worker
) -> None:
    program, inputs = training_program(optimizer, "cosine", "float32"), training_inputs("float32")
    runs = []
    for worker in (posed, posed_graph):
        worker.prepare(program, inputs, BATCHES)
        # twice on the graph's worker: it is captured once, and loaded anew
        trained = [worker.train(STEPS, keep=(1, STEPS)) for _ in range(2)]
        np.testing.assert_array_equal(trained[0]["losses"], trained[1]["losses"])
        runs.append(trained[1])
        worker.release()
    np.testing.assert_array_equal(runs[0]["losses"], runs[1]["losses"])
    for step in (1, STEPS):
        for a, b in zip(runs[0]["params"][step], runs[1]["params"][step], strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_step_of_many_parameters_is_captured(posed_graph: Worker) -> None:
    """Nothing is sent from the host: not even pointers to their gradients."""
    names = [f"w{i}" for i in range(9)]

    def loss(ops: Any, x: Any, *weights: Any) -> Any:
        for w in weights:
            x = ops.multiply(x, w)
        return ops.mean(x)

    values = [Value("x", (2, 3), "float32"), *(Value(n, (3,), "float32") for n in names)]
    program = trace(loss, values, training(names, "sgd", {"lr": 0.5}))
    inputs = {n: np.full(3, 1, "f4") for n in names}
    posed_graph.prepare(program, {"x": np.ones((1, 2, 3), "f4"), **inputs}, 1)
    trained = posed_graph.train(1, keep=(1,))
    for after in trained["params"][1]:  # of a mean over 6, each column twice
        np.testing.assert_allclose(after, 1 - 0.5 / 3, rtol=1e-6)


def test_other_programs_run_on_the_tape(posed_graph: Worker, oracle: Oracle) -> None:
    found = failures(posed_graph, oracle, cases_of("float32", family="matmul"))
    assert not found, "\n".join(f.text for f in found)


def test_products_of_float16_are_the_librarys_own(
    monkeypatch: pytest.MonkeyPatch, compiled_kernels: Path
) -> None:
    """Not those of float32 copies: neither forward nor in the gradients."""
    monkeypatch.setenv("POSED_KERNELS", str(compiled_kernels))
    multiplied: list[str] = []

    class Watched(lt.Library):
        def _multiply(self, asked: Any, first: Any, second: Any, result: Any, bias: Any) -> None:
            multiplied.extend(x.dtype.name for x in (first, second, result))
            super()._multiply(asked, first, second, result, bias)

    monkeypatch.setattr(lt, "Library", Watched)
    adapter = posed.Posed()
    a, b = (adapter.tensor(np.ones((3, 3)), "float16") for _ in "ab")
    gradient = adapter.value_and_grad(lambda a, b: (adapter.ops["matmul"](a, b),), (0, 1))
    gradient((a, b), (a,))
    assert multiplied == ["float16"] * 9


@pytest.mark.parametrize("order", ["C", "F"])
def test_labelled_elements_are_reduced_where_they_lie(order: str, tmp_path: Path) -> None:
    """A matrix that lies by columns has no rows to be reshaped to without a copy."""
    cp = posing.cupy(tmp_path)
    x = cp.asarray(np.zeros((2, 3), order=order))
    namespace(cp).pick_subtract(x, cp.asarray([2, 0]), cp.asarray([1.0, 5.0]))
    assert cp.asnumpy(x).tolist() == [[0, 0, -1], [-5, 0, 0]]
