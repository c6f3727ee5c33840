"""Products of many matrices in blocks: views of the same results, in one call."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bakeoff.passes import gradient_program
from bakeoff_numpy.adapter import NumpyAdapter
from bakeoff_reference import batched
from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.batched import product, ruled, ruled_cut
from bakeoff_reference.plan import compile_program
from bakeoff_reference.products import Cut
from bakeoff_worker.program import Value

ONCE, TWICE = ((0, 6),), ((0, 4), (4, 6))


def _whole_numbers(*shape: int) -> Any:
    """Values whose sums of products are exact, in whatever order."""
    return np.random.default_rng(len(shape)).integers(-9, 9, shape).astype("float32")


def _turned(x: Any) -> Any:
    """The same values, the last two dimensions exchanged in memory."""
    return x.swapaxes(-1, -2).copy().swapaxes(-1, -2)


@pytest.mark.parametrize("order", [lambda x: x, _turned], ids=["rows", "columns"])
@pytest.mark.parametrize("depths", [ONCE, TWICE], ids=["once", "twice"])
@pytest.mark.parametrize(("rows", "columns"), [(4, 10), (2, 10), (4, 5), (2, 5), (1, 1)])
@pytest.mark.parametrize(
    ("first", "second"),
    [((), ()), ((3,), (3,)), ((2,), (3, 2)), ((3, 1), (1, 2)), ((0, 2), (2,))],
    ids=["one", "same", "fewer", "both-repeated", "none"],
)
def test_blocks_make_up_the_products(
    first: Any, second: Any, rows: int, columns: int, depths: Any, order: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With ``out`` and without, whichever of the batch's dimensions are repeated."""
    a, b = order(_whole_numbers(*first, 4, 6)), order(_whole_numbers(*second, 6, 10))
    monkeypatch.setattr(batched, "best_cut", lambda a, b, find: Cut(rows, columns, depths))
    expected = np.matmul(a, b)
    out = np.full_like(expected, np.nan)
    assert product(NUMPY, a, b, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(product(NUMPY, a, b), expected)


@pytest.mark.parametrize("a_order", [lambda x: x, _turned], ids=["rows", "columns"])
@pytest.mark.parametrize(
    ("m", "k", "n", "b_order"),
    [(128, 64, 784, lambda x: x), (64, 640, 256, lambda x: x), (128, 128, 128, _turned)],
    ids=["128-64-784", "64-640-256", "128-128-128-columns"],
)
def test_the_bits_are_those_of_the_whole_product(
    m: int, k: int, n: int, a_order: Any, b_order: Any
) -> None:
    """Whatever is found fastest here, if there is no rule."""
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(s, dtype="float32") for s in ((2, m, k), (2, k, n)))
    a, b = a_order(a), b_order(b)
    np.testing.assert_array_equal(product(NUMPY, a, b), np.matmul(a, b))


@pytest.mark.parametrize(
    ("m", "k", "n", "transposed", "expected"),
    [
        (128, 784, 64, True, (64, 16, 1)), (144, 784, 10, True, (72, 10, 1)),
        (320, 256, 128, True, (64, 16, 1)),
        (128, 4096, 64, True, (8, 16, 1)), (576, 196, 128, True, None), (128, 784, 20, True, None),
        (64, 128, 196, False, (32, 196, 1)), (64, 576, 196, False, (16, 196, 2)),
        (64, 1152, 196, False, None), (128, 64, 784, False, None),
    ],
)  # fmt: skip
def test_blocks_that_round_otherwise_are_ruled_by_size(
    m: int, k: int, n: int, transposed: bool, expected: tuple[int, ...] | None
) -> None:
    """By columns, by rows; or not at all. The third number is of the sums' parts."""
    cut = ruled(m, k, n, transposed=transposed)
    assert (cut and (cut.rows, cut.columns, len(cut.depths))) == expected


A, B = (np.random.default_rng(2).standard_normal(s, dtype="float32") for s in ((8, 32), (32, 16)))
WHOLE, OTHER = Cut(8, 16, ((0, 32),)), Cut(8, 16, tuple((i, i + 1) for i in range(32)))


@pytest.mark.parametrize(
    ("rule", "threads", "by_clock"),
    [(OTHER, 1, False), (OTHER, 2, True), (WHOLE, 1, True), (None, 1, True)],
    ids=["other-bits", "threads", "same-bits", "no-rule"],
)
def test_no_clock_decides_of_other_bits(
    rule: Cut | None, threads: int, by_clock: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the rule gives is taken untimed, where BLAS has a kernel for it and no threads."""
    timed: list[Any] = []
    monkeypatch.setattr(batched, "ruled", lambda m, k, n, transposed: rule)
    monkeypatch.setattr(batched, "fastest_cut", lambda a, b: timed.append(a))
    monkeypatch.setattr(batched, "blas_threads", lambda: threads)
    assert ruled_cut(A, B) == (None if by_clock else rule)
    assert bool(timed) == by_clock


def test_threads_of_blas_are_told() -> None:
    for count in (1, 2):
        with threadpool_limits(count, "blas"):
            assert batched.blas_threads() == count


def test_other_array_modules_multiply_as_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched, "best_cut", None)
    other = SimpleNamespace(**{**vars(NUMPY), "name": "cupy"})
    a, b = _whole_numbers(2, 128, 64), _whole_numbers(2, 64, 784)
    np.testing.assert_array_equal(product(other, a, b), np.matmul(a, b))


CONVOLUTIONS = {
    "pointwise": ((2, 8, 4, 8), (16, 8, 1, 1), {}),
    "winograd": ((2, 64, 8, 8), (64, 64, 3, 3), {"padding": 1}),
    "columns": ((2, 8, 8, 8), (16, 8, 3, 3), {"padding": 1}),
    "volume": ((2, 8, 4, 4, 4), (16, 8, 3, 3, 3), {"padding": 1}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_in_blocks_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the tape and in a plan, all three passes."""
    x_shape, w_shape, attrs = CONVOLUTIONS[name]
    values = [Value("x", x_shape, "float32"), Value("w", w_shape, "float32")]
    op = f"conv{len(x_shape) - 2}d"
    program = gradient_program(
        lambda ops, x, w: getattr(ops, op)(x, w, **attrs), values, ["x", "w"]
    )
    arrays = [_whole_numbers(*v.shape) for v in program.inputs]
    adapter = NumpyAdapter()

    def results() -> list[Any]:
        tape = adapter.compile(program)(*(adapter.tensor(a, "float32") for a in arrays))
        return [*map(adapter.to_numpy, tape), *compile_program(program)(*arrays)]

    whole = results()
    met = set()

    def cut(a: Any, b: Any, find: Any) -> Cut:
        (m, k), n = a.shape[-2:], b.shape[-1]
        met.add(type(a))
        half = k // 2
        return Cut(m // 2 if m % 2 == 0 else m, n // 2 if n % 2 == 0 else n, ((0, half), (half, k)))

    monkeypatch.setattr(batched, "best_cut", cut)
    for got, expected in zip(results(), whole, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert len(met) == 2  # the tape's arrays, and the recorder's
