"""Every backend gives every op and gradient within its error bound, in its own process."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conformance_cases import FAMILIES, HALF_OPS, cases_of, failures

from bakeoff.bits import digest
from bakeoff.ops import OPS
from bakeoff.oracle import Oracle
from bakeoff.program import Value, gradient, trace
from bakeoff.worker import Worker

pytestmark = pytest.mark.toolkit

WorkerOf = Callable[[str], Worker]

BACKENDS = ("numpy", "numpy-plan", "numpy-compiled", "torch", "torch-compile", "jax")
EVERY_OP = (
    "numpy",
    "numpy-plan",
    "numpy-compiled",
    "torch",
    "jax",
)  # torch-compile: a family at a time
HALF = [(b, d) for b in ("torch", "jax") for d in ("float16", "bfloat16")]
# What toolkits do that misses our bounds: found by these tests, true of the toolkit.
_BROADCAST = "the gradient of a broadcast is traced as a reduction in 16 bits"
KNOWN = {
    ("torch-compile", "expm1", "float32"): "Inductor computes exp(x) - 1, which cancels near 0",
    ("torch", "conv2d", "float16"): "falls back to _slow_conv2d, whose sums are in float16",
    ("jax", "bias_add", "float16"): _BROADCAST,
    ("jax", "bias_add", "bfloat16"): _BROADCAST,
}


def _check(backend: str, worker: Worker, oracle: Oracle, dtype: str, **which: Any) -> None:
    found = failures(worker, oracle, cases_of(dtype, **which))
    unknown = [f.text for f in found if (backend, f.op, dtype) not in KNOWN]
    assert not unknown, "\n".join(unknown)
    if found:
        reasons = {f"{f.op}: {KNOWN[backend, f.op, dtype]}" for f in found}
        pytest.xfail("; ".join(sorted(reasons)))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("backend", EVERY_OP)
def test_op_and_gradient_are_within_bounds(
    backend: str, op: str, worker_of: WorkerOf, oracle: Oracle
) -> None:
    """float32, against the oracle's values and derived bounds."""
    _check(backend, worker_of(backend), oracle, "float32", op=op)


@pytest.mark.parametrize("family", FAMILIES)
def test_compiled_torch_is_within_bounds(family: str, worker_of: WorkerOf, oracle: Oracle) -> None:
    """As above, the ops of a family in one compilation (of the neural ones, a sample each)."""
    worker, first = worker_of("torch-compile"), family == "neural"
    _check("torch-compile", worker, oracle, "float32", family=family, first=first)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", EVERY_OP)
def test_float64_is_computed_in_float64(
    backend: str, family: str, worker_of: WorkerOf, oracle: Oracle
) -> None:
    """A toolkit that quietly computes in float32 is a hundred million bounds off."""
    _check(backend, worker_of(backend), oracle, "float64", family=family, first=True)


@pytest.mark.parametrize(("backend", "dtype"), HALF)
def test_half_precision(backend: str, dtype: str, worker_of: WorkerOf, oracle: Oracle) -> None:
    """float16 and bfloat16 results stay in their dtype and within its bounds."""
    _check(backend, worker_of(backend), oracle, dtype, ops=HALF_OPS, first=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_catalogue_is_complete(backend: str, worker_of: WorkerOf) -> None:
    """What is missing is named with a reason; our own offer everything."""
    hello = worker_of(backend).hello
    missing = set(OPS) - set(hello["ops"]) - set(hello["unsupported"])
    assert not missing
    assert {"forward", "gradient", "training"} <= set(hello["asks"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_describe_tells_what_a_record_needs(backend: str, worker_of: WorkerOf) -> None:
    """Version, device, threads as read back, precision, layout, optimizers' origin."""
    described = worker_of(backend).hello["describe"]
    for key in ("toolkit", "version", "device", "precision", "layout", "notes"):
        assert key in described, key
    assert described["threads"] == 1
    assert described["modes"].pop("accumulate", "float32") == "float32"
    assert described["modes"] == {"tf32": False, "fast_math": False}
    assert set(described["optimizer_origin"]) == set(worker_of(backend).hello["optimizers"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_lie_on_the_cpu_and_have_the_same_bits_again(
    backend: str, worker_of: WorkerOf
) -> None:
    """Of a product and a sum that is long enough to be split."""
    values = [Value(n, (256, 256), "float32") for n in "ab"]
    program = trace(lambda ops, a, b: (a @ b, ops.sum(a)), values)
    rng = np.random.default_rng(0)
    inputs = {n: rng.standard_normal((256, 256)).astype("f4") for n in "ab"}
    worker = worker_of(backend)
    worker.prepare(program, inputs)
    (first, costs), (second, _) = worker.call(), worker.call()
    assert costs["devices"] == ("cpu", "cpu")
    assert digest(first) == digest(second)


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_alias_no_input(backend: str, worker_of: WorkerOf) -> None:
    """Views, casts to the same dtype and the input itself come back as values of their own."""
    x = Value("x", (2, 3), "float32")
    program = trace(
        lambda ops, x: (ops.reshape(x, (3, 2)), ops.astype(x, "float32"), x, x[0], ops.sum(x)),
        [x],
    )
    worker, array = worker_of(backend), np.arange(6, dtype=np.float32).reshape(2, 3)
    worker.prepare(program, {"x": array})
    first, _ = worker.call()
    second, _ = worker.call()
    expected = [array.reshape(3, 2), array, array, array[0], array.sum()]
    for got in (first, second):
        for g, e in zip(got, expected, strict=True):
            np.testing.assert_array_equal(g, e)
    np.testing.assert_array_equal(worker.inputs()["x"][0], array)


TIES = {
    "maximum": lambda ops, x: ops.maximum(x, ops.ones_like(x)),
    "minimum": lambda ops, x: ops.minimum(x, ops.ones_like(x)),
    "max": lambda ops, x: ops.max(x, axis=(1, 2, 3)),
    "min": lambda ops, x: ops.min(x, axis=(1, 2, 3)),
    "max_pool2d": lambda ops, x: ops.max_pool2d(x, kernel_size=2),
}
TIED = {"maximum": np.full((2, 2), 0.5), "max_pool2d": np.array([[1.0, 0.0], [0.0, 0.0]])}
TIED |= {"minimum": TIED["maximum"], "max": np.full((2, 2), 0.25), "min": np.full((2, 2), 0.25)}


@pytest.mark.parametrize("op", TIES)
@pytest.mark.parametrize("backend", ["numpy", "numpy-plan", "numpy-compiled", "torch", "jax"])
def test_gradient_at_ties(backend: str, op: str, worker_of: WorkerOf) -> None:
    """Shared equally among what is tied; a pool gives it to the first in its window."""
    x = Value("x", (1, 1, 2, 2), "float32")
    shape = trace(TIES[op], [x]).nodes[-1].shape
    program = trace(TIES[op], [x, Value("g", shape, "float32")], gradient(["x"], ["g"]))
    worker = worker_of(backend)
    worker.prepare(program, {"x": np.ones(x.shape, "f4"), "g": np.ones(shape, "f4")})
    (_, grad), _ = worker.call()
    np.testing.assert_array_equal(grad[0, 0], TIED[op])
