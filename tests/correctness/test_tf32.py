"""Products of operands rounded to TF32 have a bound of their own, and only they have it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from correctness.honest import (
    Array,
    by_windows,
    naive,
    product,
    product_case,
    product_gradient_case,
    sample_case,
    tf32,
)

from bakeoff.bounds import TF32, Bounded, analyse
from bakeoff.case import Case, draw
from bakeoff.compare import compare_call
from bakeoff.inputs import draw_inputs, rounded
from bakeoff.oracle import part_of
from bakeoff.program import Value, trace
from bakeoff.record import Check
from bakeoff.samples import SAMPLES, samples_of
from bakeoff.truth import CallTruth


def judged(case: Case, compute: Callable[..., list[Array]], mode: bool = True) -> list[Check]:
    """Judge what is computed of a case's inputs; ``mode``: by the bounds of TF32."""
    inputs = draw_inputs(case)
    bounded = analyse(case.program, inputs, mode)
    truth = CallTruth(tuple(part_of(b, b.ball.mid) for b in bounded))
    return list(compare_call(case, compute(*inputs.values()), truth))


def by_tensor_cores(a: Array, b: Array) -> list[Array]:
    """Operands rounded, products added up in float32 one after the other."""
    return [product(tf32(a), tf32(b), naive)]


LENGTHS = [1, 2, 4, 64, 256, 1024, 4096]


@pytest.mark.parametrize("k", LENGTHS)
def test_products_of_rounded_operands_are_right_in_their_mode(k: int) -> None:
    for seed in range(3):
        [check] = judged(product_case(8, k, 8, seed=seed), by_tensor_cores)
        assert check.passed, check.reason
        assert check.kind == "tf32"
        assert not check.reason
        assert (check.usual or 0) < 1


@pytest.mark.parametrize("k", LENGTHS[:-2])
def test_in_no_other_mode_they_are(k: int) -> None:
    [check] = judged(product_case(8, k, 8), by_tensor_cores, mode=False)
    assert not check.passed


@pytest.mark.parametrize(("over", "passes"), [(0.99, True), (1.01, False)])
@pytest.mark.parametrize("k", LENGTHS)
def test_an_error_just_above_the_bound_is_none_of_rounding(
    k: int, over: float, passes: bool
) -> None:
    """The bound of one element, by its equation: (2u + u²) Σ|a||b| of TF32, γ_K of the sums."""

    def planted(a: Array, b: Array) -> list[Array]:
        a8, b8 = a.astype("f8"), b.astype("f8")
        exact, sizes = a8 @ b8, np.abs(a8) @ np.abs(b8)
        u = 2.0**-24
        allowed = (2 * TF32 + TF32**2) * sizes + k * u / (1 - k * u) * sizes * (1 + TF32) ** 2
        exact[3, 5] += over * allowed[3, 5]
        return [exact.astype("f4")]

    [check] = judged(product_case(8, k, 8), planted)
    assert check.passed == passes, check.reason


@pytest.mark.parametrize("k", LENGTHS[2:])
def test_bfloat16_is_not_taken_for_tf32(k: int) -> None:
    """Short sums exceed the bound; long ones what random roundings of 11 bits keep to."""
    [check] = judged(
        product_case(8, k, 8),
        lambda a, b: [product(rounded(a, "bfloat16"), rounded(b, "bfloat16"), naive)],
    )
    assert not check.passed or "times what TF32 keeps to" in check.reason


def test_gradients_are_of_rounded_operands_too() -> None:
    def compute(a: Array, b: Array, g: Array) -> list[Array]:
        a, b, g = tf32(a), tf32(b), tf32(g)
        return [a @ b, g @ b.T, a.T @ g]

    case = product_gradient_case(16, 48, 24)
    assert [c.passed for c in judged(case, compute)] == [True] * 3
    assert not any(c.passed for c in judged(case, compute, mode=False))


@pytest.mark.parametrize("channels", [1, 3, 64])
def test_convolutions_have_the_mode_too(channels: int) -> None:
    values = [
        Value("x", (1, channels, 12, 12), "float32"),
        Value("w", (4, channels, 3, 3), "float32"),
    ]
    program = trace(lambda ops, x, w: ops.conv2d(x, w), values)
    case = Case("test", "conv", program, {n: draw("normal") for n in "xw"}, "float32")
    [check] = judged(case, lambda x, w: [by_windows(tf32(x[0]), tf32(w))[None]])
    assert check.passed, check.reason
    assert (check.usual or 0) < 1


def _same(one: Bounded, other: Bounded) -> bool:
    pairs = zip(one.ball, other.ball, strict=True)
    return one.kind == other.kind and all(
        (a is None and b is None) or np.array_equal(a, b, equal_nan=True) for a, b in pairs
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_the_mode_is_of_float32_alone(dtype: str) -> None:
    for op in ("matmul", "conv2d", "conv_transpose2d"):
        case = sample_case(samples_of(op)[0], dtype, with_gradient=True)
        inputs = draw_inputs(case)
        plain, mode = (analyse(case.program, inputs, tf32) for tf32 in (False, True))
        assert all(map(_same, plain, mode))


def test_what_is_no_product_keeps_the_bounds_of_float32() -> None:
    others = {s.op: s for s in SAMPLES if not s.op.startswith(("matmul", "conv"))}
    for sample in others.values():
        case = replace(sample_case(sample, "float32", sample.differentiable), seed=1)
        inputs = draw_inputs(case)
        plain, mode = (analyse(case.program, inputs, tf32) for tf32 in (False, True))
        assert all(map(_same, plain, mode)), sample.id
