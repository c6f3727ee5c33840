"""Ops that move elements and compute nothing. Results may share memory with arguments."""

from math import prod
from operator import index as as_index
from typing import Any

from bakeoff_reference.arguments import (
    Shape,
    axis_of,
    dtype_of,
    is_sequence,
    pairs_of,
    shape_of,
)
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.errors import refuse
from bakeoff_reference.padding import interior, padded
from bakeoff_reference.primitive import primitive


def _reshape(x: Array, *, shape: Any) -> dict[str, Any]:
    new = [as_index(n) for n in (shape if is_sequence(shape) else (shape,))]
    if new.count(-1) == 1:
        known = prod(n for n in new if n != -1)
        new[new.index(-1)] = x.size // known if known else 0
    if min(new, default=0) < 0 or prod(new) != x.size:
        refuse("reshape", f"shape {shape!r} does not hold the {x.size} elements of {x.shape}")
    return {"shape": tuple(new)}


@primitive(prepare=_reshape)
def reshape(xp: XP, x: Array, /, shape: Any) -> Array:
    """Return ``x`` in another shape, elements in row-major order; one size may be -1."""
    return x.reshape(shape)


reshape.defvjp(lambda xp, g, y, x, shape: g.reshape(x.shape))


def _permute(x: Array, *, axes: Any) -> dict[str, Any]:
    order = tuple(axis_of("permute_dims", a, x.ndim) for a in axes)
    if sorted(order) != list(range(x.ndim)):
        refuse("permute_dims", f"axes {axes!r}, expected each of 0..{x.ndim - 1} once")
    return {"axes": order}


@primitive(prepare=_permute)
def permute_dims(xp: XP, x: Array, /, axes: Any) -> Array:
    """Return ``x`` with its dimensions in another order."""
    return x.transpose(axes)


permute_dims.defvjp(
    lambda xp, g, y, x, axes: g.transpose(tuple(axes.index(i) for i in range(len(axes))))
)


def _broadcast(x: Array, *, shape: Any) -> dict[str, Any]:
    new = shape_of("broadcast_to", shape)
    tail = new[len(new) - x.ndim :]
    if len(new) < x.ndim or any(o not in (1, n) for o, n in zip(x.shape, tail, strict=True)):
        refuse("broadcast_to", f"shape {x.shape} cannot be broadcast to {new}")
    return {"shape": new}


@primitive(prepare=_broadcast)
def broadcast_to(xp: XP, x: Array, /, shape: Any) -> Array:
    """Return ``x`` repeated to ``shape`` by the broadcasting rule."""
    return xp.broadcast_to(x, shape)


broadcast_to.defvjp(lambda xp, g, y, x, shape: g)  # the backward pass adds up what was repeated


def _concat(*arrays: Array, axis: int) -> dict[str, Any]:
    first = arrays[0]
    position = axis_of("concat", axis, first.ndim)
    for other in arrays[1:]:
        if _without(first, position) != _without(other, position) or first.ndim != other.ndim:
            refuse(
                "concat", f"shapes {first.shape} and {other.shape} differ outside axis {position}"
            )
    return {"axis": position}


def _without(x: Array, axis: int) -> Shape:
    return (*x.shape[:axis], *x.shape[axis + 1 :])


@primitive(prepare=_concat, variadic=True)
def concat(xp: XP, *arrays: Array, axis: int = 0) -> Array:
    """Return the tensors joined along an axis that they have."""
    return xp.concatenate(arrays, axis)


@concat.defvjp_each
def _(xp: XP, g: Array, y: Array, *arrays: Array, axis: int, position: int) -> Array:
    start = sum(x.shape[axis] for x in arrays[:position])
    stop = start + arrays[position].shape[axis]
    return g[(slice(None),) * axis + (slice(start, stop),)]


def _stack(*arrays: Array, axis: int) -> dict[str, Any]:
    for other in arrays[1:]:
        if other.shape != arrays[0].shape:
            refuse("stack", f"shapes {arrays[0].shape} and {other.shape} differ, expected equal")
    return {"axis": axis_of("stack", axis, arrays[0].ndim + 1)}


@primitive(prepare=_stack, variadic=True)
def stack(xp: XP, *arrays: Array, axis: int = 0) -> Array:
    """Return the tensors, of one shape, joined along a new axis."""
    return xp.stack(arrays, axis)


@stack.defvjp_each
def _(xp: XP, g: Array, y: Array, *arrays: Array, axis: int, position: int) -> Array:
    return g[(slice(None),) * axis + (position,)]


def _pad(x: Array, *, pad_width: Any, value: Any) -> dict[str, Any]:
    return {"pad_width": pairs_of("pad", "pad_width", pad_width, x.ndim), "value": value}


@primitive(prepare=_pad)
def pad(xp: XP, x: Array, /, pad_width: Any, *, value: Any = 0.0) -> Array:
    """Return ``x`` with a constant border: one (before, after) pair per dimension."""
    return padded(xp, x, pad_width, value)


pad.defvjp(lambda xp, g, y, x, pad_width, value: g[interior(x.shape, pad_width)])


def _getitem(x: Array, *, index: Any) -> dict[str, Any]:
    items = list(index) if isinstance(index, tuple) else [index]
    used = sum(item is not None and item is not Ellipsis for item in items)
    dots = [i for i, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1 or used > x.ndim:
        refuse("getitem", f"index {index!r} has too many entries for shape {x.shape}")
    rest = [slice(None)] * (x.ndim - used)
    start = dots[0] if dots else len(items)
    items[start : start + len(dots)] = rest
    sizes = iter(x.shape)
    return {"index": tuple(None if i is None else _item(i, next(sizes)) for i in items)}


def _item(item: Any, size: int) -> int | tuple[int, int, int]:
    if isinstance(item, tuple):  # already canonical
        item = slice(*item)
    if isinstance(item, slice):
        start, stop, step = item.indices(size)
        if step < 1:
            refuse("getitem", f"step {step}, expected at least 1")
        return (start, max(start, stop), step)
    try:
        position = as_index(item)
    except TypeError:
        refuse("getitem", f"index entry {item!r}, expected an integer, slice, None or Ellipsis")
    if not -size <= position < size:
        refuse("getitem", f"index {position} is out of range for size {size}")
    return position % size


def _index(index: Any) -> tuple[Any, ...]:
    return tuple(slice(*i) if isinstance(i, tuple) else i for i in index)


@primitive(prepare=_getitem)
def getitem(xp: XP, x: Array, /, index: Any) -> Array:
    """Return ``x[index]``: integers, slices with positive steps, None and Ellipsis."""
    return x[_index(index)]


def _getitem_vjp(xp: XP, g: Array, y: Array, x: Array, index: Any) -> Array:
    result = xp.zeros(x.shape, x.dtype)
    # an integer index has no view to copy into for 0-d results: [i:i+1] has, in the same place
    spots = tuple(slice(i, i + 1) if isinstance(i, int) else i for i in _index(index))
    view = result[spots]
    xp.copyto(view, g.reshape(view.shape))
    return result


getitem.defvjp(_getitem_vjp)


def _take(x: Array, indices: Array, *, axis: int) -> dict[str, Any]:
    if indices.ndim != 1 or indices.dtype.kind != "i":
        refuse(
            "take",
            f"indices of shape {indices.shape} and dtype {indices.dtype}, "
            "expected one dimension of integers",
        )
    return {"axis": axis_of("take", axis, x.ndim)}


@primitive(prepare=_take, same=(0,))
def take(xp: XP, x: Array, indices: Array, /, *, axis: int = 0) -> Array:
    """Return the slices of ``x`` along ``axis`` that the 1-D integer tensor names."""
    return xp.take(x, indices, axis)


def _take_vjp(xp: XP, g: Array, y: Array, x: Array, indices: Array, axis: int) -> Array:
    result = xp.zeros(x.shape, x.dtype)
    xp.add_at(result.swapaxes(0, axis), indices, g.swapaxes(0, axis))
    return result


take.defvjp(_take_vjp, None)


def _one_hot(indices: Array, *, num_classes: int, dtype: Any) -> dict[str, Any]:
    if indices.dtype.kind != "i":
        refuse("one_hot", f"indices have dtype {indices.dtype}, expected int32 or int64")
    return {"num_classes": as_index(num_classes), "dtype": dtype_of("one_hot", dtype)}


@primitive(prepare=_one_hot)
def one_hot(xp: XP, indices: Array, /, *, num_classes: int, dtype: Any = "float32") -> Array:
    """Return rows of zeros with a one at each index: shape (*indices.shape, num_classes)."""
    classes = xp.arange(0, num_classes, 1, indices.dtype)
    return xp.astype(xp.equal(indices.reshape((*indices.shape, 1)), classes), dtype)


one_hot.defvjp(None)
