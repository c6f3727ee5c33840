"""The op catalogue in Caffe2's operators: functions that add them to a net.

Source: https://caffe2.ai/docs/operators-catalogue.html
"""

from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.shapes import (
    broadcast,
    concatenated,
    reduced,
    size,
)

from .blobs import Net, Symbol

Op = Callable[..., Symbol]
Pairs = Sequence[Tuple[int, int]]

UNSUPPORTED = {
    "expm1": "Caffe2 has no operator for expm1",
    "log1p": "Caffe2 has no operator for log1p",
    "linspace": "Caffe2 has no operator for linspace",
    "conv_transpose3d": "Caffe2's ConvTranspose takes four dimensions only",
}
# As its users write them: a fully connected layer, and a mean loss over classes.
PAIRS = {
    ("matmul", "bias_add"): "dense",
    ("sparse_softmax_cross_entropy_with_logits", "mean"): "softmax_with_loss",
}

_UNARY = {
    "negative": "Negative",
    "abs": "Abs",
    "sign": "Sign",
    "square": "Sqr",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "silu": "Swish",
}
_BINARY = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div"}
_COMPARISONS = {
    "equal": "EQ",
    "not_equal": "NE",
    "less": "LT",
    "less_equal": "LE",
    "greater": "GT",
    "greater_equal": "GE",
}


def operators(net: Net) -> Dict[str, Op]:
    """Return all ops by their catalogue names, and those of `PAIRS`."""
    table: Dict[str, Op] = {}
    for name, operator in _UNARY.items():
        table[name] = partial(_unary, net, operator)
    for name, operator in _BINARY.items():
        table[name] = partial(net.binary, operator)
    for name, operator in _COMPARISONS.items():
        table[name] = partial(net.binary, operator, dtype="bool")
    for part in (_elementwise, _creation, _reductions, _movement, _products, _losses):
        table.update(part(net))
    return table


def _unary(net: Net, operator: str, x: Symbol) -> Symbol:
    return net.add(operator, [x], x.shape)


def _elementwise(net: Net) -> Dict[str, Op]:
    def like(value: Any, x: Symbol) -> Symbol:
        return value if isinstance(value, Symbol) else net.constant(value, x.shape, x.dtype)

    def power(a: Any, b: Any) -> Symbol:
        if not isinstance(b, Symbol):
            return net.add("Pow", [a], a.shape, exponent=float(b))
        return net.add("Pow", _alike(net, like(a, b), b), broadcast(like(a, b).shape, b.shape))

    def extremum(operator: str) -> Op:
        def apply(a: Any, b: Any) -> Symbol:
            a, b = _alike(net, like(a, b), like(b, a))
            return net.add(operator, [a, b], a.shape)

        return apply

    def clip(x: Symbol, min: Any, max: Any) -> Symbol:
        ends: Dict[str, Any] = {}
        ends.update((k, float(v)) for k, v in (("min", min), ("max", max)) if v is not None)
        return net.add("Clip", [x], x.shape, **ends)

    def where(condition: Symbol, a: Any, b: Any) -> Symbol:
        shape = broadcast(condition.shape, getattr(a, "shape", ()))
        shape = broadcast(shape, getattr(b, "shape", ()))
        kind = (a if isinstance(a, Symbol) else b).dtype
        a, b = (
            _expanded(net, x, shape) if isinstance(x, Symbol) else net.constant(x, shape, kind)
            for x in (a, b)
        )
        return net.add("Where", [_expanded(net, condition, shape), a, b], shape, kind)

    def dropout(x: Symbol, noise: Symbol, rate: float) -> Symbol:
        kept = _cast(net, net.binary("GE", noise, rate, "bool"), x.dtype)
        return x / (1.0 - rate) * net.add("StopGradient", [kept], kept.shape)

    def squared_error(predictions: Symbol, targets: Symbol) -> Symbol:
        return _unary(net, "Sqr", predictions - targets)

    return {
        "pow": power,
        "maximum": extremum("Max"),
        "minimum": extremum("Min"),
        "clip": clip,
        "where": where,
        "dropout": dropout,
        "squared_error": squared_error,
    }


def _alike(net: Net, a: Symbol, b: Symbol) -> List[Symbol]:
    shape = broadcast(a.shape, b.shape)
    return [_expanded(net, x, shape) for x in (a, b)]


def _expanded(net: Net, x: Symbol, shape: Sequence[int]) -> Symbol:
    if x.shape == tuple(shape):
        return x
    if x.dtype == "bool":  # Expand knows no bool
        return _cast(net, _expanded(net, _cast(net, x, "float32"), shape), "bool")
    return net.add("Expand", [x, net.integers(shape)], shape)


def _cast(net: Net, x: Symbol, dtype: str) -> Symbol:
    kinds = {"to": net.type(dtype), "from_type": net.type(x.dtype)}
    return net.add("Cast", [x], x.shape, dtype, **kinds)


def _creation(net: Net) -> Dict[str, Op]:
    def full(shape: Any, fill_value: Any, dtype: str) -> Symbol:
        return net.filled(fill_value, shape, dtype)

    def arange(start: Any, stop: Any, step: Any, dtype: str) -> Symbol:
        ends = [net.constant(v, (1,), dtype) for v in (start, stop, step)]
        size = max(-int((start - stop) // step), 0)
        return net.add("Range", ends, (size,), dtype)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Symbol:
        if n_rows != n_cols or k != 0:
            raise Unsupported("Caffe2's DiagonalFill makes square matrices, of the main diagonal")
        return net.add(
            "DiagonalFill", [], (n_rows, n_cols), dtype, shape=[n_rows, n_cols], value=1.0
        )

    def filled(value: Any) -> Op:
        return lambda x: full(x.shape, value, x.dtype)

    return {
        "zeros": lambda shape, dtype: full(shape, 0, dtype),
        "ones": lambda shape, dtype: full(shape, 1, dtype),
        "full": full,
        "arange": arange,
        "eye": eye,
        "zeros_like": filled(0),
        "ones_like": filled(1),
        "full_like": lambda x, fill_value: full(x.shape, fill_value, x.dtype),
        "astype": lambda x, dtype: _cast(net, x, dtype),
    }


def _reductions(net: Net) -> Dict[str, Op]:
    def reduce(operator: str, x: Symbol, axis: Tuple[int, ...], keepdims: bool) -> Symbol:
        if not axis:
            return net.add("Copy", [x], x.shape)
        return net.add(
            operator, [x], reduced(x.shape, axis, keepdims), axes=list(axis), keepdims=int(keepdims)
        )

    def logsumexp(x: Symbol, axis: Tuple[int, ...], keepdims: bool) -> Symbol:
        top = reduce("ReduceMax", x, axis, True)
        top = net.add("StopGradient", [top], top.shape)  # a shift, whatever the gradient
        sums = reduce("ReduceSum", _unary(net, "Exp", x - top), axis, True)
        return reshaped(net, _unary(net, "Log", sums) + top, reduced(x.shape, axis, keepdims))

    def argmax(x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        shape = reduced(x.shape, range(len(x.shape)) if axis is None else (axis,), keepdims)
        if axis is None:
            x, axis = net.add("FlattenToVec", [x], (size(x.shape),)), 0
        kept = x.shape[:axis] + (1,) + x.shape[axis + 1 :]
        return reshaped(net, net.add("ArgMax", [x], kept, "int64", axis=axis), shape)

    return {
        "sum": partial(reduce, "ReduceSum"),
        "mean": partial(reduce, "ReduceMean"),
        "max": partial(reduce, "ReduceMax"),
        "min": partial(reduce, "ReduceMin"),
        "logsumexp": logsumexp,
        "argmax": argmax,
    }


def reshaped(net: Net, x: Symbol, shape: Sequence[int]) -> Symbol:
    """Return the symbol in this shape."""
    if tuple(shape) == x.shape:
        return x
    if not shape:  # Reshape takes no empty shape
        flat = reshaped(net, x, (1,))
        return net.add("Squeeze", [flat], (), dims=[0])
    return net.add("Reshape", [x], shape, extra=1, shape=list(shape))


def _transposed(net: Net, x: Symbol, axes: Sequence[int]) -> Symbol:
    if tuple(axes) == tuple(range(len(axes))):
        return x
    return net.add("Transpose", [x], [x.shape[i] for i in axes], axes=list(axes))


def _movement(net: Net) -> Dict[str, Op]:
    def concat(arrays: List[Symbol], axis: int) -> Symbol:
        shape = concatenated([x.shape for x in arrays], axis)
        return net.add("Concat", arrays, shape, extra=1, axis=axis)

    def stack(arrays: List[Symbol], axis: int) -> Symbol:
        shape = arrays[0].shape[:axis] + (len(arrays),) + arrays[0].shape[axis:]
        return net.add("Concat", arrays, shape, extra=1, axis=axis, add_axis=1)

    def pad(x: Symbol, pad_width: Pairs, value: float) -> Symbol:
        for axis, (lo, hi) in enumerate(pad_width):
            shapes = [x.shape[:axis] + (n,) + x.shape[axis + 1 :] for n in (lo, hi)]
            ends = [net.constant(value, s, x.dtype) if s[axis] else None for s in shapes]
            parts = [p for p in (ends[0], x, ends[1]) if p is not None]
            x = concat(parts, axis) if len(parts) > 1 else x
        return x

    def getitem(x: Symbol, index: Sequence[Any]) -> Symbol:
        axis, shape = 0, []  # type: int, List[int]
        for item in index:
            if item is None:
                shape.append(1)
                continue
            start, stop, step = item if isinstance(item, tuple) else (item, item + 1, 1)
            if step > 1:
                raise Unsupported("Caffe2's Slice takes no steps")
            x = _sliced(net, x, axis, start, stop)
            if isinstance(item, tuple):
                shape.append(x.shape[axis])
            axis += 1
        return reshaped(net, x, shape)

    def take(x: Symbol, indices: Symbol, axis: int) -> Symbol:
        # BatchGather, of the second axis, for Gather's gradient is sparse.
        order = [axis] + [i for i in range(len(x.shape)) if i != axis]
        moved = _transposed(net, x, order)
        rows = reshaped(net, moved, (1,) + moved.shape)
        got = net.add("BatchGather", [rows, indices], (1,) + indices.shape + moved.shape[1:])
        got = reshaped(net, got, got.shape[1:])
        n = len(indices.shape)
        back = list(range(n, n + axis)) + list(range(n)) + list(range(n + axis, len(got.shape)))
        return _transposed(net, got, back)

    def one_hot(indices: Symbol, num_classes: int, dtype: str) -> Symbol:
        flat = reshaped(net, _as_int64(net, indices), (size(indices.shape),))
        rows = net.add(
            "OneHot", [flat, net.integers([num_classes])], flat.shape + (num_classes,), "bool"
        )
        return reshaped(net, _cast(net, rows, dtype), indices.shape + (num_classes,))

    return {
        "reshape": lambda x, shape: reshaped(net, x, shape),
        "permute_dims": lambda x, axes: _transposed(net, x, axes),
        "broadcast_to": lambda x, shape: _expanded(net, x, shape),
        "concat": concat,
        "stack": stack,
        "pad": pad,
        "getitem": getitem,
        "take": take,
        "one_hot": one_hot,
    }


def _as_int64(net: Net, x: Symbol) -> Symbol:
    return x if x.dtype == "int64" else _cast(net, x, "int64")


def _sliced(net: Net, x: Symbol, axis: int, start: int, stop: int) -> Symbol:
    """Return part of one axis, which is as much as Slice does at once."""
    if (start, stop) == (0, x.shape[axis]):
        return x
    starts, ends = [0] * len(x.shape), [-1] * len(x.shape)
    starts[axis], ends[axis] = start, stop
    shape = x.shape[:axis] + (stop - start,) + x.shape[axis + 1 :]
    return net.add("Slice", [x], shape, starts=starts, ends=ends)


def _products(net: Net) -> Dict[str, Op]:
    def matmul(a: Symbol, b: Symbol) -> Symbol:
        if len(a.shape) == len(b.shape) == 1:
            return reshaped(net, matmul(reshaped(net, a, (1,) + a.shape), b), ())
        if len(a.shape) == 1:
            result = matmul(reshaped(net, a, (1,) + a.shape), b)
            return reshaped(net, result, result.shape[:-2] + result.shape[-1:])
        if len(b.shape) == 1:
            result = matmul(a, reshaped(net, b, b.shape + (1,)))
            return reshaped(net, result, result.shape[:-1])
        if len(a.shape) == len(b.shape) == 2:
            return net.add("MatMul", [a, b], (a.shape[0], b.shape[1]))
        leading = broadcast(a.shape[:-2], b.shape[:-2])
        a = _expanded(net, a, leading + a.shape[-2:])
        b = _expanded(net, b, leading + b.shape[-2:])
        return net.add("BatchMatMul", [a, b], leading + (a.shape[-2], b.shape[-1]))

    def bias_add(x: Symbol, bias: Symbol) -> Symbol:
        return x + reshaped(net, bias, bias.shape + (1,) * (len(x.shape) - 2))

    def dense(x: Symbol, weight: Symbol, bias: Symbol) -> Symbol:
        shape = (x.shape[0], weight.shape[1])
        return net.add("FCTransposed", [x, weight, bias], shape)

    return {"matmul": matmul, "bias_add": bias_add, "dense": dense}


def _losses(net: Net) -> Dict[str, Op]:
    logsumexp = _reductions(net)["logsumexp"]

    def softmax(x: Symbol, axis: int) -> Symbol:
        order = [i for i in range(len(x.shape)) if i != axis] + [axis]
        moved = _transposed(net, x, order)
        result = net.add("Softmax", [moved], moved.shape, axis=len(order) - 1)
        return _transposed(net, result, [order.index(i) for i in range(len(order))])

    def log_softmax(x: Symbol, axis: int) -> Symbol:
        return x - logsumexp(x, (axis,), True)

    def sigmoid_loss(logits: Symbol, targets: Symbol) -> Symbol:
        # The operator takes the mean of a row: make rows of one.
        rows = [reshaped(net, x, (size(x.shape), 1)) for x in (logits, targets)]
        losses = net.add("SigmoidCrossEntropyWithLogits", rows, (size(logits.shape),))
        return reshaped(net, losses, logits.shape)

    def softmax_loss(logits: Symbol, labels: Symbol, axis: int) -> Symbol:
        product = labels * log_softmax(logits, axis)
        shape = reduced(logits.shape, (axis,), False)
        total = net.add("ReduceSum", [product], shape, axes=[axis], keepdims=0)
        return _unary(net, "Negative", total)

    def rows_of(logits: Symbol, labels: Symbol) -> List[Symbol]:
        rows = reshaped(net, logits, (size(logits.shape[:-1]), logits.shape[-1]))
        classes = labels if labels.dtype == "int32" else _cast(net, labels, "int32")
        return [rows, reshaped(net, classes, (size(labels.shape),))]

    def sparse_loss(logits: Symbol, labels: Symbol) -> Symbol:
        rows, classes = rows_of(logits, labels)
        losses = net.add("LabelCrossEntropy", [softmax(rows, 1), classes], classes.shape)
        return reshaped(net, losses, labels.shape)

    def softmax_with_loss(logits: Symbol, labels: Symbol, axis: Any, keepdims: bool) -> Symbol:
        probabilities, loss = net.name(), net.name()
        inputs = [s.name for s in rows_of(logits, labels)]
        net.net.SoftmaxWithLoss(inputs, [probabilities, loss])
        shape = reduced(labels.shape, axis, keepdims)
        return reshaped(net, Symbol(net, loss, ()), shape)

    return {
        "softmax": softmax,
        "log_softmax": log_softmax,
        "sigmoid_cross_entropy_with_logits": sigmoid_loss,
        "softmax_cross_entropy_with_logits": softmax_loss,
        "sparse_softmax_cross_entropy_with_logits": sparse_loss,
        "softmax_with_loss": softmax_with_loss,
    }
