"""Our kernels as functions of CuPy's arrays."""

from collections.abc import Sequence
from typing import Any

from . import kernels

Dim = tuple[int, ...]

OPTIONS = ("-std=c++17",)
CPP_TYPES = {
    "float16": "__half",
    "bfloat16": "__nv_bfloat16",
    "float32": "float",
    "int32": "int",
    "int64": "long long",
}
THREADS = 256  # of a block of an elementwise kernel
MOST_BLOCKS = 4096  # of one: threads take several elements from there on


class Kernels:
    """Compiles a file's kernels when one of them is first launched, and keeps them.

    CuPy keeps what NVRTC gave on the disk as well, by the text and the device.
    """

    def __init__(self, cp: Any) -> None:
        self._cp = cp
        self._modules: dict[str, Any] = {}
        self._functions: dict[str, Any] = {}

    def launch(
        self, file: str, kernel: str, grid: Dim, block: Dim, arguments: Sequence[Any]
    ) -> None:
        """Queue a kernel, named as C++ does (``adam<float>``), on the current stream."""
        if kernel not in self._functions:
            if file not in self._modules:
                self._modules[file] = self._cp.RawModule(
                    code=kernels.source(file), options=OPTIONS, name_expressions=kernels.names(file)
                )
            self._functions[kernel] = self._modules[file].get_function(kernel)
        self._functions[kernel](grid, block, tuple(arguments))


def instantiation(kernel: str, *dtypes: Any) -> str:
    """Return a kernel's C++ name for arrays of these dtypes.

    Raises
    ------
    KeyError
        For a dtype that kernels do not have; `has` asks before.
    """
    return f"{kernel}<{', '.join(CPP_TYPES[str(d)] for d in dtypes)}>"


def has(dtype: Any) -> bool:
    """Return whether kernels compute with a floating-point dtype (float64 is left to CuPy)."""
    return CPP_TYPES.get(str(dtype), "") in kernels.STORAGE


def elementwise(size: int) -> tuple[Dim, Dim]:
    """Return grid and block for a kernel whose threads stride over ``size`` elements."""
    return (max(1, min(MOST_BLOCKS, -(-size // THREADS))),), (THREADS,)


def row_threads(columns: int) -> int:
    """Return how many threads share a row: whole warps, at most 1024."""
    return min(1024, -(-columns // 32) * 32)
