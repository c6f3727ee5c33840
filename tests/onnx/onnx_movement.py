"""Shapes, indexing and creation: ONNX's ops over the catalogue."""

import math
from typing import Any

import numpy as np
from onnx import numpy_helper
from onnx_cases import NotApplicable, OnnxNode, require_dtype
from onnx_table import (
    Ops,
    Tensor,
    axes_of,
    axis_of,
    dtype_name,
    integers,
    onnx_op,
    scalar,
)


@onnx_op("Identity")
def identity(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return x


@onnx_op("Constant")
def constant(ops: Ops, node: OnnxNode) -> Any:
    ((name, value),) = node.attrs.items()
    if name == "value":
        require_dtype(value.data_type)
        return numpy_helper.to_array(value)
    if name not in ("value_int", "value_ints", "value_float", "value_floats"):
        raise NotApplicable(f"Constant's attribute {name}")
    return np.array(value, np.int64 if "int" in name else np.float32)


@onnx_op("ConstantOfShape")
def constant_of_shape(ops: Ops, node: OnnxNode, shape: Tensor) -> Tensor:
    if "value" not in node.attrs:
        return ops.zeros(shape=integers(shape), dtype="float32")
    dtype = require_dtype(node.attrs["value"].data_type)
    fill_value = scalar(numpy_helper.to_array(node.attrs["value"]))
    return ops.full(shape=integers(shape), fill_value=fill_value, dtype=dtype)


@onnx_op("Range")
def range_(ops: Ops, node: OnnxNode, start: Tensor, stop: Tensor, step: Tensor) -> Tensor:
    return ops.arange(
        start=scalar(start), stop=scalar(stop), step=scalar(step), dtype=dtype_name(start)
    )


@onnx_op("EyeLike")
def eye_like(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    dtype = require_dtype(node.attrs["dtype"]) if "dtype" in node.attrs else dtype_name(x)
    n_rows, n_cols = x.shape
    return ops.eye(n_rows=n_rows, n_cols=n_cols, k=node.attrs.get("k", 0), dtype=dtype)


@onnx_op("Shape")
def shape(ops: Ops, node: OnnxNode, x: Tensor) -> Any:
    return np.array(x.shape[node.attrs.get("start", 0) : node.attrs.get("end")], np.int64)


@onnx_op("Size")
def size(ops: Ops, node: OnnxNode, x: Tensor) -> Any:
    return np.array(math.prod(x.shape), np.int64)


@onnx_op("Reshape")
def reshape(ops: Ops, node: OnnxNode, x: Tensor, shape: Tensor | None = None) -> Tensor:
    wanted = list(node.attrs["shape"] if shape is None else integers(shape))
    if not node.attrs.get("allowzero"):
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    if -1 in wanted:
        known = math.prod(n for n in wanted if n != -1)
        wanted[wanted.index(-1)] = math.prod(x.shape) // known if known else 0
    return ops.reshape(x, shape=tuple(wanted))


@onnx_op("Flatten")
def flatten(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    axis = node.attrs.get("axis", 1)
    axis += len(x.shape) if axis < 0 else 0
    return ops.reshape(x, shape=(math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@onnx_op("Squeeze")
def squeeze(ops: Ops, node: OnnxNode, x: Tensor, axes: Tensor | None = None) -> Tensor:
    gone = axes_of(node, axes, len(x.shape))
    kept = [n for i, n in enumerate(x.shape) if (n != 1 if gone is None else i not in gone)]
    return ops.reshape(x, shape=tuple(kept))


@onnx_op("Unsqueeze")
def unsqueeze(ops: Ops, node: OnnxNode, x: Tensor, axes: Tensor | None = None) -> Tensor:
    count = len(node.attrs["axes"] if axes is None else integers(axes))
    ndim = len(x.shape) + count
    new = axes_of(node, axes, ndim) or ()
    rest = iter(x.shape)
    return ops.reshape(x, shape=tuple(1 if i in new else next(rest) for i in range(ndim)))


@onnx_op("Transpose")
def transpose(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    backwards = tuple(reversed(range(len(x.shape))))
    return ops.permute_dims(x, axes=node.attrs.get("perm", backwards))


@onnx_op("Expand")
def expand(ops: Ops, node: OnnxNode, x: Tensor, shape: Tensor) -> Tensor:
    return ops.broadcast_to(x, shape=np.broadcast_shapes(tuple(x.shape), integers(shape)))


@onnx_op("Concat")
def concat(ops: Ops, node: OnnxNode, *xs: Tensor) -> Tensor:
    return ops.concat(xs, axis=axis_of(node, 1, len(xs[0].shape)))


@onnx_op("Tile")
def tile(ops: Ops, node: OnnxNode, x: Tensor, repeats: Tensor) -> Tensor:
    for axis, n in enumerate(integers(repeats)):
        x = ops.concat([x] * n, axis=axis)
    return x


@onnx_op("Pad")
def pad(
    ops: Ops,
    node: OnnxNode,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    if (mode := node.attrs.get("mode", "constant")) != "constant":
        raise NotApplicable(f"Pad mode {mode}; pad is constant only")
    ndim = len(x.shape)
    sizes = node.attrs.get("pads") if pads is None else integers(pads)
    over = tuple(range(ndim)) if axes is None else axes_of(node, axes, ndim)
    assert sizes is not None
    assert over is not None
    width = [(0, 0)] * ndim
    for i, axis in enumerate(over):
        width[axis] = (sizes[i], sizes[i + len(over)])
    fill = node.attrs.get("value", 0) if value is None else scalar(value)
    return ops.pad(x, pad_width=tuple(width), value=fill)


@onnx_op("Gather")
def gather(ops: Ops, node: OnnxNode, x: Tensor, indices: Tensor) -> Tensor:
    axis = axis_of(node, 0, len(x.shape))
    positive = ops.where(ops.less(indices, 0), ops.add(indices, x.shape[axis]), indices)
    flat = ops.reshape(positive, shape=(math.prod(indices.shape),))
    taken = ops.take(x, flat, axis=axis)
    # (..., prod(indices), ...) --> (..., *indices, ...)
    return ops.reshape(taken, shape=(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@onnx_op("Slice")
def slice_(
    ops: Ops,
    node: OnnxNode,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    begin = node.attrs["starts"] if starts is None else integers(starts)
    end = node.attrs["ends"] if ends is None else integers(ends)
    over = axes_of(node, axes, len(x.shape)) or tuple(range(len(begin)))
    by = (1,) * len(begin) if steps is None else integers(steps)
    index: list[tuple[int, int, int]] = [(0, n, 1) for n in x.shape]
    for axis, *given in zip(over, begin, end, by, strict=True):
        start, stop, step = slice(*given).indices(x.shape[axis])
        if step > 0:
            index[axis] = (start, max(start, stop), step)
        else:  # getitem goes forward only; take goes anywhere
            backwards = ops.arange(start=start, stop=stop, step=step, dtype="int64")
            x = ops.take(x, backwards, axis=axis)
            index[axis] = (0, x.shape[axis], 1)
    return ops.getitem(x, index=tuple(index))


@onnx_op("Split")
def split(ops: Ops, node: OnnxNode, x: Tensor, sizes: Tensor | None = None) -> Any:
    axis = axis_of(node, 0, len(x.shape))
    lengths = node.attrs.get("split") if sizes is None else integers(sizes)
    if lengths is None:
        count = len(node.outputs)
        each = math.ceil(x.shape[axis] / count)
        lengths = (*(each,) * (count - 1), x.shape[axis] - each * (count - 1))
    parts, start = [], 0
    for length in lengths:
        index: list[tuple[int, int, int]] = [(0, n, 1) for n in x.shape]
        index[axis] = (start, start + length, 1)
        parts.append(ops.getitem(x, index=tuple(index)))
        start += length
    return tuple(parts)


@onnx_op("OneHot")
def one_hot(ops: Ops, node: OnnxNode, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    n, (off, on) = int(scalar(depth)), [v.item() for v in np.asarray(values)]
    index = ops.astype(indices, dtype="int64")
    positive = ops.where(ops.less(index, 0), ops.add(index, n), index)
    hot = ops.one_hot(positive, num_classes=n, dtype=dtype_name(values))
    ndim = len(hot.shape)
    axis = axis_of(node, -1, ndim)
    order = list(range(ndim - 1))
    order.insert(axis, ndim - 1)
    return ops.add(ops.multiply(ops.permute_dims(hot, axes=tuple(order)), on - off), off)


@onnx_op("Hardmax")
def hardmax(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    ndim = len(x.shape)
    axis = axis_of(node, -1, ndim)
    first = ops.argmax(x, axis=axis, keepdims=False)
    hot = ops.one_hot(first, num_classes=x.shape[axis], dtype=dtype_name(x))
    order = list(range(ndim - 1))
    order.insert(axis, ndim - 1)
    return ops.permute_dims(hot, axes=tuple(order))
