"""The op catalogue in OneFlow's words, which are PyTorch 1.10's where OneFlow has them."""

import operator
from typing import Any, Callable, Dict, Sequence, Tuple

from bakeoff_worker.shapes import last_first, symmetric

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]

DTYPES = ("bool", "int32", "int64", "float32", "float64")

# Results of these may share memory with their first argument.
VIEWS = frozenset(["reshape", "permute_dims", "broadcast_to", "getitem", "astype"])


def operators(flow: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name."""
    table = dict(_array_ops(flow))
    table.update(_neural_ops(flow))
    return table


def _array_ops(flow: Any) -> Dict[str, Op]:
    dtypes = {name: getattr(flow, name) for name in DTYPES}

    def tensors(fn: Op) -> Op:
        """Python numbers become tensors: ``oneflow.maximum`` takes nothing else."""

        def apply(a: Any, b: Any) -> Tensor:
            if not isinstance(a, flow.Tensor):
                a = flow.tensor(a, dtype=b.dtype)
            if not isinstance(b, flow.Tensor):
                b = flow.tensor(b, dtype=a.dtype)
            return fn(a, b)

        return apply

    def where(condition: Tensor, a: Any, b: Any) -> Tensor:
        """``oneflow.where`` takes a Python number for a float64."""
        return tensors(lambda a, b: flow.where(condition, a, b))(a, b)

    def full(shape: Tuple[int, ...], fill_value: Any, dtype: str) -> Tensor:
        """``oneflow.full`` wants a dimension."""
        if not shape:
            return flow.tensor(fill_value, dtype=dtypes[dtype])
        return flow.full(shape, fill_value, dtype=dtypes[dtype])

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        if k == 0:
            return flow.eye(n_rows, n_cols).to(dtypes[dtype])
        ones = flow.ones(n_rows, n_cols, dtype=dtypes[dtype])
        return flow.tril(flow.triu(ones, k), k)

    def reduction(fn: Op) -> Op:
        """An empty axis is no reduction in NumPy, a full one in OneFlow."""

        def reduce(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
            if not axis:
                return fn(x.unsqueeze(-1), [-1], False)
            return fn(x, list(axis), keepdims)

        return reduce

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        if axis is not None:
            return flow.argmax(x, axis, keepdims)
        first = flow.argmax(x.reshape(-1), 0)
        return first.reshape((1,) * x.ndim) if keepdims else first

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return flow.nn.functional.pad(x, last_first(pad_width), "constant", value)

    def matmul(a: Tensor, b: Tensor) -> Tensor:
        """``oneflow.matmul`` of two vectors raises."""
        return flow.dot(a, b) if a.ndim == b.ndim == 1 else flow.matmul(a, b)

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    table: Dict[str, Op] = {
        "zeros": lambda shape, dtype: flow.zeros(shape, dtype=dtypes[dtype]),
        "ones": lambda shape, dtype: flow.ones(shape, dtype=dtypes[dtype]),
        "full": full,
        "arange": lambda start, stop, step, dtype: flow.arange(
            start, stop, step, dtype=dtypes[dtype]
        ),
        "linspace": lambda start, stop, num, dtype: flow.linspace(
            start, stop, num, dtype=dtypes[dtype]
        ),
        "eye": eye,
        "zeros_like": flow.zeros_like,
        "ones_like": flow.ones_like,
        "full_like": lambda x, fill_value: flow.full_like(x, fill_value=fill_value),
        "astype": lambda x, dtype: x.to(dtypes[dtype]),
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "pow": operator.pow,
        "maximum": tensors(flow.maximum),
        "minimum": tensors(flow.minimum),
        "clip": lambda x, min, max: flow.clamp(x, min=min, max=max),
        "where": where,
        "equal": operator.eq,
        "not_equal": operator.ne,
        "less": operator.lt,
        "less_equal": operator.le,
        "greater": operator.gt,
        "greater_equal": operator.ge,
        "matmul": matmul,
        "sum": reduction(flow.sum),
        "mean": reduction(flow.mean),
        "max": reduction(flow.amax),
        "min": reduction(flow.amin),
        "logsumexp": reduction(flow.logsumexp),
        "argmax": argmax,
        "reshape": lambda x, shape: x.reshape(shape),
        "permute_dims": lambda x, axes: x.permute(axes),
        "broadcast_to": lambda x, shape: flow.broadcast_to(x, shape=shape),
        "concat": lambda arrays, axis: flow.cat(list(arrays), axis),
        "stack": lambda arrays, axis: flow.stack(list(arrays), axis),
        "pad": pad,
        "getitem": getitem,
        "take": lambda x, indices, axis: flow.index_select(x, axis, indices),
    }
    for name in "negative abs sign square sqrt exp expm1 log log1p".split():
        table[name] = getattr(flow, name)
    return table


def _neural_ops(flow: Any) -> Dict[str, Op]:
    F = flow.nn.functional
    dtypes = {name: getattr(flow, name) for name in DTYPES}

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return x + bias.reshape((-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        return flow.where(noise >= rate, x / (1.0 - rate), flow.zeros_like(x))

    def conv(fn: Op) -> Op:
        def apply(
            x: Tensor, weight: Tensor, stride: Any, padding: Pairs, dilation: Any, groups: int
        ) -> Tensor:
            x, low = evenly(x, padding, 0.0)
            return fn(x, weight, None, stride=stride, padding=low, dilation=dilation, groups=groups)

        return apply

    def conv_transpose(fn: Op) -> Op:
        def apply(
            x: Tensor,
            weight: Tensor,
            stride: Any,
            padding: Pairs,
            output_padding: Any,
            dilation: Any,
            groups: int,
        ) -> Tensor:
            low = tuple(min(pair) for pair in padding)
            y = fn(
                x,
                weight,
                stride=stride,
                padding=low,
                output_padding=output_padding,
                dilation=dilation,
                groups=groups,
            )
            crop = [(lo - n, hi - n) for (lo, hi), n in zip(padding, low)]
            if not any(map(any, crop)):
                return y
            return y[
                (slice(None), slice(None))  # OneFlow crops both ends alike; the rest afterwards
                + tuple(slice(lo, size - hi) for (lo, hi), size in zip(crop, y.shape[2:]))
            ]

        return apply

    def max_pool2d(x: Tensor, kernel_size: Any, stride: Any, padding: Pairs) -> Tensor:
        x, low = evenly(x, padding, -float("inf"))
        return F.max_pool2d(x, kernel_size, stride, low)

    def avg_pool2d(
        x: Tensor, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        if symmetric(padding):
            low = tuple(lo for lo, _ in padding)
            return F.avg_pool2d(x, kernel_size, stride, low, count_include_pad=count_include_pad)
        means = F.avg_pool2d(evenly(x, padding, 0.0)[0], kernel_size, stride)
        if count_include_pad:
            return means
        inside = flow.ones(1, 1, *x.shape[2:], dtype=x.dtype)
        return means / F.avg_pool2d(evenly(inside, padding, 0.0)[0], kernel_size, stride)

    def evenly(x: Tensor, padding: Pairs, value: float) -> Tuple[Tensor, Tuple[int, ...]]:
        """Return x and the padding of both ends alike; else x padded, and none."""
        if symmetric(padding):
            return x, tuple(lo for lo, _ in padding)
        return F.pad(x, last_first(padding), "constant", value), (0,) * len(padding)

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -(labels * flow.log_softmax(logits, axis)).sum(axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        if logits.ndim <= 2:
            return F.cross_entropy(logits, labels, reduction="none")
        rows = logits.reshape(-1, logits.shape[-1])  # (..., C) --> (N, C)
        losses = F.cross_entropy(rows, labels.reshape(-1), reduction="none")
        return losses.reshape(labels.shape)

    table: Dict[str, Op] = {
        "relu": flow.relu,
        "sigmoid": flow.sigmoid,
        "tanh": flow.tanh,
        "silu": F.silu,
        "softmax": lambda x, axis: flow.softmax(x, dim=axis),
        "log_softmax": lambda x, axis: flow.log_softmax(x, dim=axis),
        "bias_add": bias_add,
        "dropout": dropout,
        "max_pool2d": max_pool2d,
        "avg_pool2d": avg_pool2d,
        "one_hot": lambda indices, num_classes, dtype: F.one_hot(indices, num_classes).to(
            dtypes[dtype]
        ),
        "sigmoid_cross_entropy_with_logits": lambda logits, targets: (
            F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        ),
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
        "squared_error": lambda x, target: F.mse_loss(x, target, reduction="none"),
    }
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv(getattr(F, "conv%dd" % n))
        table["conv_transpose%dd" % n] = conv_transpose(getattr(F, "conv_transpose%dd" % n))
    return table
