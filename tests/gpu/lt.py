"""``libcublasLt`` in NumPy, by its documentation: column-major, with transposes and epilogues."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from gpu.storage import stored, values

_TYPES = {0: np.float32, 1: np.float64, 2: np.float16, 14: np.uint16}  # bfloat16 as its bits
_ATTRIBUTES = {3: ctypes.c_int32, 4: ctypes.c_int32, 7: ctypes.c_int32, 8: ctypes.c_uint64}
_LAYOUT = {5: ctypes.c_int32, 6: ctypes.c_int64}
_PREFERENCES = {1: ctypes.c_uint64, **dict.fromkeys((5, 6, 7, 8), ctypes.c_uint32)}


class Library:
    """What `CublasLt` calls. ``calls`` counts, by name.

    ``queue`` does a piece of work: now, or at a replay too.
    """

    def __init__(self, queue: Callable[[Callable[[], Any]], Any] = lambda work: work()) -> None:
        self._queue = queue
        self._things: dict[int, dict[Any, Any]] = {}
        self.calls: dict[str, int] = {}

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("cublasLt"):
            calls = object.__getattribute__(self, "calls")
            calls[name] = calls.get(name, 0) + 1
        return object.__getattribute__(self, name)

    def _new(self, target: Any, **content: Any) -> int:
        handle = len(self._things) + 1
        self._things[handle] = dict(content)
        target._obj.value = handle
        return 0

    def _set(self, kinds: dict[int, Any], thing: Any, attribute: int, value: Any, size: Any) -> int:
        assert type(value._obj) is kinds[attribute]
        assert size.value == ctypes.sizeof(value._obj)
        self._things[thing.value][attribute] = value._obj.value
        return 0

    def cublasLtCreate(self, target: Any) -> int:
        return self._new(target)

    def cublasLtMatmulDescCreate(self, target: Any, compute: int, scale: int) -> int:
        assert (compute, scale) in [(68, 0), (77, 0), (70, 1)]
        return self._new(target, compute=compute)

    def cublasLtMatmulDescSetAttribute(
        self, thing: Any, attribute: int, value: Any, size: Any
    ) -> int:
        return self._set(_ATTRIBUTES, thing, attribute, value, size)

    def cublasLtMatrixLayoutCreate(
        self, target: Any, kind: int, rows: Any, columns: Any, leading: Any
    ) -> int:
        assert leading.value >= rows.value
        return self._new(target, kind=_TYPES[kind], rows=rows.value, columns=columns.value,
                         leading=leading.value)  # fmt: skip

    def cublasLtMatrixLayoutSetAttribute(
        self, thing: Any, attribute: int, value: Any, size: Any
    ) -> int:
        return self._set(_LAYOUT, thing, attribute, value, size)

    def cublasLtMatmulPreferenceCreate(self, target: Any) -> int:
        return self._new(target)

    def cublasLtMatmulPreferenceSetAttribute(
        self, thing: Any, attribute: int, value: Any, size: Any
    ) -> int:
        return self._set(_PREFERENCES, thing, attribute, value, size)

    def cublasLtMatmulPreferenceDestroy(self, thing: Any) -> int:
        return 0

    def cublasLtMatmulAlgoGetHeuristic(
        self, handle: Any, descriptor: Any, a: Any, b: Any, c: Any, d: Any, preference: Any,
        asked: int, results: Any, count: Any,
    ) -> int:  # fmt: skip
        """An algorithm is known by what it takes for granted of the pointers' alignment."""
        told = self._things[preference.value]
        for i, attribute in enumerate((5, 6, 7, 8)):
            results._obj.algorithm[i] = told.get(attribute, 256)
        count._obj.value = 1
        return 0

    def _matrix(self, layout: Any, pointer: Any) -> Any:
        """A view (batch, rows, columns) of column-major memory."""
        x = self._things[layout.value]
        dtype = np.dtype(x["kind"])
        batch, offset = x[5], x[6]
        length = (batch - 1) * offset + (x["columns"] - 1) * x["leading"] + x["rows"]
        buffer = (ctypes.c_byte * (length * dtype.itemsize)).from_address(pointer.value)
        return np.lib.stride_tricks.as_strided(
            np.frombuffer(buffer, dtype),
            (batch, x["rows"], x["columns"]),
            (offset * dtype.itemsize, dtype.itemsize, x["leading"] * dtype.itemsize),
            writeable=True,
        )

    def cublasLtMatmul(
        self, handle: Any, descriptor: Any, alpha: Any, a: Any, a_layout: Any, b: Any,
        b_layout: Any, beta: Any, c: Any, c_layout: Any, d: Any, d_layout: Any, algorithm: Any,
        workspace: Any, size: Any, stream: Any,
    ) -> int:  # fmt: skip
        asked = self._things[descriptor.value]
        scale = ctypes.c_double if asked["compute"] == 70 else ctypes.c_float
        assert type(alpha._obj) is type(beta._obj) is scale
        assert (alpha._obj.value, beta._obj.value) == (1, 0)
        for pointer, bytes_ in zip((a, b, c, d), algorithm._obj.algorithm, strict=False):
            assert pointer.value % bytes_ == 0, "an algorithm for better aligned memory"
        first, second = self._matrix(a_layout, a), self._matrix(b_layout, b)
        result = self._matrix(d_layout, d)
        bias = asked.get(8)
        self._queue(lambda: self._multiply(dict(asked), first, second, result, bias))
        return 0

    def _multiply(self, asked: Any, first: Any, second: Any, result: Any, bias: Any) -> None:
        first = first.swapaxes(1, 2) if asked[3] else first
        second = second.swapaxes(1, 2) if asked[4] else second
        wide = np.float64 if asked["compute"] == 70 else np.float32

        def read(x: Any) -> Any:
            return (values(x, "__nv_bfloat16") if x.dtype == np.uint16 else x).astype(wide)

        def write(out: Any, x: Any) -> None:
            out[...] = stored(x, "__nv_bfloat16") if out.dtype == np.uint16 else x

        y = read(first) @ read(second)
        assert y.shape == result.shape
        if asked[7] & (4 | 256):  # a bias, or its gradient, of as many elements as D has rows
            held = (ctypes.c_byte * (y.shape[1] * result.itemsize)).from_address(bias)
            vector = np.frombuffer(held, result.dtype)
            if asked[7] & 256:  # the sums of A over what the product adds up
                write(vector, read(first)[0].sum(axis=1))
            else:
                y = y + read(vector)[:, None]
        write(result, np.maximum(y, 0) if asked[7] & 2 else y)
