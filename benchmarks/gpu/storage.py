"""Numbers as kernels hold them: in C++'s float, half and bfloat16."""

from typing import Any

import numpy as np

Array = Any

# The unit roundoff of each.
UNIT = {"float": 2.0**-24, "__half": 2.0**-11, "__nv_bfloat16": 2.0**-8}


def stored(numbers: Array, kind: str) -> Array:
    """Return numbers as a storage type holds them; bfloat16 as its 16 bits."""
    single = np.asarray(numbers, "f4")
    if kind != "__nv_bfloat16":
        return single.astype("f2" if kind == "__half" else "f4")
    bits = single.view("u4").astype("u8")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("u2")


def values(array: Array, kind: str) -> Array:
    """Return what is stored, in float64."""
    if kind == "__nv_bfloat16":
        array = (array.astype("u4") << 16).view("f4")
    return array.astype("f8")


def drawn(seed: int, shape: tuple[int, ...], kind: str, size: float = 1.0) -> tuple[Array, Array]:
    """Return stored numbers, and what they are in float64."""
    held = stored(size * np.random.default_rng(seed).standard_normal(shape), kind)
    return held, values(held, kind)
