"""Our binding of cuBLASLt, against a library in NumPy that takes its arguments as documented."""

import ctypes
from typing import Any

import numpy as np
import pytest

from bakeoff_cupy.cublaslt import CublasLt, Heuristic, operand, product
from gpu.lt import Library
from gpu.storage import stored, values

Array = np.ndarray[Any, Any]


class Held(np.ndarray):  # type: ignore[type-arg]
    """An array that knows its address as CuPy's do."""

    @property
    def data(self) -> Any:
        return type("Memory", (), {"ptr": self.ctypes.data})


def held(x: Array) -> Any:
    return x.view(Held)


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def lt(library: Library) -> CublasLt:
    return CublasLt(library, lambda shape, dtype: held(np.empty(shape, dtype)), lambda: 7)


@pytest.fixture
def matmul(lt: CublasLt) -> Any:
    return product(lt, lambda x, shape: held(np.broadcast_to(x, shape)), np.matmul)


def drawn(seed: int, shape: tuple[int, ...], dtype: str) -> Any:
    return held(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


SHAPES = [
    ((3, 4), (4, 5)),
    ((1, 4), (4, 1)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
    ((0, 4), (4, 5)),
    ((3, 0), (0, 5)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
@pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)
def test_products_are_those_of_the_array_api(matmul: Any, a: Any, b: Any, dtype: str) -> None:
    x, y = drawn(0, a, dtype), drawn(1, b, dtype)
    found = matmul(x, y)
    np.testing.assert_allclose(found, np.matmul(x, y), rtol=1e-3 if dtype == "float16" else 1e-5,
                               atol=1e-2 if dtype == "float16" else 1e-6)  # fmt: skip
    assert found.shape == np.matmul(x, y).shape
    assert found.dtype == dtype


VIEWS = {
    "whole": lambda x: x,
    "transposed": lambda x: held(np.ascontiguousarray(x.swapaxes(-1, -2))).swapaxes(-1, -2),
    "part of wider lines": lambda x: held(np.concatenate([x, x + 1], -1))[..., : x.shape[-1]],
    "every second column": lambda x: held(np.repeat(x, 2, axis=-1))[..., ::2],
    "every second line": lambda x: held(np.repeat(x, 2, axis=-2))[..., ::2, :],
    "reversed": lambda x: held(np.ascontiguousarray(x[..., ::-1, :]))[..., ::-1, :],
}


@pytest.mark.parametrize("right", VIEWS)
@pytest.mark.parametrize("left", VIEWS)
def test_views_are_multiplied_for_what_they_show(matmul: Any, left: str, right: str) -> None:
    x, y = drawn(0, (2, 3, 4), "float32"), drawn(1, (2, 4, 5), "float32")
    found = matmul(VIEWS[left](x), VIEWS[right](y))
    np.testing.assert_allclose(found, np.asarray(x) @ np.asarray(y), rtol=1e-5, atol=1e-6)


def test_a_transposed_view_is_not_copied(library: Library, matmul: Any) -> None:
    x = drawn(0, (1, 5, 3), "float32").swapaxes(1, 2)
    found = operand(x)
    assert found is not None
    assert (found.transposed, found.rows, found.columns) == (True, 5, 3)


@pytest.mark.parametrize("relu", [False, True])
def test_a_bias_is_added_per_column_before_the_relu(lt: CublasLt, relu: bool) -> None:
    a, b, bias = (
        drawn(0, (1, 3, 4), "float32"),
        drawn(1, (1, 4, 5), "float32"),
        drawn(2, (5,), "float32"),
    )
    expected = np.asarray(a) @ np.asarray(b) + np.asarray(bias)
    found = lt.matmul(a, b, bias, relu)
    np.testing.assert_allclose(
        found, np.maximum(expected, 0) if relu else expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_biass_gradient_comes_with_its_weights(lt: CublasLt, dtype: str) -> None:
    """x^T @ dh into memory that is there, and the sums of dh's columns beside it."""
    x, dh = drawn(0, (1, 6, 4), dtype), drawn(1, (1, 6, 5), dtype)
    db, dw = held(np.zeros(5, dtype)), held(np.zeros((1, 4, 5), dtype))
    found = lt.matmul(x.swapaxes(1, 2), dh, bias_grad=db, out=dw)
    assert found is dw
    exact_x, exact_dh = np.asarray(x, "f8"), np.asarray(dh, "f8")
    near = 1e-5 if dtype == "float32" else 1e-2
    np.testing.assert_allclose(dw, exact_x.swapaxes(1, 2) @ exact_dh, rtol=near, atol=near)
    np.testing.assert_allclose(db, exact_dh[0].sum(axis=0), rtol=near, atol=near)


def test_sums_of_float16_are_rounded_once(lt: CublasLt) -> None:
    """4096 ones and as many small numbers: in float16 a sum of ones ends at 2048."""
    row = held(np.full((1, 1, 4096), 1, "f2"))
    column = held(np.full((1, 4096, 1), 0.75, "f2"))
    assert float(lt.matmul(row, column)[0, 0, 0]) == 3072


class _Bfloat16:
    itemsize = 2

    def __str__(self) -> str:
        return "bfloat16"


_BFLOAT16 = _Bfloat16()


class Brain:
    """An array of bfloat16, which NumPy lacks, as CuPy has it: its bits, and a dtype's name."""

    def __init__(self, numbers: Array) -> None:
        self.bits = stored(numbers, "__nv_bfloat16")
        self.shape, self.strides, self.dtype = self.bits.shape, self.bits.strides, _BFLOAT16
        self.data = held(self.bits).data


def test_bfloat16_is_multiplied_as_it_is_stored(lt: CublasLt) -> None:
    """258 twos: in bfloat16 itself their sum would end at 512."""
    ones, out = Brain(np.ones((1, 258, 1))), Brain(np.zeros((1, 1, 1)))
    lt.matmul(Brain(np.full((1, 1, 258), 2.0)), ones, out=out)
    assert values(out.bits, "__nv_bfloat16").tolist() == [[[516]]]


@pytest.mark.parametrize("which", range(3), ids=["left", "right", "result"])
@pytest.mark.parametrize("offset", [1, 2, 4])
def test_an_algorithm_suits_the_memorys_alignment(lt: CublasLt, which: int, offset: int) -> None:
    """The same shapes, first as new memory has them, then from an element further on."""
    arrays = [drawn(0, (1, 4, 4), "float32"), drawn(1, (1, 4, 4), "float32"),
              held(np.zeros((1, 4, 4), "f4"))]  # fmt: skip
    expected = np.asarray(arrays[0]) @ np.asarray(arrays[1])
    lt.matmul(arrays[0], arrays[1], out=arrays[2])
    moved = held(np.zeros(64, "f4"))[offset : offset + 16].reshape((1, 4, 4))
    moved[...] = arrays[which]
    arrays[which] = moved
    lt.matmul(arrays[0], arrays[1], out=arrays[2])
    np.testing.assert_allclose(arrays[2], expected, rtol=1e-5, atol=1e-6)


def test_an_algorithm_is_looked_for_once_per_shape(library: Library, lt: CublasLt) -> None:
    x, y, out = (drawn(0, (1, 4, 4), "float32") for _ in range(3))
    for _ in range(3):
        lt.matmul(x, y, out=out)
    assert library.calls["cublasLtMatmulAlgoGetHeuristic"] == 1
    assert library.calls["cublasLtMatmul"] == 3


def test_tf32_is_asked_for_only_explicitly(library: Library) -> None:
    def compute(**mode: bool) -> Any:
        made = CublasLt(library, lambda s, d: held(np.empty(s, d)), lambda: 0, **mode)
        made.matmul(drawn(0, (1, 2, 2), "float32"), drawn(1, (1, 2, 2), "float32"))
        return [t["compute"] for t in library._things.values() if "compute" in t][-1]

    assert compute() == 68
    assert compute(tf32=True) == 77


def test_a_refusal_is_told_with_its_function(lt: CublasLt, library: Library) -> None:
    library.cublasLtMatmul = lambda *_: 15  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="cublasLtMatmul: status 15, expected 0"):
        lt.matmul(drawn(0, (1, 2, 2), "float32"), drawn(1, (1, 2, 2), "float32"))


def test_the_result_structure_has_the_librarys_size() -> None:
    """64 bytes of algorithm, 8 of size, 4 of state, 4 of waves, 16 reserved."""
    assert ctypes.sizeof(Heuristic) == 96
