"""Kernels run on the CPU: their own text, compiled by g++ against the emulator's header.

Every array lies between guards, so that a write past its ends is seen.
"""

import ctypes
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff_cupy import kernels

HERE = Path(__file__).parent / "emulator"
GUARD = 256  # bytes on either side
FILL = 0xA5

Array = np.ndarray[Any, Any]
Dim = tuple[int, ...]

# Arguments of every kernel as C++ types: {T} storage, {L} labels.
SIGNATURES: dict[str, str] = {
    "softmax_cross_entropy": "{T} const*, {L} const*, {T}*, {T}*, int",
    "next_numbers": "float const*, int*, float*, int",
    "sgd": "{T}*, {T} const*, float const*, long long",
    "momentum": "{T}*, {T} const*, float*, float const*, long long",
    "nesterov": "{T}*, {T} const*, float*, float const*, long long",
    "adagrad": "{T}*, {T} const*, float*, float const*, long long",
    "rmsprop": "{T}*, {T} const*, float*, float const*, long long",
    "adam": "{T}*, {T} const*, float*, float*, float const*, long long",
    "adamw": "{T}*, {T} const*, float*, float*, float const*, long long",
    "classify": "{T} const*, {T} const*, {T} const*, {L} const*, {T}*, {T}*, int, int, int, "
    "float const*, int*, float*, int",
    "classify_grad": "{T} const*, {T} const*, {T} const*, {T} const*, {T}*, {T}*, {T}*, {T}*, "
    "int, int, int",
}

_WRAPPER = """
extern "C" int call_{number}(void** a, const unsigned* d, int backwards) {{
    return emulator::launch(dim3(d[0], d[1], d[2]), dim3(d[3], d[4], d[5]), backwards, [=] {{
        {kernel}({arguments});
    }});
}}
"""


def library(folder: Path, file: str, text: str | None = None) -> "dict[str, Kernel]":
    """Compile a file of kernels, or a changed text of it; return every instantiation by name.

    What lies compiled in the folder is not compiled again.
    """
    source = '#include "cuda_on_cpu.h"\n' + (text or kernels.source(file))
    signatures = {name: _types(name) for name in kernels.names(file)}
    for number, (name, types) in enumerate(signatures.items()):
        arguments = ", ".join(
            f"({t})a[{i}]" if t.endswith("*") else f"*({t}*)a[{i}]" for i, t in enumerate(types)
        )
        source += _WRAPPER.format(number=number, kernel=name, arguments=arguments)
    written = folder / f"{sha256(source.encode()).hexdigest()[:16]}.cpp"
    built = written.with_suffix(".so")
    if not built.exists():
        written.write_text(source)
        command = ["g++", "-std=c++17", "-O1", "-fPIC", "-shared", f"-I{HERE}"]
        subprocess.run([*command, str(written), "-o", str(built)], check=True)
    loaded = ctypes.CDLL(str(built))
    return {
        name: Kernel(getattr(loaded, f"call_{number}"), types)
        for number, (name, types) in enumerate(signatures.items())
    }


def _types(name: str) -> list[str]:
    kernel, _, chosen = name.rstrip(">").partition("<")
    storage, label = [*chosen.split(", "), ""][:2]
    return SIGNATURES[kernel].format(T=storage, L=label).split(", ")


class Kernel:
    """One instantiation, as a function of arrays, changed in place, and numbers."""

    def __init__(self, call: Any, types: Sequence[str]) -> None:
        self._call, self.types = call, types

    def __call__(self, grid: Dim, block: Dim, *arguments: Any, backwards: bool = False) -> None:
        """Run every block; ``backwards`` runs blocks and threads in the other order.

        Raises
        ------
        AssertionError
            If memory before or behind an array was written to, or threads of a block wait for
            others that never come.
        """
        held = [_Guarded(a) if isinstance(a, np.ndarray) else _number(a, t)
                for a, t in zip(arguments, self.types, strict=True)]  # fmt: skip
        addresses = [h.address if isinstance(h, _Guarded) else ctypes.addressof(h) for h in held]
        pointers = (ctypes.c_void_p * len(held))(*addresses)
        sizes = (*grid, *(1,) * (3 - len(grid)), *block, *(1,) * (3 - len(block)))
        hung = self._call(pointers, (ctypes.c_uint * 6)(*sizes), int(backwards))
        assert not hung, f"block {hung - 1}: threads wait at a barrier that others never reach"
        for i, (h, a) in enumerate(zip(held, arguments, strict=True)):
            if isinstance(h, _Guarded):
                assert h.whole, f"argument {i}: written outside of its {a.nbytes} bytes"
                a[...] = h.array


class _Guarded:
    def __init__(self, array: Array) -> None:
        size = array.nbytes
        self._memory = np.full(2 * GUARD + size, FILL, "u1")
        self.array = self._memory[GUARD : GUARD + size].view(array.dtype).reshape(array.shape)
        self.array[...] = array
        self.address = self.array.ctypes.data

    @property
    def whole(self) -> bool:
        ends = (self._memory[:GUARD], self._memory[len(self._memory) - GUARD :])
        return all((end == FILL).all() for end in ends)


def _number(value: Any, kind: str) -> Any:
    return {"int": ctypes.c_int, "long long": ctypes.c_longlong, "float": ctypes.c_float}[kind](
        value
    )
