"""The matrix product, with the array API's rules for vectors and batches."""

from typing import Any

from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.errors import refuse
from bakeoff_reference.primitive import primitive


def _check(a: Array, b: Array) -> dict[str, Any]:
    if a.ndim == 0 or b.ndim == 0:
        refuse("matmul", f"shapes {a.shape} and {b.shape}, expected 1 dimension each; use multiply")
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        refuse(
            "matmul",
            f"shapes {a.shape} and {b.shape}: inner sizes {a.shape[-1]} and {inner} differ, "
            "expected equal",
        )
    return {}


@primitive(prepare=_check, accumulates=True)
def matmul(xp: XP, a: Array, b: Array, /) -> Array:
    """Return the matrix product ``a @ b``: vectors, matrices, and batches that broadcast."""
    if b.ndim == 2 and a.ndim > 2:
        # (..., m, k) @ (k, n) --> one product of (... * m, k)
        return xp.matmul(_rows(a), b).reshape((*a.shape[:-1], b.shape[1]))
    return xp.matmul(a, b)


def _rows(x: Array) -> Array:
    """(..., m, n) --> (... * m, n); the size is given, as -1 is ambiguous for empty arrays."""
    return x.reshape((x.size // x.shape[-1] if x.size else 0, x.shape[-1])) if x.ndim > 2 else x


def _grad_a(xp: XP, g: Array, y: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:
        # (..., m) x (k,) --> (..., m, k); a vector a has no m
        return g * b if a.ndim == 1 else g[..., None] * b
    if a.ndim == 1:
        # (..., k, n) @ (..., n, 1) --> (..., k)
        return xp.matmul(b, g[..., None])[..., 0]
    if b.ndim == 2 and a.ndim > 2:
        return xp.matmul(_rows(g), b.swapaxes(0, 1)).reshape(a.shape)
    return xp.matmul(g, b.swapaxes(-1, -2))


def _grad_b(xp: XP, g: Array, y: Array, a: Array, b: Array) -> Array:
    if a.ndim == 1:
        # (k, 1) x (..., 1, n) --> (..., k, n); a vector b has no n
        return g * a if b.ndim == 1 else a[:, None] * g[..., None, :]
    if b.ndim == 1:
        # (... * m, k) transposed @ (... * m,) --> (k,)
        return xp.matmul(_rows(a).swapaxes(0, 1), g.reshape((g.size,)))
    if b.ndim == 2 and a.ndim > 2:
        return xp.matmul(_rows(a).swapaxes(0, 1), _rows(g))
    return xp.matmul(a.swapaxes(-1, -2), g)


matmul.defvjp(_grad_a, _grad_b)
