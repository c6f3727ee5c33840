"""Canonical attributes: what a caller may write, and the one form that adapters see."""

from collections.abc import Mapping, Sequence
from math import isnan, prod
from typing import Any

from bakeoff.rules import (
    INTEGERS,
    Call,
    axes_of,
    axis_of,
    dtype_name,
    integer,
    number,
    pairs,
    per_dim,
    shape_of,
)
from bakeoff.shape_rules import broadcast

Attrs = Mapping[str, Any]


def none(call: Call) -> Attrs:
    """No attributes."""
    return {}


def creation(call: Call) -> Attrs:
    """``zeros``, ``ones``, ``full``: shape a tuple, dtype a name."""
    attrs = {**call.attrs, "shape": shape_of(call, call.attrs["shape"])}
    attrs["dtype"] = dtype_name(call, attrs["dtype"])
    if "fill_value" in attrs:
        attrs["fill_value"] = _fill(call, attrs["fill_value"], attrs["dtype"])
    return attrs


def _fill(call: Call, value: Any, dtype: str) -> bool | int | float:
    if dtype == "bool":
        if not isinstance(value, bool):
            call.refuse(f"fill_value {value!r} with dtype bool, expected True or False")
        return value
    if dtype in INTEGERS:
        return integer(call, "fill_value", value)
    return number(call, "fill_value", value)


def full_like(call: Call) -> Attrs:
    return {"fill_value": _fill(call, call.attrs["fill_value"], call.specs[0].dtype)}


def arange(call: Call) -> Attrs:
    """``stop`` None: count from 0 to ``start``, as in the array API."""
    start, stop, step = (call.attrs[k] for k in ("start", "stop", "step"))
    if stop is None:
        start, stop = 0, start
    for name, value in (("start", start), ("stop", stop), ("step", step)):
        number(call, name, value)
    if step == 0:
        call.refuse("step 0, expected another")
    dtype = dtype_name(call, call.attrs["dtype"])
    return {"start": start, "stop": stop, "step": step, "dtype": dtype}


def linspace(call: Call) -> Attrs:
    return {
        "start": number(call, "start", call.attrs["start"]),
        "stop": number(call, "stop", call.attrs["stop"]),
        "num": integer(call, "num", call.attrs["num"], 0),
        "dtype": dtype_name(call, call.attrs["dtype"]),
    }


def eye(call: Call) -> Attrs:
    rows = integer(call, "n_rows", call.attrs["n_rows"], 0)
    columns = call.attrs["n_cols"]
    return {
        "n_rows": rows,
        "n_cols": rows if columns is None else integer(call, "n_cols", columns, 0),
        "k": integer(call, "k", call.attrs["k"]),
        "dtype": dtype_name(call, call.attrs["dtype"]),
    }


def dtype_only(call: Call) -> Attrs:
    return {"dtype": dtype_name(call, call.attrs["dtype"])}


def clip(call: Call) -> Attrs:
    low, high = call.attrs["min"], call.attrs["max"]
    low = None if low is None else number(call, "min", low)
    high = None if high is None else number(call, "max", high)
    if low is None and high is None:
        call.refuse("min and max are both None, expected at least one number")
    if low is not None and high is not None and (low > high or isnan(low) or isnan(high)):
        call.refuse(f"min {low} and max {high}, expected min <= max")
    return {"min": low, "max": high}


def reduction(call: Call) -> Attrs:
    axes = axes_of(call, call.attrs["axis"], call.specs[0].ndim)
    return {"axis": axes, "keepdims": bool(call.attrs["keepdims"])}


def argmax(call: Call) -> Attrs:
    axis = call.attrs["axis"]
    axis = None if axis is None else axis_of(call, axis, call.specs[0].ndim)
    return {"axis": axis, "keepdims": bool(call.attrs["keepdims"])}


def axis_only(call: Call) -> Attrs:
    return {"axis": axis_of(call, call.attrs["axis"], call.specs[0].ndim)}


def new_axis(call: Call) -> Attrs:
    """``stack``: the axis counts in the result, which has one dimension more."""
    return {"axis": axis_of(call, call.attrs["axis"], call.specs[0].ndim + 1)}


def reshape(call: Call) -> Attrs:
    """At most one size may be -1: it takes what is left."""
    old, value = call.specs[0].shape, call.attrs["shape"]
    items = value if isinstance(value, Sequence) else (value,)
    new = [integer(call, "shape entry", n, -1) for n in items]
    if new.count(-1) > 1:
        call.refuse(f"shape {tuple(new)} has more than one -1")
    if -1 in new:
        known = prod(n for n in new if n != -1)
        new[new.index(-1)] = prod(old) // known if known else 0
    if prod(new) != prod(old):
        call.refuse(
            f"shape {tuple(value) if isinstance(value, Sequence) else value} "
            f"does not hold the {prod(old)} elements of {old}"
        )
    return {"shape": tuple(new)}


def permute(call: Call) -> Attrs:
    ndim = call.specs[0].ndim
    axes = tuple(axis_of(call, a, ndim) for a in call.attrs["axes"])
    if sorted(axes) != list(range(ndim)):
        call.refuse(f"axes {call.attrs['axes']!r}, expected each of 0..{ndim - 1} once")
    return {"axes": axes}


def broadcast_to(call: Call) -> Attrs:
    shape = shape_of(call, call.attrs["shape"])
    old = call.specs[0].shape
    if len(shape) < len(old) or broadcast(call, [old, shape]) != shape:
        call.refuse(f"shape {old} cannot be broadcast to {shape}")
    return {"shape": shape}


def pad(call: Call) -> Attrs:
    width = pairs(call, "pad_width", call.attrs["pad_width"], call.specs[0].ndim)
    return {"pad_width": width, "value": number(call, "value", call.attrs["value"])}


def getitem(call: Call) -> Attrs:
    """Basic indexing: integers, slices with positive steps, None and one Ellipsis."""
    shape, raw = call.specs[0].shape, call.attrs["index"]
    items = list(raw) if isinstance(raw, tuple) else [raw]
    used = sum(item is not None and item is not Ellipsis for item in items)
    if sum(item is Ellipsis for item in items) > 1 or used > len(shape):
        call.refuse(f"index {raw!r} has too many entries for shape {shape}")
    fill: list[Any] = [slice(None)] * (len(shape) - used)
    if Ellipsis in [i for i in items if i is None or i is Ellipsis]:
        at = next(i for i, item in enumerate(items) if item is Ellipsis)
        items[at : at + 1] = fill
    else:
        items += fill
    sizes = iter(shape)
    return {"index": tuple(None if i is None else _item(call, i, next(sizes)) for i in items)}


def _item(call: Call, item: Any, size: int) -> int | tuple[int, int, int]:
    if isinstance(item, tuple):  # already canonical
        item = slice(*item)
    if isinstance(item, slice):
        start, stop, step = item.indices(size)
        if step < 1:
            call.refuse(f"step {step}, expected at least 1 (toolkits have no negative steps)")
        return (start, max(start, stop), step)
    position = integer(call, "index", item)
    if not -size <= position < size:
        call.refuse(f"index {position} is out of range for size {size}")
    return position % size


def dropout(call: Call) -> Attrs:
    rate = number(call, "rate", call.attrs["rate"])
    if not 0 <= rate < 1:
        call.refuse(f"rate {rate}, expected 0 <= rate < 1")
    return {"rate": rate}


def _groups(call: Call) -> int:
    return integer(call, "groups", call.attrs["groups"], 1)


def conv(call: Call) -> Attrs:
    dims = int(call.op[-2])
    return {
        "stride": per_dim(call, "stride", call.attrs["stride"], dims, 1),
        "padding": pairs(call, "padding", call.attrs["padding"], dims),
        "dilation": per_dim(call, "dilation", call.attrs["dilation"], dims, 1),
        "groups": _groups(call),
    }


def conv_transpose(call: Call) -> Attrs:
    extra = per_dim(call, "output_padding", call.attrs["output_padding"], int(call.op[-2]), 0)
    return {**conv(call), "output_padding": extra}


def pool(call: Call) -> Attrs:
    kernel = per_dim(call, "kernel_size", call.attrs["kernel_size"], 2, 1)
    stride = call.attrs["stride"]
    attrs: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": kernel if stride is None else per_dim(call, "stride", stride, 2, 1),
        "padding": pairs(call, "padding", call.attrs["padding"], 2),
    }
    if "count_include_pad" in call.attrs:
        attrs["count_include_pad"] = bool(call.attrs["count_include_pad"])
    return attrs


def one_hot(call: Call) -> Attrs:
    classes = integer(call, "num_classes", call.attrs["num_classes"], 1)
    return {"num_classes": classes, "dtype": dtype_name(call, call.attrs["dtype"])}
