"""Every kernel's own text, run on the CPU, against float64; in both orders of the threads."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from bakeoff_cupy import kernels
from bakeoff_cupy.fused import NUMBERS
from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.optimizers import DEFINITIONS, complete
from gpu.emulated import Kernel, library
from gpu.storage import UNIT, drawn, stored, values

Array = np.ndarray[Any, Any]
Get = Callable[[str, str], Kernel]

pytestmark = [
    pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"]),
    pytest.mark.parametrize("kind", kernels.STORAGE),
]

BLOCK = 128


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Get:
    """Return kernels by file and name; each file is compiled once."""
    compiled = cache(partial(library, tmp_path_factory.mktemp("kernels")))
    return lambda file, name: compiled(file)[name]


def close(found: Array, expected: Array, kind: str, scale: Array | float, roundings: int) -> None:
    """One rounding to the storage type, and some in float32, of numbers of a given size."""
    allowed = UNIT[kind] * np.abs(expected) + roundings * UNIT["float"] * scale + 1e-38
    if kind == "__half":
        allowed = allowed + 2.0**-25  # half its smallest subnormal number
    error = np.abs(values(found, kind) - expected)
    assert not np.any(~(error <= allowed)), f"{np.nanmax(error / allowed):.3g} of the bound"


def cross_entropy(z: Array, labels: Array) -> tuple[Array, Array]:
    """Losses and gradients in float64, by the definition."""
    shifted = np.exp(z - z.max(axis=1, keepdims=True))
    p = shifted / shifted.sum(axis=1, keepdims=True)
    rows = np.arange(len(z))
    hot = np.zeros_like(p)
    hot[rows, labels] = 1
    return -np.log(p[rows, labels]), p - hot


LABEL_DTYPES = {"int": "i4", "long long": "i8"}


@pytest.mark.parametrize("label", kernels.LABELS)
@pytest.mark.parametrize(
    ("rows", "classes", "threads"),
    [(1, 1, 32), (5, 10, 32), (3, 33, 64), (2, 1000, 256), (2, 700, 1024)],
    ids=str,
)
def test_softmax_cross_entropy_gives_losses_and_their_gradient(
    kernel: Get, kind: str, backwards: bool, label: str, rows: int, classes: int, threads: int
) -> None:
    call = kernel("softmax_cross_entropy", f"softmax_cross_entropy<{kind}, {label}>")
    held, z = drawn(classes, (rows, classes), kind, size=8.0)
    labels = np.random.default_rng(1).integers(0, classes, rows)
    losses, grad = stored(np.zeros(rows), kind), stored(np.zeros_like(z), kind)
    call((rows,), (threads,), held, labels.astype(LABEL_DTYPES[label]), losses, grad, classes,
           backwards=backwards)  # fmt: skip
    expected, slope = cross_entropy(z, labels)
    close(losses, expected, kind, np.abs(z).max() + expected, 8)
    close(grad, slope, kind, 1.0, 8 + classes // 32)


def test_softmax_cross_entropy_says_nan_where_a_label_is_out_of_range(
    kernel: Get, kind: str, backwards: bool
) -> None:
    call = kernel("softmax_cross_entropy", f"softmax_cross_entropy<{kind}, int>")
    held, _ = drawn(0, (3, 10), kind)
    losses, grad = stored(np.zeros(3), kind), stored(np.zeros((3, 10)), kind)
    labels = np.array([-1, 4, 10], "i4")
    call((3,), (32,), held, labels, losses, grad, 10, backwards=backwards)
    for found in (values(losses, kind), values(grad, kind).sum(axis=1)):
        assert np.isnan(found).tolist() == [True, False, True]


def test_softmax_cross_entropy_passes_a_nan_on(kernel: Get, kind: str, backwards: bool) -> None:
    call = kernel("softmax_cross_entropy", f"softmax_cross_entropy<{kind}, int>")
    z = np.zeros((2, 40))
    z[1, 37] = np.nan
    losses, grad = stored(np.zeros(2), kind), stored(np.zeros((2, 40)), kind)
    call((2,), (64,), stored(z, kind), np.zeros(2, "i4"), losses, grad, 40, backwards=backwards)
    assert np.isnan(values(losses, kind)).tolist() == [False, True]
    assert np.isnan(values(grad, kind)).all(axis=1).tolist() == [False, True]


@pytest.mark.parametrize("size", [1, 300, 1025], ids=str)
@pytest.mark.parametrize("name", NUMBERS)
def test_optimizers_do_what_the_reference_does(
    kernel: Get, kind: str, backwards: bool, name: str, size: int
) -> None:
    definition = DEFINITIONS[name]
    slots = len(definition.slots)
    call = kernel("optimizers", f"{name}<{kind}>")
    w, exact_w = drawn(0, (size,), kind)
    state = [np.zeros(size, "f4") for _ in range(slots)]
    exact_state = [np.zeros(size) for _ in range(slots)]
    hyper = complete(name, {})
    largest_update = 0.0
    for t in range(1, 6):
        g, exact_g = drawn(t, (size,), kind)
        exact_w = values(w, kind)  # a step's own error is asked, not that of five
        scalars = definition.scalars(hyper, 0.01, t)
        numbers = np.array([scalars[n] for n in NUMBERS[name]], "f4")
        call((3,), (BLOCK,), w, g, *state, numbers, size, backwards=backwards)
        before = exact_w.copy()
        definition.step(NUMPY, exact_w, exact_g, exact_state, np.zeros(size), **scalars)
        largest_update = max(largest_update, float(np.abs(exact_w - before).max()))
        close(w, exact_w, kind, np.abs(before) + 16 * largest_update, 4 * t)


def second_layer(h: Array, weight: Array, bias: Array, labels: Array) -> tuple[Array, Array, Array]:
    z = h @ weight + bias
    losses, grad = cross_entropy(z, labels)
    return z, losses, grad / len(h)


@pytest.mark.parametrize(
    ("rows", "hidden", "classes"),
    [(1, 1, 1), (5, 40, 10), (17, 128, 10), (9, 33, 32), (300, 3, 2)],
    ids=str,
)
@pytest.mark.parametrize("label", kernels.LABELS)
def test_the_second_layer_gives_losses_and_every_gradient(
    kernel: Get, kind: str, backwards: bool, label: str, rows: int, hidden: int, classes: int
) -> None:
    h = stored(np.maximum(np.random.default_rng(0).standard_normal((rows, hidden)), 0), kind)
    exact_h = values(h, kind)
    weight, exact_weight = drawn(1, (hidden, classes), kind, size=hidden**-0.5)
    bias, exact_bias = drawn(2, (classes,), kind)
    labels = np.random.default_rng(3).integers(0, classes, rows)
    losses, dz = stored(np.zeros(rows), kind), stored(np.zeros((rows, classes)), kind)

    table, table_row, numbers = np.arange(1, 7, dtype="f4"), np.ones(1, "i4"), np.zeros(2, "f4")
    classify = kernel("two_layer", f"classify<{kind}, {label}>")
    per_block = 4
    classify((-(-rows // per_block),), (32, per_block), h, weight, bias,
             labels.astype(LABEL_DTYPES[label]), losses, dz, rows, hidden, classes,
             table, table_row, numbers, 2, backwards=backwards)  # fmt: skip
    assert numbers.tolist() == [3, 4], "the step's row of numbers"
    assert table_row.tolist() == [2], "the next step's row"
    z, expected, slope = second_layer(exact_h, exact_weight, exact_bias, labels)
    size = np.abs(exact_h) @ np.abs(exact_weight) + np.abs(exact_bias)
    close(losses, expected, kind, size.max() + np.abs(z).max() + expected, hidden + 8)
    close(dz, slope, kind, (1 + size) / rows, hidden + 8)

    grad = kernel("two_layer", f"classify_grad<{kind}>")
    dweight, dbias = stored(np.zeros((hidden, classes)), kind), stored(np.zeros(classes), kind)
    dh, exact_dz = stored(np.zeros((rows, hidden)), kind), values(dz, kind)
    loss, exact_losses = stored(np.zeros(1), kind), values(losses, kind)
    grid = hidden + 2 + -(-rows // 8)
    grad((grid,), (32, 8), h, weight, dz, losses, dweight, dbias, dh, loss, rows, hidden, classes,
         backwards=backwards)  # fmt: skip
    close(loss, exact_losses.mean(keepdims=True), kind, exact_losses.max(), rows + 1)
    close(dweight, exact_h.T @ exact_dz, kind, exact_h.T @ np.abs(exact_dz), rows + 1)
    close(dbias, exact_dz.sum(axis=0), kind, np.abs(exact_dz).sum(axis=0), rows + 1)
    back = (exact_dz @ exact_weight.T) * (exact_h > 0)
    close(dh, back, kind, np.abs(exact_dz) @ np.abs(exact_weight.T), classes + 1)


def test_each_step_takes_the_next_row_of_numbers(kernel: Get, kind: str, backwards: bool) -> None:
    if kind != "float":
        pytest.skip("numbers are float32, whatever the parameters are")
    call = kernel("optimizers", "next_numbers")
    table = np.arange(20, dtype="f4").reshape(4, 5)
    row, numbers = np.zeros(1, "i4"), np.zeros(5, "f4")
    for expected in table:
        call((1,), (32,), table, row, numbers, 5, backwards=backwards)
        assert numbers.tolist() == expected.tolist()
