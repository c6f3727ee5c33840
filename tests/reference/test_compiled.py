"""Compiled plans: the same results as plain ones, fewer statements, and a text to read."""

import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.program import forward, gradient, trace, training
from bakeoff_reference.compiled import Loops
from bakeoff_reference.optimizers import DEFINITIONS
from bakeoff_reference.plan import compile_program
from bakeoff_worker.program import Value

LOOPS = Loops()
NAMES = ("w1", "b1", "w2", "b2")
SIZES = {"w1": (9, 7), "b1": (7,), "w2": (7, 5), "b2": (5,)}


def two_layer(ops: Any, x: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    hidden = ops.relu(ops.bias_add(ops.matmul(x, w1), b1))
    logits = ops.bias_add(ops.matmul(hidden, w2), b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


def _both(fn: Callable[..., Any], values: list[Value], ask: Any = None) -> tuple[Any, Any]:
    program = trace(fn, values, ask or forward(), "program")
    return compile_program(program), compile_program(program, loops=LOOPS)


def _statements(plan: Any) -> int:
    return len(re.findall(r"\n    \w+\(", plan.source[plan.source.index("def step") :]))


CHAINS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "one shape": (lambda ops, a, b: (a * b + a) / (b * b + 1.0), [(3, 4), (3, 4)]),
    "columns and rows": (lambda ops, a, b, c: ops.square(a + b) * c - b,
                         [(3, 4), (4,), (3, 1)]),
    "as many rows as columns": (lambda ops, a, b, c: (a + b) * c, [(4, 4), (4,), (4, 1)]),
    "channels": (lambda ops, a, b: ops.relu(ops.bias_add(a, b)), [(2, 3, 4, 5), (3,)]),
    "one element": (lambda ops, a, b: ops.tanh(a * b) + b, [(3, 4), (1, 1)]),
    "four dimensions": (lambda ops, a, b: ops.exp(a - b) * b, [(2, 3, 4, 5), (3, 1, 5)]),
    "transposed": (lambda ops, a, b: ops.relu(ops.permute_dims(a, (1, 0)) + b) * b,
                   [(3, 4), (4, 3)]),
    "limits": (lambda ops, a, b: ops.minimum(ops.maximum(a, b), ops.clip(b, -0.5, 0.5)),
               [(3, 4), (3, 4)]),
    "masks": (lambda ops, a, b: ops.where(ops.greater(a, b), a * 2.0, ops.abs(b) - a),
              [(3, 4), (3, 4)]),
    "softmax": (lambda ops, a: ops.softmax(a * 3.0, axis=1), [(6, 5)]),
    "softmax of one row": (lambda ops, a: ops.softmax(a * 3.0, axis=1), [(1, 5)]),
    "softmax of one class": (lambda ops, a: ops.log_softmax(a * 3.0, axis=1), [(5, 1)]),
    "softmax of a square": (lambda ops, a: ops.log_softmax(a * 3.0, axis=1), [(5, 5)]),
    "softmax down": (lambda ops, a: ops.softmax(a * 3.0, axis=0), [(6, 5)]),
    "two softmaxes": (lambda ops, a: ops.softmax(ops.softmax(a, axis=1) * 4.0, axis=1), [(6, 5)]),
    "sums": (lambda ops, a, b: ops.sum((a + b) * b, axis=1) + ops.sum(a, axis=1), [(6, 5), (5,)]),
    "means": (lambda ops, a, b: ops.mean(ops.squared_error(a, b)), [(6, 5), (6, 5)]),
    "empty": (lambda ops, a, b: ops.relu(a + b) * a, [(0, 4), (4,)]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CHAINS)
def test_values_and_gradients_are_the_plain_plans(case: str, dtype: str) -> None:
    """To some units in the last place: loops call another exp, and sum rows in order."""
    fn, shapes = CHAINS[case]
    rng = np.random.default_rng(0)
    values = [Value(n, s, dtype) for n, s in zip("abc", shapes, strict=False)]
    shape = trace(fn, values).nodes[-1].shape
    asks = [(forward(), []), (gradient([v.name for v in values], ["g"]), [shape])]
    for ask, more in asks:
        given = [*values, *(Value("g", s, dtype) for s in more)]
        plain, fused = _both(fn, given, ask)
        for _ in range(2):
            arrays = [rng.standard_normal(v.shape).astype(dtype) for v in given]
            for a, b in zip(plain(*arrays), fused(*arrays), strict=True):
                tolerance = 20 * np.finfo(dtype).eps
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
                assert a.dtype == b.dtype


DEPTHWISE: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "two filters a channel": ((2, 3, 6, 7), (6, 1, 3, 3), {}),
    "stride": ((2, 3, 9, 8), (3, 1, 3, 3), {"stride": 2, "padding": 1}),
    "stride that leaves a rest": ((1, 2, 8, 10), (4, 1, 3, 2), {"stride": (3, 4)}),
    "dilation": ((2, 3, 9, 9), (3, 1, 3, 3), {"dilation": 2, "padding": 2}),
    "uneven padding": ((2, 3, 5, 6), (3, 1, 2, 3), {"padding": ((0, 1), (2, 1))}),
    "1x1": ((2, 3, 4, 4), (3, 1, 1, 1), {}),
    "a row": ((2, 3, 1, 9), (3, 1, 1, 5), {"padding": (0, 2), "stride": (1, 2)}),
    "a large filter on a small image": ((2, 2, 3, 3), (2, 1, 7, 7), {"padding": 3}),
    "more than a vector": ((1, 2, 9, 18), (2, 1, 2, 3), {"padding": 1}),
    "vectors with a stride": ((1, 2, 6, 41), (4, 1, 2, 2), {"stride": (1, 2), "padding": 1}),
}


@pytest.mark.parametrize("case", DEPTHWISE)
def test_depthwise_convolutions_are_loops(case: str) -> None:
    """Forward and both gradients are the plain plan's; in float64, where little is rounded."""
    x_shape, w_shape, attrs = DEPTHWISE[case]
    values = [Value("x", x_shape, "float64"), Value("w", w_shape, "float64")]

    def conv(ops: Any, x: Any, w: Any) -> Any:
        return ops.conv2d(x, w, groups=x_shape[1], **attrs)

    shape = trace(conv, values).nodes[-1].shape
    plain, loops = _both(conv, [*values, Value("g", shape, "float64")], gradient(["x", "w"], ["g"]))
    for which in ("forward", "input_grad", "filter_grad"):
        assert f"def depthwise_{which}" in loops.source
    rng = np.random.default_rng(0)
    for special in (1.0, np.inf):  # which reaches the sums that it is in, and no others
        arrays = [rng.standard_normal(s) for s in (x_shape, w_shape, shape)]
        for a in (arrays[0], arrays[2]):
            a[0, 0, 0, -1] = a[-1, -1, -1, 0] = special
        with np.errstate(invalid="ignore"):
            results = zip(plain(*arrays), loops(*arrays), strict=True)
        for a, b in results:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_nan_and_infinities_come_out_as_numpys() -> None:
    """Of everything that is compared, divided or limited; fast math would lose them."""
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-45], "float32")
    a, b = (m.reshape(8, 8).copy() for m in np.meshgrid(special, special))
    values = [Value(n, (8, 8), "float32") for n in "ab"]

    def everything(ops: Any, a: Any, b: Any) -> Any:
        s, d = a + b, a - b
        return (
            ops.maximum(s, d), ops.minimum(s, d), s / d, ops.relu(s), ops.abs(s) * d,
            ops.where(ops.equal(s, d), s, d), ops.sqrt(ops.square(s)), ops.clip(d, -1.0, 1.0),
        )  # fmt: skip

    plain, fused = _both(everything, values)
    assert _statements(fused) < _statements(plain)
    with np.errstate(all="ignore"):
        for x, y in zip(plain(a, b), fused(a, b), strict=True):
            np.testing.assert_array_equal(x, y)
            np.testing.assert_array_equal(np.signbit(x[x == x]), np.signbit(y[y == y]))


def _net(optimizer: str, batch: int, dtype: str = "float32") -> Any:
    values = [Value("x", (batch, 9), dtype), Value("y", (batch,), "int64")]
    values += [Value(n, s, dtype) for n, s in SIZES.items()]
    return trace(two_layer, values, training(NAMES, optimizer, {"lr": 0.05}), "two_layer")


def _data(batch: int, dtype: str = "float32") -> tuple[Any, Any, list[Any]]:
    rng = np.random.default_rng(0)
    params = [rng.standard_normal(s).astype(dtype) / 3 for s in SIZES.values()]
    return rng.standard_normal((batch, 9)).astype(dtype), rng.integers(0, 5, batch), params


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("optimizer", DEFINITIONS)
def test_training_follows_the_plain_plan(optimizer: str, dtype: str) -> None:
    x, y, params = _data(8, dtype)
    plain = compile_program(_net(optimizer, 8, dtype))
    fused = compile_program(_net(optimizer, 8, dtype), loops=LOOPS)
    for step in (plain, fused):
        step.load(params)
    losses = [(plain(x, y)[0].item(), fused(x, y)[0].item()) for _ in range(10)]
    tolerance = 200 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(*np.transpose(losses), rtol=tolerance)
    assert losses[-1] < losses[0]
    for a, b in zip(plain.params(), fused.params(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_a_training_step_is_matrix_products_and_four_loops() -> None:
    """Bias and relu; the loss with its gradient; relu's gradient; the optimizer."""
    step = compile_program(_net("adam", 8), loops=LOOPS)
    assert _statements(step) == 5 + 4
    assert len(re.findall(r"^@compiled\ndef fused_\d+\(", step.source, re.MULTILINE)) == 4
    for word in ("exp(", "log(", "sqrt(", "raise IndexError"):
        assert word in step.source[: step.source.index("def step")]


@pytest.mark.parametrize("label", [-1, 5, 1 << 40])
def test_labels_out_of_range_are_refused(label: int) -> None:
    x, y, params = _data(8)
    y[3] = label
    for loops in (None, LOOPS):
        step = compile_program(_net("sgd", 8), loops=loops)
        step.load(params)
        with pytest.raises(IndexError):
            step(x, y)


def test_inputs_in_any_layout_are_taken() -> None:
    plain, fused = _both(
        lambda ops, a, b: ops.relu(a + b) * a, [Value(n, (6, 4), "float32") for n in "ab"]
    )
    a, b = np.random.default_rng(0).standard_normal((2, 6, 4)).astype("float32")
    wide = np.zeros((6, 8), "float32")
    wide[:, ::2] = b
    for odd in (np.asfortranarray(b), wide[:, ::2]):
        np.testing.assert_array_equal(fused(a, odd)[0], plain(a, b)[0])


def test_steady_state_allocates_no_array() -> None:
    """Some objects of Python's and the loss; no activation, gradient or scratch array."""
    step = compile_program(_net("adam", 512), loops=LOOPS)
    x, y, params = _data(512)
    step.load(params)
    for _ in range(3):
        step(x, y)
    tracemalloc.start()
    try:
        step(x, y)
        start, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        step(x, y)
        peak = tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()
    assert peak < 512 * 5 * 4  # the logits


PROCESS = """
import sys; sys.path[:0] = {path!r}
import test_compiled as t
step = t.compile_program(t._net("adam", 8), loops=t.LOOPS)
x, y, params = t._data(8)
step.load(params)
loss = step(x, y)[0].item()
stats = [step.plan._step.__globals__[f"fused_{{i}}"].stats for i in (1, 2, 3, 4)]
print(sum(sum(s.cache_hits.values()) for s in stats), loss)
"""


def test_loops_are_kept_only_where_told(tmp_path: Path) -> None:
    """A second process loads what the first compiled, from the folder that both were given."""
    code = PROCESS.format(path=[str(Path(__file__).parent), *sys.path])
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    told = [
        subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, check=True,
                       capture_output=True, text=True).stdout.split()
        for _ in range(2)
    ]  # fmt: skip
    assert [hits for hits, _ in told] == ["0", "4"]
    assert told[0][1] == told[1][1]
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]


def test_without_numba_plans_run_and_loops_say_what_to_do() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from bakeoff_reference.plan import compile_graph\n"
        "from bakeoff_reference import placeholder\n"
        "a = placeholder('a')\n"
        "assert compile_graph(a * 6.0, feed={a: 5.0})(feed={a: 5.0}) == 30.0\n"
        "from bakeoff_reference.compiled import Loops\n"
        "try:\n    Loops()\n"
        "except ModuleNotFoundError as error:\n    assert 'bakeoff[compiled]' in str(error)\n"
        "else:\n    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
