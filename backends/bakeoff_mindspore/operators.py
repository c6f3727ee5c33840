"""The op catalogue in MindSpore's words: the functions of ``mindspore.ops`` that its CPU has."""

import operator
from typing import Any, Callable, Dict, Sequence, Tuple

from bakeoff_worker.shapes import last_first, symmetric, transposed_sizes

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]

DTYPES = ("bool", "int32", "int64", "float32", "float64")

# Results of these may share memory with their first argument.
VIEWS = frozenset(["reshape", "permute_dims", "broadcast_to", "getitem", "astype"])


def operators(ms: Any, unsupported: Callable[[str], Exception]) -> Dict[str, Op]:
    """Return all ops by catalogue name; ``unsupported`` makes the refusal of its reason."""
    table = dict(_array_ops(ms))
    table.update(_neural_ops(ms, unsupported))
    return table


def dtypes_of(ms: Any) -> Dict[str, Any]:
    """Return MindSpore's dtypes by catalogue name."""
    return {name: getattr(ms, "bool_" if name == "bool" else name) for name in DTYPES}


def _array_ops(ms: Any) -> Dict[str, Op]:
    ops, dtypes = ms.ops, dtypes_of(ms)

    def linspace(start: float, stop: float, num: int, dtype: str) -> Tensor:
        ends = [ms.Tensor(v, dtypes[dtype]) for v in (start, stop)]
        return ops.linspace(ends[0], ends[1], num)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        if k == 0:
            return ops.eye(n_rows, n_cols, dtypes[dtype])
        return ops.tril(ops.triu(ops.ones((n_rows, n_cols), dtypes[dtype]), k), k)

    def reduction(fn: Op) -> Op:
        """An empty axis is no reduction in NumPy, a full one in MindSpore."""

        def reduce(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
            if not axis:
                return fn(x.expand_dims(-1), (-1,), False)
            return fn(x, axis, keepdims)

        return reduce

    def summed(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
        return ops.sum(x, axis, keepdims, dtype=x.dtype)  # int32 would become int64

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        if axis is not None:
            return ops.argmax(x, axis, keepdims)
        first = ops.argmax(x.reshape(-1), 0)
        return first.reshape((1,) * x.ndim) if keepdims else first

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    table: Dict[str, Op] = {
        "zeros": lambda shape, dtype: ops.zeros(shape, dtypes[dtype]),
        "ones": lambda shape, dtype: ops.ones(shape, dtypes[dtype]),
        "full": lambda shape, fill_value, dtype: ops.full(shape, fill_value, dtype=dtypes[dtype]),
        "arange": lambda start, stop, step, dtype: ops.arange(
            start, stop, step, dtype=dtypes[dtype]
        ),
        "linspace": linspace,
        "eye": eye,
        "zeros_like": ops.zeros_like,
        "ones_like": ops.ones_like,
        "full_like": lambda x, fill_value: ops.full_like(x, fill_value=fill_value),
        "astype": lambda x, dtype: x.astype(dtypes[dtype]),
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "pow": operator.pow,
        "maximum": ops.maximum,
        "minimum": ops.minimum,
        "clip": lambda x, min, max: ops.clamp(x, min=min, max=max),
        "negative": ops.neg,
        "where": ops.where,
        "equal": operator.eq,
        "not_equal": operator.ne,
        "less": operator.lt,
        "less_equal": operator.le,
        "greater": operator.gt,
        "greater_equal": operator.ge,
        "matmul": ops.matmul,
        "sum": reduction(summed),
        "mean": reduction(ops.mean),
        "max": reduction(ops.amax),
        "min": reduction(ops.amin),
        "logsumexp": reduction(ops.logsumexp),
        "argmax": argmax,
        "reshape": lambda x, shape: x.reshape(shape),
        "permute_dims": lambda x, axes: x.permute(axes),
        "broadcast_to": lambda x, shape: x.broadcast_to(shape),
        "concat": lambda arrays, axis: ops.cat(tuple(arrays), axis),
        "stack": lambda arrays, axis: ops.stack(tuple(arrays), axis),
        "pad": lambda x, pad_width, value: ops.pad(x, last_first(pad_width), "constant", value),
        "getitem": getitem,
        "take": lambda x, indices, axis: ops.gather(x, indices, axis=axis),
    }
    for name in "abs sign square sqrt exp expm1 log log1p".split():
        table[name] = getattr(ops, name)
    return table


def _neural_ops(ms: Any, unsupported: Callable[[str], Exception]) -> Dict[str, Op]:
    ops, dtypes = ms.ops, dtypes_of(ms)

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return x + bias.reshape((-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        kept = ms.Tensor(1.0 - rate, x.dtype)  # beside a float64 a number would be a float32
        return ops.where(noise >= ms.Tensor(rate, x.dtype), x / kept, ops.zeros_like(x))

    def single(x: Tensor, what: str = "convolutions are") -> None:
        if x.dtype != ms.float32:
            raise unsupported("MindSpore's %s float32 only on the CPU" % what)

    def conv(fn: Op) -> Op:
        def apply(
            x: Tensor, weight: Tensor, stride: Any, padding: Pairs, dilation: Any, groups: int
        ) -> Tensor:
            single(x)
            x, low = evenly(x, padding, 0.0)
            return fn(x, weight, None, stride, "pad", low, dilation, groups)

        return apply

    def conv_transpose1d(
        x: Tensor,
        weight: Tensor,
        stride: Any,
        padding: Pairs,
        output_padding: Any,
        dilation: Any,
        groups: int,
    ) -> Tensor:
        """MindSpore's own, ``nn.Conv1dTranspose``, is this: two dimensions, the first of size 1."""
        wide = conv_transpose2d(
            x.expand_dims(2),
            weight.expand_dims(2),
            (1, *stride),
            ((0, 0), *padding),
            (0, *output_padding),
            (1, *dilation),
            groups,
        )
        return wide.squeeze(2)

    def conv_transpose2d(
        x: Tensor,
        weight: Tensor,
        stride: Any,
        padding: Pairs,
        output_padding: Any,
        dilation: Any,
        groups: int,
    ) -> Tensor:
        single(x)
        kernel = tuple(weight.shape[2:])
        sizes = transposed_sizes(x.shape[2:], kernel, stride, padding, output_padding, dilation)
        fn = ops.Conv2DTranspose(
            weight.shape[0],
            kernel,
            "pad",
            ends(padding),
            stride=stride,
            dilation=dilation,
            group=groups,
        )
        return fn(x, weight, (x.shape[0], weight.shape[1] * groups, *sizes))

    def conv_transpose3d(
        x: Tensor,
        weight: Tensor,
        stride: Any,
        padding: Pairs,
        output_padding: Any,
        dilation: Any,
        groups: int,
    ) -> Tensor:
        single(x)
        fn = ops.Conv3DTranspose(
            weight.shape[0],
            weight.shape[1] * groups,
            tuple(weight.shape[2:]),
            pad_mode="pad",
            pad=ends(padding),
            stride=stride,
            dilation=dilation,
            group=groups,
            output_padding=output_padding,
        )
        return fn(x, weight)

    def max_pool2d(x: Tensor, kernel_size: Any, stride: Any, padding: Pairs) -> Tensor:
        x, low = evenly(x, padding, -float("inf"))
        return ops.max_pool2d(x, kernel_size, stride, low)

    def avg_pool2d(
        x: Tensor, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        single(x, "AvgPool3DGrad is")
        return ops.avg_pool2d(
            x, kernel_size, stride, ends(padding), count_include_pad=count_include_pad
        )

    def evenly(x: Tensor, padding: Pairs, value: float) -> Tuple[Tensor, Tuple[int, ...]]:
        """Return x and the padding of both ends alike; else x padded, and none."""
        if symmetric(padding):
            return x, tuple(lo for lo, _ in padding)
        return ops.pad(x, last_first(padding), "constant", value), (0,) * len(padding)

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        return ops.one_hot(indices, num_classes).astype(dtypes[dtype])

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        single(logits, "BCEWithLogitsLoss is")
        return ops.binary_cross_entropy_with_logits(logits, targets, reduction="none")

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -(labels * ops.log_softmax(logits, axis)).sum(axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        rows = logits.reshape(-1, logits.shape[-1])  # (..., C) --> (N, C)
        losses = ops.cross_entropy(rows, labels.reshape(-1).astype(ms.int32), reduction="none")
        return losses.reshape(labels.shape)

    table: Dict[str, Op] = {
        "relu": ops.relu,
        "sigmoid": ops.sigmoid,
        "tanh": ops.tanh,
        "silu": ops.silu,
        "softmax": lambda x, axis: ops.softmax(x, axis=axis),
        "log_softmax": lambda x, axis: ops.log_softmax(x, axis=axis),
        "bias_add": bias_add,
        "dropout": dropout,
        "max_pool2d": max_pool2d,
        "avg_pool2d": avg_pool2d,
        "conv_transpose1d": conv_transpose1d,
        "conv_transpose2d": conv_transpose2d,
        "conv_transpose3d": conv_transpose3d,
        "one_hot": one_hot,
        "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
        "squared_error": lambda x, target: ops.mse_loss(x, target, reduction="none"),
    }
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv(getattr(ops, "conv%dd" % n))
    return table


def ends(padding: Pairs) -> Tuple[int, ...]:
    """Primitives want (lo, hi) of the first dimension, then of the next."""
    return tuple(n for pair in padding for n in pair)
