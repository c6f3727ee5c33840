"""Reduced precision shows in the error of sums; honest ways of summing never look like it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from correctness.honest import (
    ORDERS,
    Array,
    by_fft,
    by_windows,
    naive,
    pairwise,
    product,
    product_case,
    tf32,
    truth_of,
    winograd,
    with_fma,
)

from bakeoff.bounds.balls import random_walk
from bakeoff.case import Case, draw
from bakeoff.compare import compare_call
from bakeoff.inputs import RANDOM, draw_inputs, rounded
from bakeoff.program import Value, trace
from bakeoff.record import Check


def _judged(case: Case, compute: Callable[..., Array]) -> Check:
    inputs = draw_inputs(case)
    [check] = compare_call(case, [compute(*inputs.values())], truth_of(case, inputs))
    return check


def _wide(a: Array, b: Array) -> Array:
    return np.asarray((a.astype("f8") @ b.astype("f8")).astype("f4"))


HONEST: dict[str, Callable[[Array, Array], Array]] = {
    **{order.__name__: lambda a, b, o=order: product(a, b, o) for order in ORDERS},  # type: ignore[misc]
    "fma": with_fma,
    "in float64": _wide,
}
REDUCED: dict[str, Callable[[Array, Array], Array]] = {
    "tf32": lambda a, b: _wide(tf32(a), tf32(b)),
    "bfloat16": lambda a, b: _wide(rounded(a, "bfloat16"), rounded(b, "bfloat16")),
    "one operand in tf32": lambda a, b: _wide(tf32(a), b),
}


@pytest.mark.parametrize("kind", sorted(RANDOM - {"glorot", "he"}))
@pytest.mark.parametrize("k", [4, 64, 256, 1024, 4096])
@pytest.mark.parametrize("way", HONEST)
def test_honest_products_are_never_suspected(way: str, k: int, kind: str) -> None:
    case = product_case(8, k, 8)
    for seed in range(3):
        drawn = replace(case, inputs={n: draw(kind) for n in "ab"}, seed=seed)
        check = _judged(drawn, HONEST[way])
        assert check.usual is not None
        assert check.usual < 0.7


@pytest.mark.parametrize("k", [4, 64, 256, 1024, 4096])
@pytest.mark.parametrize("way", REDUCED)
def test_reduced_products_are_known_at_any_length(way: str, k: int) -> None:
    check = _judged(product_case(8, k, 8), REDUCED[way])
    assert check.usual is not None
    assert check.usual > 5
    if check.passed:
        assert "times what float32 keeps to over" in check.reason


def _convolution(channels: int, size: int) -> Case:
    values = [
        Value("x", (1, channels, size, size), "float32"),
        Value("w", (4, channels, 3, 3), "float32"),
    ]
    program = trace(lambda ops, x, w: ops.conv2d(x, w), values)
    return Case("test", "conv", program, {n: draw("normal") for n in "xw"}, "float32")


CONVOLUTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "windows": by_windows,
    "pairwise": lambda x, w: by_windows(x, w, pairwise),
    "winograd-2": lambda x, w: winograd(x, w, 2),
    "winograd-4": lambda x, w: winograd(x, w, 4),
    "fft": by_fft,
}


@pytest.mark.parametrize(("channels", "size"), [(1, 10), (3, 34), (8, 18), (64, 18)])
@pytest.mark.parametrize("way", CONVOLUTIONS)
def test_honest_convolutions_are_never_suspected(way: str, channels: int, size: int) -> None:
    """Winograd's and Fourier's have larger errors, and with few channels exceed γ_K."""
    check = _judged(_convolution(channels, size), lambda x, w: CONVOLUTIONS[way](x[0], w)[None])
    assert check.usual is not None
    assert check.usual < 1


@pytest.mark.parametrize(("channels", "size"), [(1, 10), (3, 34), (64, 18)])
def test_convolutions_of_tf32_are_known(channels: int, size: int) -> None:
    case = _convolution(channels, size)
    check = _judged(case, lambda x, w: by_windows(tf32(x[0]), tf32(w))[None])
    assert check.usual is not None
    assert check.usual > 3


def test_equal_terms_are_not_judged_by_chance() -> None:
    """Their roundings all go one way: a plain loop is 25 times off, and honest."""
    x = Value("x", (30_000,), "float32")
    program = trace(lambda ops, x: ops.sum(x), [x])
    case = Case("test", "sum", program, {"x": draw("constant", value=0.1)}, "float32")
    inputs, truth = draw_inputs(case), truth_of(case, draw_inputs(case))
    got: Any = naive(inputs["x"])
    [check] = compare_call(case, [np.asarray(got)], truth)
    assert check.passed
    assert check.usual is None
    assert not check.reason
    as_if_random = replace(case, inputs={"x": draw("normal")})
    assert (compare_call(as_if_random, [np.asarray(got)], truth)[0].usual or 0) > 1


def test_a_walk_is_never_wider_than_the_terms() -> None:
    mid, sizes, squares = np.array([0.0, 8.0]), np.array([8.0, 8.0]), np.array([8.0, 8.0])
    walk = random_walk(16, 2.0**-24, mid, sizes, squares)
    np.testing.assert_allclose(walk, 4 * 4 * 2.0**-24 * sizes)
    assert random_walk(16, 2.0**-24, mid, 100 * sizes, squares)[0] < walk[0] * 2
