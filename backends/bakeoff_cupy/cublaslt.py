"""cuBLASLt's matrix product for row-major arrays, on any stream, captured or not.

cuBLAS as CuPy calls it refuses to be captured into a graph; cuBLASLt takes stream and workspace
with each call, applies a bias and a ReLU on the way out, and adds up a bias's gradient on the way
in. 16-bit products are added up in float32 and rounded once.
Source: https://docs.nvidia.com/cuda/cublas/#using-the-cublaslt-api
"""

import ctypes
from collections.abc import Callable
from ctypes import (
    byref,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from math import prod
from typing import Any, NamedTuple

from numpy import broadcast_shapes

Array = Any

WORKSPACE_BYTES = 32 * 2**20  # what NVIDIA's documentation recommends for sm_90; less elsewhere

# of cublas_api.h, library_types.h and cublasLt.h
COMPUTE_32F, COMPUTE_32F_FAST_TF32, COMPUTE_64F = 68, 77, 70
TYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 14}
DESC_TRANSA, DESC_TRANSB, DESC_EPILOGUE, DESC_BIAS_POINTER = 3, 4, 7, 8
LAYOUT_BATCH_COUNT, LAYOUT_BATCH_OFFSET = 5, 6
PREFERENCE_WORKSPACE = 1
PREFERENCE_ALIGNMENTS = (5, 6, 7, 8)  # of A, B, C and D
MOST_ALIGNED = 256  # bytes; what cuBLASLt takes for granted unless it is told otherwise
# "bias_grad" is BGRADA: the sums of A, which is the second operand as we write products
EPILOGUES = {"": 1, "relu": 2, "bias": 4, "bias+relu": 6, "bias_grad": 256}


class NotOffered(RuntimeError):
    """cuBLASLt has no algorithm for a product."""


class Heuristic(ctypes.Structure):
    """``cublasLtMatmulHeuristicResult_t``: an algorithm, and what it needs."""

    _fields_ = (
        ("algorithm", c_uint64 * 8),
        ("workspace_bytes", c_size_t),
        ("state", c_int32),
        ("waves", c_float),
        ("reserved", c_int32 * 4),
    )


class Operand(NamedTuple):
    """A matrix, or a batch of them, as it lies in memory: ``rows`` lines of ``columns``.

    Attributes
    ----------
    transposed
        Whether what is meant is the transpose of what lies there.
    leading
        Elements from one line to the next.
    offset
        Elements from one matrix of the batch to the next.
    """

    rows: int
    columns: int
    leading: int
    transposed: bool
    batch: int
    offset: int


def operand(x: Array) -> Operand | None:
    """Return how a (batch, m, n) array lies in memory; None if every axis is strided."""
    size, (batch, m, n) = x.dtype.itemsize, x.shape
    step, line, item = x.strides
    if item == size and line % size == 0 and line >= n * size:
        return Operand(m, n, line // size, False, batch, step // size)
    if line == size and item % size == 0 and item >= m * size:
        return Operand(n, m, item // size, True, batch, step // size)
    return None


class Plan(NamedTuple):
    """Descriptors and the algorithm of one product."""

    descriptor: c_void_p
    layouts: tuple[c_void_p, c_void_p, c_void_p]
    algorithm: Heuristic


class CublasLt:
    """Products of arrays of one device.

    Parameters
    ----------
    library
        ``libcublasLt``, loaded.
    empty
        ``empty(shape, dtype)`` of the array module.
    stream
        Returns the current stream's handle.
    tf32
        Let float32 products be of operands rounded to TF32.
    """

    def __init__(
        self, library: Any, empty: Callable[..., Array], stream: Callable[[], int],
        tf32: bool = False,
    ) -> None:  # fmt: skip
        self._library, self._empty, self._stream = library, empty, stream
        self._single = COMPUTE_32F_FAST_TF32 if tf32 else COMPUTE_32F
        self._plans: dict[Any, Plan] = {}
        self._handle = c_void_p()
        self._check("cublasLtCreate", byref(self._handle))
        self._workspace = empty((WORKSPACE_BYTES,), "uint8")

    def matmul(
        self, a: Array, b: Array, bias: Array | None = None, relu: bool = False,
        bias_grad: Array | None = None, out: Array | None = None,
    ) -> Array:  # fmt: skip
        """Return ``a @ b``, with a bias per column and a ReLU if asked.

        a (batch, m, k), b (batch, k, n), bias (n,) --> (batch, m, n); of one dtype in `TYPES`.
        Arrays whose lines and columns are both strided are copied.

        Parameters
        ----------
        bias_grad
            (n,), written to: the sums of b's columns. Neither with a bias nor with a ReLU.
        out
            Where the product goes, if not into new memory; in C order.
        """
        (a, left), (b, right) = _laid_out(a), _laid_out(b)
        if out is None:
            out = self._empty((a.shape[0], a.shape[1], b.shape[2]), a.dtype)
        epilogue = "+".join(["bias"] * (bias is not None) + ["relu"] * relu
                            + ["bias_grad"] * (bias_grad is not None))  # fmt: skip
        aligned = tuple(map(alignment, (b, a, out, out)))
        plan = self._plan(left, right, str(a.dtype), epilogue, aligned)
        vector = bias if bias_grad is None else bias_grad
        if vector is not None:
            self._set(plan.descriptor, DESC_BIAS_POINTER, c_uint64(vector.data.ptr))
        one, zero = (c_double(1), c_double(0)) if a.dtype == "float64" else (c_float(1), c_float(0))
        # row-major C = A B is column-major C' = B' A': the second operand goes first
        first, second, result = plan.layouts
        pointer = c_void_p(out.data.ptr)
        self._check(
            "cublasLtMatmul", self._handle, plan.descriptor, byref(one), c_void_p(b.data.ptr),
            first, c_void_p(a.data.ptr), second, byref(zero), pointer, result, pointer, result,
            byref(plan.algorithm), c_void_p(self._workspace.data.ptr),
            c_size_t(WORKSPACE_BYTES), c_void_p(self._stream()),
        )  # fmt: skip
        return out

    def offers(self, a: Operand, b: Operand, dtype: str, epilogue: str = "") -> bool:
        """Return whether there is an algorithm for a product of well aligned memory."""
        try:
            self._plan(a, b, dtype, epilogue, (MOST_ALIGNED,) * 4)
        except NotOffered:
            return False
        return True

    def _plan(
        self, a: Operand, b: Operand, dtype: str, epilogue: str, aligned: tuple[int, ...]
    ) -> Plan:
        key = (a, b, dtype, epilogue, aligned)
        if key not in self._plans:
            self._plans[key] = self._build(*key)
        return self._plans[key]

    def _build(
        self, a: Operand, b: Operand, dtype: str, epilogue: str, aligned: tuple[int, ...]
    ) -> Plan:
        compute, scale = (
            (COMPUTE_64F, "float64") if dtype == "float64" else (self._single, "float32")
        )
        descriptor = c_void_p()
        self._check("cublasLtMatmulDescCreate", byref(descriptor), compute, TYPES[scale])
        self._set(descriptor, DESC_TRANSA, c_int32(b.transposed))
        self._set(descriptor, DESC_TRANSB, c_int32(a.transposed))
        self._set(descriptor, DESC_EPILOGUE, c_int32(EPILOGUES[epilogue]))
        m = a.columns if a.transposed else a.rows
        n = b.rows if b.transposed else b.columns
        out = Operand(m, n, n, False, a.batch, m * n)
        layouts = (self._layout(b, dtype), self._layout(a, dtype), self._layout(out, dtype))
        return Plan(descriptor, layouts, self._algorithm(descriptor, layouts, aligned))

    def _layout(self, x: Operand, dtype: str) -> c_void_p:
        """Lines of a row-major matrix are columns of a column-major one."""
        layout = c_void_p()
        self._check("cublasLtMatrixLayoutCreate", byref(layout), TYPES[dtype],
                    c_uint64(x.columns), c_uint64(x.rows), c_int64(x.leading))  # fmt: skip
        for attribute, value in (
            (LAYOUT_BATCH_COUNT, c_int32(x.batch)),
            (LAYOUT_BATCH_OFFSET, c_int64(x.offset)),
        ):
            self._check("cublasLtMatrixLayoutSetAttribute", layout, attribute, byref(value),
                        c_size_t(ctypes.sizeof(value)))  # fmt: skip
        return layout

    def _algorithm(
        self, descriptor: c_void_p, layouts: tuple[c_void_p, ...], aligned: tuple[int, ...]
    ) -> Heuristic:
        preference = c_void_p()
        self._check("cublasLtMatmulPreferenceCreate", byref(preference))
        preferences: list[tuple[int, Any]] = [(PREFERENCE_WORKSPACE, c_uint64(WORKSPACE_BYTES))]
        preferences += zip(PREFERENCE_ALIGNMENTS, map(c_uint32, aligned), strict=True)
        for attribute, value in preferences:
            self._check("cublasLtMatmulPreferenceSetAttribute", preference, attribute,
                        byref(value), c_size_t(ctypes.sizeof(value)))  # fmt: skip
        found, count = Heuristic(), c_int32()
        first, second, result = layouts
        status = self._library.cublasLtMatmulAlgoGetHeuristic(
            self._handle, descriptor, first, second, result, result, preference, 1,
            byref(found), byref(count),
        )  # fmt: skip
        self._check("cublasLtMatmulPreferenceDestroy", preference)
        if status or count.value < 1:
            raise NotOffered(f"cuBLASLt offers no algorithm for this product (status {status})")
        return found

    def _set(self, descriptor: c_void_p, attribute: int, value: Any) -> None:
        self._check("cublasLtMatmulDescSetAttribute", descriptor, attribute, byref(value),
                    c_size_t(ctypes.sizeof(value)))  # fmt: skip

    def _check(self, function: str, *arguments: Any) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            raise RuntimeError(f"{function}: status {status}, expected 0 (CUBLAS_STATUS_SUCCESS)")


def alignment(x: Array) -> int:
    """Return to how many bytes an array's memory is aligned, at most `MOST_ALIGNED`."""
    address = int(x.data.ptr)
    return min(MOST_ALIGNED, address & -address)


def _laid_out(x: Array) -> tuple[Array, Operand]:
    found = operand(x)
    if found is None:
        x = x.copy()
        found = operand(x)
        assert found is not None  # a fresh array's lines are whole
    return x, found


def product(
    lt: CublasLt, broadcast_to: Callable[..., Array], others: Callable[[Array, Array], Array]
) -> Callable[[Array, Array], Array]:
    """Return ``matmul`` with the array API's rules for vectors and for batches that broadcast.

    ``others`` takes the dtypes that cuBLASLt has not, and products of nothing.
    """

    def batched(x: Array, batch: tuple[int, ...]) -> Array:
        """(..., m, n) --> (prod(batch), m, n); one matrix for all is repeated by a stride of 0."""
        matrix = x.shape[-2:]
        if prod(x.shape[:-2]) == 1:
            return broadcast_to(x.reshape(matrix), (prod(batch), *matrix))
        return broadcast_to(x, (*batch, *matrix)).reshape((prod(batch), *matrix))

    def matmul(a: Array, b: Array) -> Array:
        if str(a.dtype) not in TYPES or a.dtype != b.dtype or 0 in (*a.shape, *b.shape):
            return others(a, b)
        left = a.reshape((1, a.shape[0])) if a.ndim == 1 else a
        right = b.reshape((b.shape[0], 1)) if b.ndim == 1 else b
        batch = broadcast_shapes(left.shape[:-2], right.shape[:-2])
        y = lt.matmul(batched(left, batch), batched(right, batch))
        y = y.reshape((*batch, *y.shape[1:]))
        y = y[..., 0, :] if a.ndim == 1 else y
        return y[..., 0] if b.ndim == 1 else y

    return matmul


def load() -> Any:
    """Return the library that CuPy's package brings.

    Raises
    ------
    ImportError
        If it is not there.
    """
    try:
        from cuda import pathfinder

        return ctypes.CDLL(pathfinder.load_nvidia_dynamic_lib("cublasLt").abs_path)
    except (ImportError, RuntimeError, OSError) as error:
        raise ImportError(f"cuBLASLt: {error}; install CuPy with its extra ctk") from error
