"""Careful and careless implementations in NumPy, to try the bounds on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.bounds import analyse
from bakeoff.case import Case, draw
from bakeoff.compare import compare_call
from bakeoff.inputs import draw_inputs
from bakeoff.oracle import part_of
from bakeoff.program import Program, Value, forward, gradient, trace
from bakeoff.record import Check
from bakeoff.samples import SAMPLES, Sample
from bakeoff.truth import CallTruth
from bakeoff.widening import in_float64

Array = NDArray[Any]

BY_ID = {s.id: s for s in SAMPLES}


def sample_case(sample: Sample, dtype: str, with_gradient: bool, seed: int = 0) -> Case:
    program = sample.program(dtype, with_gradient)
    inputs = sample.inputs(dtype, with_gradient)
    return Case("test", f"{sample.id}-{dtype}-{with_gradient}", program, inputs, dtype, seed)


def product_case(m: int, k: int, n: int, dtype: str = "float32", seed: int = 0) -> Case:
    values = [Value("a", (m, k), dtype), Value("b", (k, n), dtype)]
    program = trace(lambda ops, a, b: a @ b, values, forward(), "matmul")
    inputs = {"a": draw("normal"), "b": draw("normal")}
    return Case("test", f"matmul-{m}-{k}-{n}", program, inputs, dtype, seed)


def product_gradient_case(m: int, k: int, n: int, dtype: str = "float32") -> Case:
    values = [Value("a", (m, k), dtype), Value("b", (k, n), dtype), Value("g", (m, n), dtype)]
    ask = gradient(["a", "b"], ["g"])
    program = trace(lambda ops, a, b: a @ b, values, ask, "matmul")
    return Case("test", "matmul-grad", program, {n: draw("normal") for n in "abg"}, dtype)


def run(adapter: Any, program: Program, inputs: dict[str, Array]) -> list[Array]:
    """Run a program in this process."""
    tensors = [adapter.tensor(inputs[v.name], v.dtype) for v in program.inputs]
    return [adapter.to_numpy(t) for t in adapter.compile(program)(*tensors)]


def widened(inputs: dict[str, Array]) -> dict[str, Array]:
    return {n: a.astype("f8") if a.dtype.kind == "f" else a for n, a in inputs.items()}


def truth_of(case: Case, inputs: dict[str, Array], exact: list[Array] | None = None) -> CallTruth:
    """Return the truth, from ``exact`` results or, without an oracle, from the balls alone."""
    found = analyse(case.program, inputs)
    values = [b.ball.mid for b in found] if exact is None else exact
    return CallTruth(tuple(part_of(b, e) for b, e in zip(found, values, strict=True)))


def checked(adapter: Any, case: Case) -> tuple[Check, ...]:
    """Compare an adapter's float32 results with its float64 ones, under the bounds."""
    inputs = draw_inputs(case)
    exact = run(adapter, in_float64(case.program), widened(inputs))
    return compare_call(case, run(adapter, case.program, inputs), truth_of(case, inputs, exact))


# --- summation orders; each takes (n, ...) float32 terms and sums over the first axis --------


def naive(terms: Array) -> Array:
    total = np.zeros(terms.shape[1:], terms.dtype)
    for term in terms:
        total = (total + term).astype(terms.dtype)
    return total


def backwards(terms: Array) -> Array:
    return naive(terms[::-1])


def pairwise(terms: Array) -> Array:
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return (pairwise(terms[:half]) + pairwise(terms[half:])).astype(terms.dtype)


def blocked(terms: Array, size: int = 8) -> Array:
    return naive(np.stack([naive(terms[i : i + size]) for i in range(0, len(terms), size)]))


def ascending(terms: Array) -> Array:
    return naive(np.take_along_axis(terms, np.argsort(np.abs(terms), axis=0), axis=0))


ORDERS: tuple[Callable[[Array], Array], ...] = (naive, backwards, pairwise, blocked, ascending)


def product(a: Array, b: Array, order: Callable[[Array], Array]) -> Array:
    """(M, K) @ (K, N) with the K products of each element added in a given order."""
    return order(a.T[:, :, None] * b[:, None, :])  # (K, M, N)


def with_fma(a: Array, b: Array) -> Array:
    """(M, K) @ (K, N), each product added exactly and rounded once."""
    total = np.zeros((a.shape[0], b.shape[1]), "f4")
    for k in range(a.shape[1]):
        total = (total + np.outer(a[:, k].astype("f8"), b[k].astype("f8"))).astype("f4")
    return total


# --- convolutions, 3 x 3 with no padding: x (C, H, W), w (O, C, 3, 3) -> (O, H-2, W-2) ---------

# Lavin and Gray, CVPR 2016, sections 4.1 and 4.3: F(m, 3) computes m outputs at once.
_WINOGRAD: dict[int, tuple[Any, Any, Any]] = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}  # fmt: skip


def winograd(x: Array, w: Array, m: int) -> Array:
    """F(m x m, 3 x 3), all of it in float32; H - 2 and W - 2 are multiples of m."""
    to_data, to_filter, back = (np.array(t, "f4") for t in _WINOGRAD[m])
    filters = to_filter @ w @ to_filter.T  # (O, C, m+2, m+2)
    out = np.empty((len(w), x.shape[1] - 2, x.shape[2] - 2), "f4")
    for i in range(0, out.shape[1], m):
        for j in range(0, out.shape[2], m):
            tile = to_data @ x[:, i : i + m + 2, j : j + m + 2] @ to_data.T  # (C, m+2, m+2)
            products = np.stack([naive(filters[o] * tile) for o in range(len(w))])
            out[:, i : i + m, j : j + m] = back @ products @ back.T
    return out


def by_fft(x: Array, w: Array) -> Array:
    """Through transforms of the whole image, in complex64."""
    shape = x.shape[1:]
    images, filters = np.fft.rfft2(x), np.fft.rfft2(w[:, :, ::-1, ::-1], shape)
    sums = np.fft.irfft2(naive((filters * images).transpose(1, 0, 2, 3)), shape)
    return np.asarray(sums[:, 2:, 2:], "f4")


def by_windows(x: Array, w: Array, order: Callable[[Array], Array] = naive) -> Array:
    """One product after the other."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))  # (C, H', W', 3, 3)
    terms = windows[None] * w[:, :, None, None]  # (O, C, H', W', 3, 3)
    return order(terms.transpose(1, 4, 5, 0, 2, 3).reshape(-1, len(w), *windows.shape[1:3]))


def tf32(x: Array) -> Array:
    """Round to 10 explicit bits of mantissa, as tensor cores do with their inputs."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)
