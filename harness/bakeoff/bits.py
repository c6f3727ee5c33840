"""Results as digests of their bits: the same computation should give the same ones again."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest(arrays: Iterable[NDArray[Any]]) -> str:
    """Return 16 hexadecimal digits of dtypes, shapes and values; every NaN is the same.

    >>> digest([np.zeros(2)]) == digest([np.array([0.0, -0.0])])
    False
    """
    state = hashlib.blake2b(digest_size=8)
    for array in map(_one_nan, arrays):
        state.update(f"{array.dtype.str}{array.shape}".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def _one_nan(array: NDArray[Any]) -> NDArray[Any]:
    """NaN has many bit patterns, and none of them means anything."""
    if array.dtype.kind != "f":
        return array
    return np.where(np.isnan(array), array.dtype.type(np.nan), array)
