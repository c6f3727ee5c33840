"""Plans: training equals the tape's, nothing changes under the caller, the text can be read."""

import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest

from bakeoff.program import forward, gradient, trace, training
from bakeoff_numpy.adapter import NumpyAdapter, PlanAdapter
from bakeoff_reference.optimizers import DEFINITIONS
from bakeoff_reference.plan import compile_program
from bakeoff_worker.program import Value

NAMES = ("w1", "b1", "w2", "b2")


def two_layer(ops: Any, x: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    hidden = ops.relu(ops.bias_add(ops.matmul(x, w1), b1))
    logits = ops.bias_add(ops.matmul(hidden, w2), b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


def _values(dtype: str, batch: int = 8, sizes: tuple[int, int, int] = (12, 7, 5)) -> list[Value]:
    i, h, o = sizes
    return [
        Value("x", (batch, i), dtype), Value("y", (batch,), "int64"), Value("w1", (i, h), dtype),
        Value("b1", (h,), dtype), Value("w2", (h, o), dtype), Value("b2", (o,), dtype),
    ]  # fmt: skip


def _arrays(values: list[Value]) -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 5, v.shape) if v.dtype == "int64"
        else (0.5 * rng.standard_normal(v.shape)).astype(v.dtype)
        for v in values
    ]  # fmt: skip


def _training(dtype: str, optimizer: str, schedule: Any = None, **hyper: float) -> Any:
    ask = training(NAMES, optimizer, {"lr": 0.05, **hyper}, schedule or {"name": "constant"})
    return trace(two_layer, _values(dtype), ask, "two_layer")


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("optimizer", DEFINITIONS)
def test_training_equals_the_tapes(optimizer: str, dtype: str) -> None:
    """Losses and parameters after ten steps, with a schedule, are the same to the last bit."""
    schedule = {"name": "cosine", "steps": 8}
    program = _training(dtype, optimizer, schedule)
    x, y, *params = _arrays(_values(dtype))
    results = []
    for adapter in (NumpyAdapter(), PlanAdapter()):
        step = adapter.compile(program)
        step.load([adapter.tensor(p, dtype) for p in params])
        data = [adapter.tensor(x, dtype), adapter.tensor(y, "int64")]
        losses = [adapter.to_numpy(step(*data)[0]).item() for _ in range(10)]
        results.append((losses, [adapter.to_numpy(p) for p in step.params()]))
    (tape_losses, tape), (plan_losses, plan) = results
    assert tape_losses == plan_losses
    assert plan_losses[-1] < plan_losses[0]
    for a, b in zip(tape, plan, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype == dtype


def test_loading_starts_anew() -> None:
    """``load`` forgets moments and steps, copies what it is given, and checks it."""
    step = compile_program(_training("float64", "adam"))
    x, y, *params = _arrays(_values("float64"))
    step.load(params)
    first = [step(x, y)[0].item() for _ in range(5)]
    trained = step.params()
    step.load(params)
    assert [step(x, y)[0].item() for _ in range(5)] == first
    for a, b, start in zip(trained, step.params(), params, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, start)
    with pytest.raises(ValueError, match=r"load: w1 is float64 \(7,\), expected float64 \(12, 7\)"):
        step.load([params[1], *params[1:]])


def test_the_loss_is_that_before_the_update() -> None:
    program = _training("float64", "sgd")
    x, y, *params = _arrays(_values("float64"))
    step = compile_program(program)
    step.load(params)
    whole = compile_program(trace(two_layer, _values("float64"), forward(), "two_layer"))
    assert step(x, y)[0] == whole(x, y, *params)[0]
    assert step(x, y)[0] == whole(x, y, *step_params_before(program, params, x, y))[0]


def step_params_before(program: Any, params: Any, x: Any, y: Any) -> Any:
    """The parameters after one step, from a plan of their own."""
    step = compile_program(program)
    step.load(params)
    step(x, y)
    return step.params()


def test_results_never_change_under_the_caller() -> None:
    """Outputs alias neither inputs, nor buffers, nor each other."""
    values = [Value("x", (3, 4), "float64"), Value("g", (4, 3), "float64"),
              Value("h", (3, 4), "float64")]  # fmt: skip

    def views(ops: Any, x: Any) -> Any:
        y = ops.permute_dims(x, (1, 0))
        return y, ops.reshape(ops.exp(x), (3, 4))

    program = trace(views, values, gradient(["x"], ["g", "h"]), "views")
    plan = compile_program(program)
    rng = np.random.default_rng(0)
    first = [rng.standard_normal(v.shape) for v in values]
    given = [a.copy() for a in first]
    results = plan(*first)
    kept = [r.copy() for r in results]
    again = plan(*[rng.standard_normal(v.shape) for v in values])
    for r, k, a in zip(results, kept, again, strict=True):
        np.testing.assert_array_equal(r, k)
        assert not np.array_equal(r, a)
        for other in (*first, *again):
            assert not np.shares_memory(r, other)
        r[...] = 7.0
    for a, b in zip(first, given, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(plan(*first)[0], kept[0])


def test_large_results_are_computed_where_the_caller_keeps_them() -> None:
    """They are the caller's alone, even where one is returned twice, or as a view."""

    def many(ops: Any, x: Any) -> Any:
        y = ops.exp(x)
        return y, y, ops.reshape(y, (50, 200)), ops.negative(y)

    plan = compile_program(trace(many, [Value("x", (100, 100), "float64")], forward(), "large"))
    assert "= empty((100, 100), 'float64')" in plan.source
    x = np.random.default_rng(0).standard_normal((100, 100))
    results, again = plan(x), plan(x)
    arrays = [x, *results, *again]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[:i])
    y = np.exp(x)
    for r, expected in zip(results, (y, y, y.reshape(50, 200), -y), strict=True):
        np.testing.assert_array_equal(r, expected)


def test_parameters_never_change_under_the_caller() -> None:
    step = compile_program(_training("float32", "momentum"))
    x, y, *params = _arrays(_values("float32"))
    step.load(params)
    (loss,) = step(x, y)
    before, kept = step.params(), [p.copy() for p in step.params()]
    value = loss.item()
    step(x, y)
    assert loss.item() == value
    for p, k in zip(before, kept, strict=True):
        np.testing.assert_array_equal(p, k)


def test_inputs_of_other_shapes_and_dtypes_are_refused() -> None:
    step = compile_program(_training("float32", "sgd"))
    x, y, *_ = _arrays(_values("float32"))
    with pytest.raises(ValueError, match=r"plan: x is float32 \(7, 12\), expected float32 \(8, 12"):
        step(x[:7], y)
    with pytest.raises(ValueError, match="plan: x is float64"):
        step(x.astype("float64"), y)


def test_any_memory_layout_is_taken() -> None:
    """Fortran order, strides and offsets give what a contiguous copy gives."""
    program = trace(
        lambda ops, x, w: ops.conv1d(x, w, padding=0, stride=2),
        [Value("x", (2, 3, 9), "float64"), Value("w", (4, 3, 3), "float64")], forward(), "conv",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 9)), rng.standard_normal((4, 3, 3))
    plan = compile_program(program)
    (expected,) = plan(x, w)
    wide = np.zeros((4, 3, 18))
    wide[::2, :, ::2] = x
    for odd in (np.asfortranarray(x), wide[::2, :, ::2]):
        np.testing.assert_array_equal(plan(odd, np.asfortranarray(w))[0], expected)


def test_names_that_python_or_the_plan_uses() -> None:
    """Inputs may be called like functions, keywords, or the optimizer's numbers."""
    values = [Value(n, (3,), "float64") for n in ("add", "lambda", "lr", "step", "mismatch")]

    def total(ops: Any, *tensors: Any) -> Any:
        result = tensors[0]
        for t in tensors[1:]:
            result = ops.add(result, t)
        return ops.sum(ops.square(result))

    arrays = [np.full(3, float(i)) for i in range(5)]
    assert compile_program(trace(total, values, forward(), "names"))(*arrays)[0] == 300.0
    step = compile_program(
        trace(total, values, training(["add", "lr"], "sgd", {"lr": 0.1}), "names")
    )
    step.load([arrays[0], arrays[2]])
    assert step(arrays[1], arrays[3], arrays[4])[0] == 300.0
    np.testing.assert_allclose(step.params()[0], 0 - 0.1 * 20)


@pytest.mark.parametrize("name", ["dot", "fill", "matmul", "places", "add_reduce", "subtract_flat"])
def test_an_input_may_have_the_name_of_what_is_called(name: str) -> None:
    values = [Value(name, (3, 4), "float32"), Value("w", (4, 4), "float32"),
              Value("y", (3,), "int64")]  # fmt: skip

    def loss(ops: Any, x: Any, w: Any, y: Any) -> Any:
        return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(ops.matmul(x, w), y))

    step = compile_program(trace(loss, values, training(["w"], "sgd", {"lr": 0.1}), "named"))
    step.load([np.eye(4, dtype="float32")])
    (found,) = step(np.zeros((3, 4), "float32"), np.array([0, 1, 2]))
    np.testing.assert_allclose(found, np.log(4), rtol=1e-6)


def test_the_source_is_straight_line_and_readable() -> None:
    """One line per NumPy call, results into buffers, every name explained above."""
    step = compile_program(_training("float32", "sgd"))
    head, body = step.source.split("def step(x, y, *, lr):\n")
    assert all(line.startswith("#") for line in head.splitlines())
    assert "    dot(x, w1, _b1)\n" in body
    assert ", _grad_w1)" in body
    assert not any(word in body for word in (" for ", " while ", "append", "Tensor"))


def test_buffers_share_memory() -> None:
    """A long chain needs no more memory than its widest place."""

    def chain(ops: Any, x: Any) -> Any:
        for _ in range(50):
            x = ops.exp(ops.negative(ops.matmul(x, x)))
        return x

    plan = compile_program(trace(chain, [Value("x", (64, 64), "float64")], forward(), "chain"))
    assert plan.workspace_bytes <= 2 * 64 * 64 * 8


def test_steady_state_allocates_little() -> None:
    """After the first step, a step allocates less than one hidden layer's activations."""
    batch, sizes = 64, (200, 300, 5)
    program = trace(two_layer, _values("float32", batch, sizes),
                    training(NAMES, "adam", {"lr": 0.01}), "two_layer")  # fmt: skip
    x, y, *params = _arrays(_values("float32", batch, sizes))
    step = compile_program(program)
    step.load(params)
    step(x, y)
    tracemalloc.start()
    step(x, y)
    start, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    step(x, y)
    peak = tracemalloc.get_traced_memory()[1] - start
    tracemalloc.stop()
    assert peak < batch * sizes[1] * 4


def test_a_call_during_a_call_is_refused() -> None:
    values = [Value("x", (600, 600), "float64")]
    plan = compile_program(trace(lambda ops, x: ops.matmul(x, x), values, forward(), "big"))
    plan._lock.acquire()
    try:
        with pytest.raises(RuntimeError, match="build one plan per thread"):
            plan(np.zeros((600, 600)))
    finally:
        plan._lock.release()
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(plan(np.eye(600))))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(result[0][0], np.eye(600))


def test_gradients_that_share_or_are_constant() -> None:
    """One cotangent for two parameters, and none for a third: all are right, and apart."""

    def loss(ops: Any, a: Any, b: Any, c: Any) -> Any:
        return ops.sum(ops.exp(ops.add(a, b)))

    values = [Value(n, (3,), "float64") for n in "abc"]
    step = compile_program(trace(loss, values, training(list("abc"), "sgd", {"lr": 0.1}), "shared"))
    step.load([np.zeros(3), np.zeros(3), np.ones(3)])
    step()
    for got, expected in zip(step.params(), (-0.1, -0.1, 1.0), strict=True):
        np.testing.assert_allclose(got, expected)
