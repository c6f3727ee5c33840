"""Shape rules of the op catalogue: the shape of a call's result, or `OpError`."""

from collections.abc import Sequence
from math import ceil

from bakeoff.rules import Call, Shape, Spec


def _rank(call: Call, position: int, what: str, ndim: int) -> Spec:
    spec = call.args[position]
    if not isinstance(spec, Spec):
        call.refuse(f"{what} is {spec!r}, expected a tensor")
    if spec.ndim != ndim:
        call.refuse(f"{what} has shape {spec.shape}, expected {ndim} dimensions")
    return spec


def broadcast(call: Call, shapes: Sequence[Shape]) -> Shape:
    """Return the common shape by the array API's broadcasting rule."""
    ndim = max(len(s) for s in shapes)
    result = []
    for sizes in zip(*[(1,) * (ndim - len(s)) + s for s in shapes], strict=True):
        wide = {n for n in sizes if n != 1}
        if len(wide) > 1:
            call.refuse(
                f"shapes {' and '.join(map(str, shapes))} cannot be broadcast together; "
                "sizes must be equal or 1, counted from the last dimension"
            )
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def shape_broadcast(call: Call) -> Shape:
    return broadcast(call, [s.shape for s in call.specs])


def shape_same(call: Call) -> Shape:
    """The shape of the first tensor; every other must have it too."""
    first = call.specs[0].shape
    for other in call.specs[1:]:
        if other.shape != first:
            call.refuse(f"shapes {first} and {other.shape} differ, expected equal shapes")
    return first


def shape_attr(call: Call) -> Shape:
    return tuple(call.attrs["shape"])


def shape_arange(call: Call) -> Shape:
    start, stop, step = (call.attrs[k] for k in ("start", "stop", "step"))
    return (max(0, ceil((stop - start) / step)),)


def shape_linspace(call: Call) -> Shape:
    return (int(call.attrs["num"]),)


def shape_eye(call: Call) -> Shape:
    return (call.attrs["n_rows"], call.attrs["n_cols"])


def shape_reduce(call: Call) -> Shape:
    shape, axes = call.specs[0].shape, call.attrs["axis"]
    if call.attrs["keepdims"]:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def shape_reduce_some(call: Call) -> Shape:
    """Like `shape_reduce`; ``max`` and ``min`` of nothing have no value."""
    shape = call.specs[0].shape
    if any(shape[a] == 0 for a in call.attrs["axis"]):
        call.refuse(f"no elements along axis {call.attrs['axis']} of shape {shape}")
    return shape_reduce(call)


def shape_argmax(call: Call) -> Shape:
    axis = call.attrs["axis"]
    axes = tuple(range(call.specs[0].ndim)) if axis is None else (axis,)
    return shape_reduce_some(Call(call.op, call.args, {**call.attrs, "axis": axes}))


def shape_permute(call: Call) -> Shape:
    return tuple(call.specs[0].shape[a] for a in call.attrs["axes"])


def shape_concat(call: Call) -> Shape:
    first, axis = call.specs[0].shape, call.attrs["axis"]
    for spec in call.specs[1:]:
        same = len(spec.shape) == len(first) and all(
            a == b for i, (a, b) in enumerate(zip(first, spec.shape, strict=True)) if i != axis
        )
        if not same:
            call.refuse(f"shapes {first} and {spec.shape} differ outside axis {axis}")
    total = sum(s.shape[axis] for s in call.specs)
    return (*first[:axis], total, *first[axis + 1 :])


def shape_stack(call: Call) -> Shape:
    first, axis = shape_same(call), call.attrs["axis"]
    return (*first[:axis], len(call.specs), *first[axis:])


def shape_pad(call: Call) -> Shape:
    shape = call.specs[0].shape
    return tuple(n + lo + hi for n, (lo, hi) in zip(shape, call.attrs["pad_width"], strict=True))


def shape_getitem(call: Call) -> Shape:
    result = []
    for item in call.attrs["index"]:
        if item is None:
            result.append(1)
        elif isinstance(item, tuple):
            result.append(len(range(*item)))
    return tuple(result)


def shape_take(call: Call) -> Shape:
    x, indices = call.specs
    if indices.ndim != 1:
        call.refuse(f"indices have shape {indices.shape}, expected one dimension")
    axis = call.attrs["axis"]
    return (*x.shape[:axis], indices.shape[0], *x.shape[axis + 1 :])


def shape_matmul(call: Call) -> Shape:
    a, b = (s.shape for s in call.specs)
    if not a or not b:
        call.refuse(f"shapes {a} and {b}, expected at least one dimension each; use multiply")
    left = (1, *a) if len(a) == 1 else a
    right = (*b, 1) if len(b) == 1 else b
    if left[-1] != right[-2]:
        call.refuse(
            f"shapes {a} and {b}: inner sizes {left[-1]} and {right[-2]} differ, expected equal"
        )
    batch = broadcast(call, [left[:-2], right[:-2]]) if left[:-2] or right[:-2] else ()
    rows = () if len(a) == 1 else (left[-2],)
    columns = () if len(b) == 1 else (right[-1],)
    return (*batch, *rows, *columns)


def shape_bias(call: Call) -> Shape:
    x, bias = (s.shape for s in call.specs)
    if len(x) < 2 or len(bias) != 1 or bias[0] != x[1]:
        call.refuse(
            f"x {x} and bias {bias}, expected x (N, C, ...) and bias (C,); "
            "the channels are dimension 1"
        )
    return x


def shape_matrix_axis(call: Call) -> Shape:
    """``softmax``: the shape of x, which must not be empty along the axis."""
    return shape_same(call)


def _window(call: Call, x: Spec, kernel: Shape, dilation: Shape, stride: Shape) -> Shape:
    padding = call.attrs["padding"]
    out = []
    for n, k, d, s, (lo, hi) in zip(x.shape[2:], kernel, dilation, stride, padding, strict=True):
        extent = d * (k - 1) + 1
        if extent > n + lo + hi:
            padded = tuple(m + a + b for m, (a, b) in zip(x.shape[2:], padding, strict=True))
            call.refuse(
                f"kernel {kernel} exceeds padded input {padded}; raise padding\n"
                f"  input    {x.shape}\n  stride   {stride}\n  padding  {padding}\n"
                f"  dilation {dilation}"
            )
        out.append((n + lo + hi - extent) // s + 1)
    return tuple(out)


def shape_conv(call: Call) -> Shape:
    dims = int(call.op[-2])
    x = _rank(call, 0, "x", dims + 2)
    weight = _rank(call, 1, "weight", dims + 2)
    groups = call.attrs["groups"]
    if x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        call.refuse(
            f"x {x.shape} and weight {weight.shape} with groups {groups}: "
            "expected x (N, C, ...) and weight (O, C / groups, ...), O divisible by groups"
        )
    kernel = weight.shape[2:]
    out = _window(call, x, kernel, call.attrs["dilation"], call.attrs["stride"])
    return (x.shape[0], weight.shape[0], *out)


def shape_conv_transpose(call: Call) -> Shape:
    dims = int(call.op[-2])
    x = _rank(call, 0, "x", dims + 2)
    weight = _rank(call, 1, "weight", dims + 2)
    groups = call.attrs["groups"]
    if x.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        call.refuse(
            f"x {x.shape} and weight {weight.shape} with groups {groups}: "
            "expected x (N, C, ...) and weight (C, O / groups, ...), C divisible by groups"
        )
    out = []
    for i, n in enumerate(x.shape[2:]):
        s, d, k = call.attrs["stride"][i], call.attrs["dilation"][i], weight.shape[2 + i]
        lo, hi = call.attrs["padding"][i]
        extra = call.attrs["output_padding"][i]
        if extra >= max(s, d):
            call.refuse(
                f"output_padding {extra} in dimension {i}, expected less than stride {s} "
                f"or dilation {d}"
            )
        size = (n - 1) * s + d * (k - 1) + 1 + extra - lo - hi
        if size < 1:
            call.refuse(f"padding {(lo, hi)} leaves nothing of dimension {i}; lower padding")
        out.append(size)
    return (x.shape[0], weight.shape[1] * groups, *out)


def shape_pool(call: Call) -> Shape:
    x = _rank(call, 0, "x", 4)
    kernel = call.attrs["kernel_size"]
    for k, (lo, hi) in zip(kernel, call.attrs["padding"], strict=True):
        if max(lo, hi) * 2 > k:
            call.refuse(f"padding {(lo, hi)} exceeds half the kernel {k}; lower padding")
    return (*x.shape[:2], *_window(call, x, kernel, (1, 1), call.attrs["stride"]))


def shape_one_hot(call: Call) -> Shape:
    return (*call.specs[0].shape, int(call.attrs["num_classes"]))


def shape_loss(call: Call) -> Shape:
    """One loss per row: the shape of the logits without the class axis."""
    shape, axis = shape_same(call), call.attrs["axis"]
    return (*shape[:axis], *shape[axis + 1 :])


def shape_sparse_loss(call: Call) -> Shape:
    logits, labels = (s.shape for s in call.specs)
    if not logits or labels != logits[:-1]:
        call.refuse(
            f"logits {logits} and labels {labels}, expected logits (..., C) and labels (...)"
        )
    return labels
