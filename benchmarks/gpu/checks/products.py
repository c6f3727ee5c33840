"""cuBLASLt under capture: a replay on new factors gives the bits of a plain call, and is right."""

from collections.abc import Iterator
from typing import Any

import ml_dtypes  # noqa: F401  # it registers bfloat16
import numpy as np
from bench import Bench
from judged import Row, row

SHAPES = (
    (64, 784, 128),
    (784, 64, 128),
    (256, 256, 256),
)  # m, k, n: those of the step, and one more
DTYPES = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
EPILOGUES = {"product": {}, "bias": {"bias": True}, "bias and ReLU": {"bias": True, "relu": True}}


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row per dtype and epilogue."""
    products = bench.products()
    for dtype in DTYPES:
        for name, options in EPILOGUES.items():
            found = [_captured(bench, products, shape, dtype, **options) for shape in SHAPES]
            fraction = max(f for f, _ in found)
            same = all(s for _, s in found)
            status = "ok" if same and fraction <= 1 else "fail"
            bits = "the bits of a plain call" if same else "other bits than a plain call"
            yield row(f"{dtype}, {name}", status, f"{bits}; {fraction:.3g} of the bound",
                      fraction=fraction, same_bits=same)  # fmt: skip


def _captured(
    bench: Bench, products: Any, shape: tuple[int, int, int], dtype: str,
    bias: bool = False, relu: bool = False,
) -> tuple[float, bool]:  # fmt: skip
    """Return the error of a replay over its bound, and whether a plain call gives its bits."""
    cp, (m, k, n) = bench.cp, shape
    rng = np.random.default_rng(k)

    def drawn(*size: int) -> Any:
        return rng.standard_normal(size).astype(dtype)

    captured_on = [cp.asarray(x) for x in (drawn(1, m, k), drawn(1, k, n), drawn(n))]
    a, b, c = captured_on

    result: list[Any] = []  # of the last call: what is captured is filled by each replay

    def work() -> None:
        result[:] = [products.matmul(a, b, c if bias else None, relu)]

    captured = bench.module("graph").Captured(cp, work)
    replayed_on = [drawn(1, m, k), drawn(1, k, n), drawn(n)]
    for held, new in zip(captured_on, replayed_on, strict=True):
        cp.copyto(held, cp.asarray(new))
    captured.launch()
    bench.synchronize()
    found = cp.asnumpy(result[0])
    work()
    plain = cp.asnumpy(result[0])
    fraction = _fraction(found, replayed_on, bias, relu, DTYPES[dtype])
    return fraction, bool(found.tobytes() == plain.tobytes())


def _fraction(found: Any, factors: list[Any], bias: bool, relu: bool, unit: float) -> float:
    """Return the error over Higham's bound γ_K Σ|a||b|, plus one rounding of the result."""
    a, b, c = (x.astype("f8") for x in factors)
    k, exact, size = a.shape[-1] + 1, a @ b, np.abs(a) @ np.abs(b)
    if bias:
        exact, size = exact + c, size + np.abs(c)
    exact = np.maximum(exact, 0) if relu else exact
    gamma = k * 2.0**-24 / (1 - k * 2.0**-24)
    error = np.abs(found.astype("f8") - exact) / (gamma * size + unit * np.abs(exact) + 2.0**-25)
    return float(np.where(np.isnan(error), np.inf, error).max())
