"""CuPy as the engine's array module ``xp``: NumPy's functions, and what differs of them."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from bakeoff_reference.arrays import CREATION, MOVEMENT, UFUNCS, array_module, is_half

Array = Any


def namespace(cp: Any) -> Any:
    """Return ``xp`` over CuPy.

    An index or a label out of range wraps around or gives NaN here, where NumPy raises: to
    look for one would wait for the device at every call.
    """
    same = {n: getattr(cp, n) for n in (*UFUNCS, *CREATION, *MOVEMENT)}
    names = ("shares_memory", "asarray", "take", "lib")
    like_numpy = SimpleNamespace(
        __name__="cupy",
        errstate=lambda **_: nullcontext(),  # a device raises no floating-point warnings
        **same,
        **{n: getattr(cp, n) for n in names},
    )
    xp = array_module(like_numpy, reductions=(cp.sum, cp.amax, cp.amin))
    xp.pick, xp.pick_subtract = _picks(cp)
    xp.add_at = _wide_add_at(xp.add_at)
    return xp


def _wide_add_at(add_at: Any) -> Any:
    def add(x: Array, indices: Array, values: Array) -> None:
        """``x[indices] += values``; 16 bits in float32: CuPy adds no bfloat16 so."""
        if not is_half(x.dtype):
            add_at(x, indices, values)
            return
        wide = x.astype("float32")
        add_at(wide, indices, values.astype("float32"))
        x[...] = wide

    return add


def _picks(cp: Any) -> tuple[Any, Any]:
    def spots(labels: Array) -> tuple[Array, Array]:
        flat = labels.reshape((-1,))
        return cp.arange(flat.size), flat

    def pick(x: Array, labels: Array) -> Array:
        """``x[..., labels]``, one element per row: (..., C), (...) -> (...)."""
        return x.reshape((-1, x.shape[-1]))[spots(labels)].reshape(labels.shape)

    def pick_subtract(x: Array, labels: Array, values: Array) -> None:
        """``x[..., labels] -= values``; a matrix may lie in memory by columns, as in NumPy's."""
        rows = x if x.ndim == 2 else x.reshape((-1, x.shape[-1]))
        rows[spots(labels)] -= values.reshape((-1,))

    return pick, pick_subtract
