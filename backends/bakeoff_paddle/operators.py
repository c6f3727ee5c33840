"""The op catalogue in PaddlePaddle's words."""

import operator
from typing import Any, Callable, Dict, List, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]

# Results of these may share memory with their first argument.
VIEWS = frozenset(["reshape", "permute_dims", "broadcast_to", "getitem", "astype"])


def operators(paddle: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name."""
    table = dict(_array_ops(paddle))
    table.update(_neural_ops(paddle))
    return table


def _array_ops(paddle: Any) -> Dict[str, Op]:
    def extremum(fn: Op) -> Op:
        """``paddle.maximum`` takes tensors only."""

        def apply(a: Tensor, b: Tensor) -> Tensor:
            if not isinstance(a, paddle.Tensor):
                a = paddle.full([], a, b.dtype)
            if not isinstance(b, paddle.Tensor):
                b = paddle.full([], b, a.dtype)
            return fn(a, b)

        return apply

    def where(condition: Tensor, a: Any, b: Any) -> Tensor:
        """``paddle.where`` takes tensors only."""
        dtype = next(v.dtype for v in (a, b) if isinstance(v, paddle.Tensor))
        a, b = [v if isinstance(v, paddle.Tensor) else paddle.full([], v, dtype) for v in (a, b)]
        return paddle.where(condition, a, b)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        if k == 0:
            return paddle.eye(n_rows, n_cols, dtype)
        return paddle.tril(paddle.triu(paddle.ones([n_rows, n_cols], dtype), k), k)

    def reduction(fn: Op) -> Op:
        """An empty axis is no reduction in NumPy, a full one in PaddlePaddle."""

        def reduce(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
            if not axis:
                return fn(x.unsqueeze(-1), [-1], False)
            return fn(x, list(axis), keepdims)

        return reduce

    def summed(x: Tensor, axis: List[int], keepdim: bool) -> Tensor:
        return paddle.sum(x, axis, x.dtype, keepdim)  # int32 would become int64

    def arange(start: float, stop: float, step: float, dtype: str) -> Tensor:
        return paddle.arange(start, stop, step, dtype)

    def permute_dims(x: Tensor, axes: Any) -> Tensor:
        return paddle.transpose(x, axes)

    def take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
        return paddle.index_select(x, indices, axis)

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        if axis is None and keepdims:
            return paddle.argmax(x).reshape([1] * x.ndim)
        return paddle.argmax(x, axis, keepdims)

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return paddle.nn.functional.pad(x, [n for pair in pad_width for n in pair], value=value)

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def matmul(a: Tensor, b: Tensor) -> Tensor:
        """Expand batches that differ: the gradient raises where both are broadcast."""
        if a.ndim > 2 and b.ndim > 2 and a.shape[:-2] != b.shape[:-2]:
            batch = paddle.broadcast_shape(a.shape[:-2], b.shape[:-2])
            a, b = [paddle.expand(x, list(batch) + list(x.shape[-2:])) for x in (a, b)]
        return paddle.matmul(a, b)

    same_name = (
        "zeros ones zeros_like ones_like full_like linspace abs sign square sqrt exp expm1 log "
        "log1p clip reshape broadcast_to stack"
    )
    table = {name: getattr(paddle, name) for name in same_name.split()}
    table.update(
        full=paddle.full,
        eye=eye,
        arange=arange,
        matmul=matmul,
        astype=lambda x, dtype: x.astype(dtype),
        add=operator.add,
        subtract=operator.sub,
        multiply=operator.mul,
        divide=operator.truediv,
        pow=operator.pow,
        maximum=extremum(paddle.maximum),
        minimum=extremum(paddle.minimum),
        negative=paddle.neg,
        where=where,
        equal=operator.eq,
        not_equal=operator.ne,
        less=operator.lt,
        less_equal=operator.le,
        greater=operator.gt,
        greater_equal=operator.ge,
        sum=reduction(summed),
        mean=reduction(paddle.mean),
        max=reduction(paddle.amax),  # paddle.max gives each of several maxima a whole gradient
        min=reduction(paddle.amin),
        logsumexp=reduction(paddle.logsumexp),
        argmax=argmax,
        permute_dims=permute_dims,
        concat=lambda arrays, axis: paddle.concat(list(arrays), axis),
        pad=pad,
        getitem=getitem,
        take=take,
    )
    return table


def _neural_ops(paddle: Any) -> Dict[str, Op]:
    F = paddle.nn.functional

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return x + bias.reshape([-1] + [1] * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        return paddle.where(noise >= rate, x / (1.0 - rate), paddle.zeros_like(x))

    def conv(fn: Op) -> Op:
        def apply(
            x: Tensor, weight: Tensor, stride: Any, padding: Pairs, dilation: Any, groups: int
        ) -> Tensor:
            x, low = _evenly(x, padding, 0.0)
            return fn(x, weight, None, stride, low, dilation, groups)

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
            low = [min(pair) for pair in padding]
            y = fn(
                x,
                weight,
                stride=stride,
                padding=low,
                output_padding=output_padding,
                dilation=dilation,
                groups=groups,
            )
            # PaddlePaddle crops both ends alike; the rest afterwards.
            crop = [(lo - n, hi - n) for (lo, hi), n in zip(padding, low)]
            if not any(map(any, crop)):
                return y
            sizes = y.shape[2:]
            return y[
                (slice(None), slice(None))
                + tuple(slice(lo, size - hi) for (lo, hi), size in zip(crop, sizes))
            ]

        return apply

    def max_pool2d(x: Tensor, kernel_size: Any, stride: Any, padding: Pairs) -> Tensor:
        x, low = _evenly(x, padding, -float("inf"))
        return F.max_pool2d(x, kernel_size, stride, low)

    def avg_pool2d(
        x: Tensor, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        if all(lo == hi for lo, hi in padding):
            low = [lo for lo, _ in padding]
            return F.avg_pool2d(x, kernel_size, stride, low, exclusive=not count_include_pad)
        means = F.avg_pool2d(_evenly(x, padding, 0.0)[0], kernel_size, stride)
        if count_include_pad:
            return means
        inside = paddle.ones([1, 1] + x.shape[2:], x.dtype)
        return means / F.avg_pool2d(_evenly(inside, padding, 0.0)[0], kernel_size, stride)

    def _evenly(x: Tensor, padding: Pairs, value: float) -> Tuple[Tensor, List[int]]:
        """Return x and the padding of both ends alike; else x padded, and none."""
        if all(lo == hi for lo, hi in padding):
            return x, [lo for lo, _ in padding]
        flat = [0, 0, 0, 0] + [n for pair in padding for n in pair]
        return F.pad(x, flat, value=value), [0] * len(padding)

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        return F.one_hot(indices, num_classes).astype(dtype)

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        return F.relu(logits) - logits * targets + paddle.log1p(paddle.exp(-paddle.abs(logits)))

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -(labels * F.log_softmax(logits, axis)).sum(axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, reduction="none")

    table = {name: getattr(F, name) for name in "relu sigmoid tanh silu softmax".split()}
    table.update(
        bias_add=bias_add,
        log_softmax=F.log_softmax,
        dropout=dropout,
        max_pool2d=max_pool2d,
        avg_pool2d=avg_pool2d,
        one_hot=one_hot,
        sigmoid_cross_entropy_with_logits=sigmoid_cross_entropy,
        softmax_cross_entropy_with_logits=softmax_cross_entropy,
        sparse_softmax_cross_entropy_with_logits=sparse_softmax_cross_entropy,
        squared_error=F.square_error_cost,
    )
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv(getattr(F, "conv%dd" % n))
        table["conv_transpose%dd" % n] = conv_transpose(getattr(F, "conv%dd_transpose" % n))
    return table
