"""Matrix products as they should be computed, and as they should not: how far they stray."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bakeoff.bounds import analyse
from bakeoff.case import Case, draw
from bakeoff.compare import compare_part
from bakeoff.inputs import draw_inputs, rounded
from bakeoff.oracle import part_of
from bakeoff.program import Value, trace

Array = np.ndarray[Any, Any]
Found = dict[str, Any]

LENGTHS = tuple(2**e for e in range(4, 15))  # of the sums of a matrix product
SIDE = 16  # of its result


def _half_sums(a: Array, b: Array) -> Array:
    """Sum in float16, term by term."""
    total = np.zeros((len(a), b.shape[1]), np.float16)
    for k in range(a.shape[1]):
        total = (total + np.outer(a[:, k], b[k]).astype(np.float16)).astype(np.float16)
    return total


def _single_sums(a: Array, b: Array) -> Array:
    """Sum in float32, term by term: the order with the largest errors."""
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for k in range(a.shape[1]):
        total = (total + np.outer(a[:, k], b[k])).astype(np.float32)
    return total


def _tf32(x: Array) -> Array:
    """Round to 10 explicit bits of mantissa, as tensor cores do with their inputs."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


# How a product is computed: the dtype that is promised, and how it is done.
WAYS: dict[str, tuple[str, Callable[[Array, Array], Array]]] = {
    "float32, NumPy": ("float32", lambda a, b: a @ b),
    "float32, term by term": ("float32", _single_sums),
    "float32, inputs rounded as TF32": ("float32", lambda a, b: _tf32(a) @ _tf32(b)),
    "float16, sums in float32": (
        "float16", lambda a, b: rounded(a.astype("f4") @ b.astype("f4"), "float16")
    ),
    "float16, sums in float16": ("float16", _half_sums),
}  # fmt: skip


def errors() -> Found:
    """Errors of products over Σ|a||b|, honest and not, beside their bounds, by length of sums.

    ``refused`` counts the elements of an honest product that ``numpy.allclose`` with
    ``rtol=1e-4, atol=0`` would refuse, ``passed`` those of the TF32 one that a tolerance of
    1e-4 Σ|a||b| would let pass.
    """
    rows, usual = [], {}
    for k in LENGTHS:
        for way, (dtype, product) in WAYS.items():
            case = _product(k, dtype)
            inputs = draw_inputs(case)
            [bounded] = analyse(case.program, inputs)
            part = part_of(bounded, bounded.ball.mid)
            got = product(inputs["a"], inputs["b"])
            size = np.abs(inputs["a"]).astype("f8") @ np.abs(inputs["b"]).astype("f8")
            error = np.max(np.abs(got.astype("f8") - part.expected) / size)
            bound = np.median(part.bound / size)
            rows.append([way, k, float(f"{error:.4g}"), float(f"{bound:.4g}"),
                         float(f"{compare_part(part, got).fraction:.4g}")])  # fmt: skip
            if part.walk is not None:
                usual[k] = float(f"{np.median(part.walk / size):.4g}")
    case = _product(1024, "float32", side=256)
    inputs = draw_inputs(case)
    a, b = inputs["a"], inputs["b"]
    exact, size = a.astype("f8") @ b.astype("f8"), np.abs(a) @ np.abs(b)
    wrong = _tf32(a) @ _tf32(b)
    return {
        "rows": "how, length K, largest error / Σ|a||b|, bound / Σ|a||b|, largest error / bound",
        "products": rows,
        "usual": list(usual.items()),
        "of": exact.size,
        "refused": int(np.sum(np.abs(a @ b - exact) > 1e-4 * np.abs(exact))),
        "passed": int(np.sum(np.abs(wrong - exact) <= 1e-4 * size)),
    }


def _product(k: int, dtype: str, side: int = SIDE) -> Case:
    values = [Value("a", (side, k), dtype), Value("b", (k, side), dtype)]
    program = trace(lambda ops, a, b: a @ b, values)
    return Case("docs", f"product-{k}", program, {n: draw("normal") for n in "ab"}, dtype)
