"""A toolkit whose calls take known times: so many equal pieces of work, and some more if slower.

A machine that drifts is played by the kernels themselves, for all workers alike: the pieces
grow and shrink with the time of day, in a saw-tooth of ten seconds.
"""

import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

from bakeoff_worker import Adapter

DRIFT = 0.3  # how much slower at the end of a tooth than at its beginning
TOOTH_S = 10.0

_a = np.ones(64, np.float32)
_b = np.full(64, 0.5, np.float32)
_c = np.empty(64, np.float32)
_square = np.full((64, 64), 0.01, np.float32)
_out = np.empty_like(_square)


def _loop(pieces: int) -> None:
    for _ in repeat(None, pieces):
        pass


def _adds(pieces: int) -> None:
    for _ in repeat(None, pieces):
        np.add(_a, _b, out=_c)


def _products(pieces: int) -> None:
    for _ in repeat(None, pieces):
        np.matmul(_square, _square, out=_out)


# By a program's name: what a piece is, and how many make a call. Multiples of 100, so that
# 2 and 5 % more of them are whole pieces.
KERNELS: dict[str, tuple[Callable[[int], None], int]] = {
    "about_1us": (_loop, 100),
    "about_50us": (_adds, 100),
    "about_2ms": (_products, 300),
}


ROUNDS = "rounds_of_"  # before a kernel's name: time single rounds of it, one per element of x
ROUND_S = 10e-6  # a round shorter than this is no measurement: it holds several calls


class KernelAdapter(Adapter):
    """Computes ``exp`` of a number, and a kernel besides."""

    name = "kernel"
    dtypes = ("float32",)
    asks = ("forward",)

    def __init__(self, threads: int = 1, slower: float = 0.0, drifts: bool = False) -> None:
        self.ops = {"exp": np.exp}
        self._slower = slower
        self._drifts = drifts

    def tensor(self, array: Any, dtype: str) -> Any:
        return np.array(array, dtype)

    def to_numpy(self, tensor: Any) -> Any:
        return np.asarray(tensor)

    def compile(self, program: Any) -> Any:
        call = self._kernel(program.name.replace(ROUNDS, ""))
        if program.name.startswith(ROUNDS):
            return lambda x: (rounds(call, len(x)),)

        def executable(x: Any) -> tuple[Any, ...]:
            call()
            return (np.exp(x),)

        return executable

    def _kernel(self, name: str) -> Callable[[], None]:
        kernel, few = KERNELS[name]
        pieces = round(few * (1 + self._slower))

        def drifting() -> None:
            kernel(round(pieces * (1 + DRIFT * (time.time() % TOOTH_S) / TOOTH_S)))

        return drifting if self._drifts else lambda: kernel(pieces)


def rounds(call: Callable[[], None], count: int) -> Any:
    """Return seconds per call of single rounds, as a test's loop in one process takes them."""
    clock = time.perf_counter
    began = clock()
    call()
    calls = max(1, round(ROUND_S / (clock() - began)))
    taken = np.empty(count)
    for i in range(count):
        start = clock()
        for _ in repeat(None, calls):
            call()
        taken[i] = (clock() - start) / calls
    return taken
