"""Products in blocks: the same results, taken only where they are faster and have the same bits."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bakeoff.passes import gradient_program
from bakeoff.program import forward, trace
from bakeoff_numpy.adapter import NumpyAdapter, PlanAdapter
from bakeoff_reference import products
from bakeoff_reference.plan import compile_program, recorder
from bakeoff_reference.products import (
    LANES,
    MOST,
    Cut,
    best_cut,
    cuts,
    fastest,
    halved,
)  # fmt: skip
from bakeoff_worker.program import Value

ONCE, TWICE = ((0, 21),), ((0, 16), (16, 21))
EACH = tuple((i, i + 1) for i in range(21))
SHAPES = [(64, 784, 128), (784, 64, 128), (512, 1024, 10), (200, 200, 200), (8, 99999, 4),
          (16, 864, 256), (7, 1000, 250), (1, 9, 1)]  # fmt: skip


def product(ops: Any, a: Any, b: Any) -> Any:
    return ops.matmul(a, b)


def _whole_numbers(*shape: int) -> Any:
    """Values whose sums of products are exact, in whatever order."""
    return np.random.default_rng(len(shape)).integers(-9, 9, shape).astype("float32")


@pytest.mark.parametrize("depths", [ONCE, TWICE, EACH], ids=["once", "twice", "each"])
@pytest.mark.parametrize(("rows", "columns"), [(10, 9), (5, 9), (10, 3), (2, 3), (1, 1)])
def test_blocks_make_up_the_product(
    rows: int, columns: int, depths: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that cuts gives the product and both gradients, edges and long sums included."""
    values = [Value("a", (10, 21), "float32"), Value("b", (21, 9), "float32")]
    program = gradient_program(product, values, ["a", "b"])
    a, b, g = _whole_numbers(10, 21), _whole_numbers(21, 9), _whole_numbers(10, 9)

    def cut(first: Any, second: Any) -> Cut:
        (m, k), n = first.shape, second.shape[1]
        forward = second.shape == (21, 9)
        return Cut(
            rows if m == 10 else m, columns if n == 9 else n, depths if forward else ((0, k),)
        )

    monkeypatch.setattr(recorder, "best_cut", cut)
    plan = compile_program(program)
    assert "dot(" not in plan.source
    for got, expected in zip(plan(a, b, g), (a @ b, g @ b.T, a.T @ g), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES[:3])
def test_results_are_the_tapes_to_the_last_bit(m: int, k: int, n: int, dtype: str) -> None:
    """Whatever is found fastest here, the product and its gradients keep their bits."""
    values = [Value("a", (m, k), dtype), Value("b", (k, n), dtype)]
    program = gradient_program(product, values, ["a", "b"])
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n), (m, n))]
    results = []
    for adapter in (NumpyAdapter(), PlanAdapter()):
        run = adapter.compile(program)
        results.append(
            [adapter.to_numpy(r) for r in run(*(adapter.tensor(a, dtype) for a in arrays))]
        )
    for tape, plan in zip(*results, strict=True):
        np.testing.assert_array_equal(tape, plan)


def test_a_matrix_by_its_own_transpose_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """BLAS has a routine of its own for it, whose bits the tape gives."""
    monkeypatch.setattr(recorder, "best_cut", lambda a, b: Cut(8, 8, ((0, 90), (90, 100))))
    program = trace(
        lambda ops, x: ops.matmul(x, ops.permute_dims(x, axes=(1, 0))),
        [Value("x", (200, 100), "float32")], forward(), "gram",
    )  # fmt: skip
    x = np.random.default_rng(0).standard_normal((200, 100)).astype("float32")
    np.testing.assert_array_equal(compile_program(program)(x)[0], x @ x.T)


@pytest.mark.parametrize(
    ("size", "most", "lengths"),
    [(300, 448, [300]), (448, 448, [448]), (784, 448, [400, 384]), (900, 448, [448, 240, 212]),
     (2000, 448, [448, 448, 448, 336, 320]), (0, 448, [])],
)  # fmt: skip
def test_sums_are_cut_where_openblas_cuts_them(size: int, most: int, lengths: list[int]) -> None:
    parts = halved(size, most)
    assert [stop - start for start, stop in parts] == lengths
    assert [start for start, _ in parts] == [sum(lengths[:i]) for i in range(len(lengths))]


@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_blocks_are_of_few_multiplications(m: int, k: int, n: int) -> None:
    for cut in cuts(m, k, n):
        deepest = max(stop - start for start, stop in cut.depths)
        assert 0 < cut.rows * cut.columns * deepest <= MOST
        assert (m % cut.rows, n % cut.columns) == (0, 0)
        assert cut.columns == n or cut.columns % LANES == 0
        assert cut.depths[0][0] == 0
        assert cut.depths[-1][1] == k


def _clock(*durations: float) -> Any:
    """A clock by which the ways take these durations, in their order, round by round."""

    def times() -> Iterator[float]:
        now = 0.0
        while True:
            for duration in durations:
                yield now
                now += duration
                yield now

    return times().__next__


HALF, ROWS = Cut(5, 9, ONCE), Cut(1, 9, ONCE)


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ((10, 9, 8), ROWS),
        ((10, 8, 9), HALF),
        ((10, 9.9, 9.8), None),
        ((10, 11, 12), None),
        ((10, 8.05, 8), HALF),
        ((10, 9.75, 9.65), ROWS),
    ],
)
def test_the_fastest_cut_is_taken_if_it_gains_enough(
    durations: tuple[float, ...], expected: Cut | None
) -> None:
    a, b = _whole_numbers(10, 21), _whole_numbers(21, 9)
    assert fastest(a, b, (HALF, ROWS), _clock(*durations)) == expected


def test_a_cut_of_other_bits_is_refused() -> None:
    """However fast: one that adds up element by element rounds otherwise."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s).astype("float32") for s in ((10, 21), (21, 9)))
    assert fastest(a, b, (Cut(10, 9, EACH),), _clock(10, 1)) is None
    assert fastest(np.ones_like(a), np.ones_like(b), (Cut(10, 9, EACH),), _clock(10, 1)) is not None


def _strided(m: int, n: int) -> Any:
    return np.empty((m, n, 2), "float32")[..., 0]


@pytest.mark.parametrize(
    ("a", "b"),
    [(np.empty((100, 100)), np.empty((100, 100))), (np.empty((2**13, 2**12)), np.empty((2**12, 2))),
     (_strided(400, 400), _strided(400, 400))],
    ids=["small", "large", "no-neighbours"],
)  # fmt: skip
def test_products_that_cannot_gain_are_not_tried(
    a: Any, b: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "_found", None)
    assert best_cut(a, b) is None
