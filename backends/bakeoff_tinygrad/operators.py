"""The op catalogue in tinygrad's words: methods of its Tensor."""

import operator
from typing import Any, Callable, Dict, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]

DTYPES = ("bool", "int32", "int64", "float32", "float64")
UNSUPPORTED = {
    "expm1": "tinygrad has no expm1",
    "log1p": "tinygrad has no log1p",
}


def operators(tinygrad: Any, unsupported: Callable[[str], Exception]) -> Dict[str, Op]:
    """Return all ops by catalogue name. ``unsupported`` makes the error of a refusal."""
    dtypes = {name: getattr(tinygrad.dtypes, name) for name in DTYPES}
    table = dict(_array_ops(tinygrad.Tensor, dtypes, unsupported))
    table.update(_neural_ops(tinygrad.Tensor, dtypes))
    return table


def _array_ops(
    Tensor: Any, dtypes: Dict[str, Any], unsupported: Callable[[str], Exception]
) -> Dict[str, Op]:
    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Any:
        if k == 0:
            return Tensor.eye(n_rows, n_cols, dtype=dtypes[dtype])
        return Tensor.ones(n_rows, n_cols, dtype=dtypes[dtype]).triu(k).tril(k)

    def extremum(method: str) -> Op:
        def apply(a: Any, b: Any) -> Any:
            return getattr(a, method)(b) if hasattr(a, method) else getattr(b, method)(a)

        return apply

    def where(condition: Any, a: Any, b: Any) -> Any:
        return condition.where(a, b)

    def reduction(method: str) -> Op:
        """An empty axis is no reduction in NumPy, a full one in tinygrad."""

        def reduce(x: Any, axis: Tuple[int, ...], keepdims: bool) -> Any:
            if not axis:
                return getattr(x.unsqueeze(-1), method)((-1,), False)
            return getattr(x, method)(axis, keepdims)

        return reduce

    def summed(x: Any, axis: Tuple[int, ...], keepdims: bool) -> Any:
        return x.sum(axis, keepdims, dtype=x.dtype) if axis else x

    def logsumexp(x: Any, axis: Tuple[int, ...], keepdims: bool) -> Any:
        if len(axis) not in (1, x.ndim):
            raise unsupported("Tensor.logsumexp takes one axis, or all")
        return x.logsumexp(axis[0] if len(axis) == 1 else None, keepdims)

    def argmax(x: Any, axis: Any, keepdims: bool) -> Any:
        if axis is None and keepdims:
            return x.argmax().reshape((1,) * x.ndim).cast(dtypes["int64"])
        return x.argmax(axis, keepdims).cast(dtypes["int64"])

    def broadcast_to(x: Any, shape: Tuple[int, ...]) -> Any:
        return x.reshape((1,) * (len(shape) - x.ndim) + tuple(x.shape)).expand(shape)

    def getitem(x: Any, index: Sequence[Any]) -> Any:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def take(x: Any, indices: Any, axis: int) -> Any:
        return x[(slice(None),) * axis + (indices,)]

    def arange(start: float, stop: float, step: float, dtype: str) -> Any:
        return Tensor.arange(start, stop, step, dtype=dtypes[dtype])

    def linspace(start: float, stop: float, num: int, dtype: str) -> Any:
        return Tensor.linspace(start, stop, num, dtype=dtypes[dtype])

    table: Dict[str, Op] = {
        name: operator.methodcaller(name)
        for name in "zeros_like ones_like neg abs sign square sqrt exp log".split()
    }
    table["negative"] = table.pop("neg")
    table.update((name, reduction(name)) for name in "mean max min".split())
    table.update(
        zeros=lambda shape, dtype: Tensor.zeros(shape, dtype=dtypes[dtype]),
        ones=lambda shape, dtype: Tensor.ones(shape, dtype=dtypes[dtype]),
        full=lambda shape, fill_value, dtype: Tensor.full(shape, fill_value, dtype=dtypes[dtype]),
        full_like=lambda x, fill_value: x.full_like(fill_value),
        arange=arange,
        linspace=linspace,
        eye=eye,
        astype=lambda x, dtype: x.cast(dtypes[dtype]),
        add=operator.add,
        subtract=operator.sub,
        multiply=operator.mul,
        divide=operator.truediv,
        pow=operator.pow,
        maximum=extremum("maximum"),
        minimum=extremum("minimum"),
        clip=lambda x, min, max: x.clamp(min, max),
        where=where,
        equal=operator.eq,
        not_equal=operator.ne,
        less=operator.lt,
        less_equal=operator.le,
        greater=operator.gt,
        greater_equal=operator.ge,
        sum=summed,
        logsumexp=logsumexp,
        argmax=argmax,
        reshape=lambda x, shape: x.reshape(shape),
        permute_dims=lambda x, axes: x.permute(axes),
        broadcast_to=broadcast_to,
        concat=lambda arrays, axis: arrays[0].cat(*arrays[1:], dim=axis),
        stack=lambda arrays, axis: arrays[0].stack(*arrays[1:], dim=axis),
        pad=lambda x, pad_width, value: x.pad(pad_width, value=value),
        getitem=getitem,
        take=take,
        matmul=operator.matmul,
    )
    return table


def _neural_ops(Tensor: Any, dtypes: Dict[str, Any]) -> Dict[str, Op]:
    def bias_add(x: Any, bias: Any) -> Any:
        return x + bias.reshape((-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def dropout(x: Any, noise: Any, rate: float) -> Any:
        return (noise >= rate).where(x / (1.0 - rate), 0.0)

    def conv(x: Any, weight: Any, stride: Any, padding: Pairs, dilation: Any, groups: int) -> Any:
        return x.conv2d(weight, None, groups, stride, dilation, _flat(padding))

    def conv_transpose(
        x: Any,
        weight: Any,
        stride: Any,
        padding: Pairs,
        output_padding: Any,
        dilation: Any,
        groups: int,
    ) -> Any:
        return x.conv_transpose2d(
            weight, None, groups, stride, dilation, _flat(padding), output_padding
        )

    def max_pool2d(x: Any, kernel_size: Any, stride: Any, padding: Pairs) -> Any:
        return x.max_pool2d(kernel_size, stride, 1, _flat(padding))

    def avg_pool2d(
        x: Any, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Any:
        return x.avg_pool2d(
            kernel_size, stride, 1, _flat(padding), count_include_pad=count_include_pad
        )

    def softmax_cross_entropy(logits: Any, labels: Any, axis: int) -> Any:
        return -(labels * logits.log_softmax(axis)).sum(axis)

    def sigmoid_cross_entropy(logits: Any, targets: Any) -> Any:
        return logits.binary_crossentropy_logits(targets, reduction="none")

    def sparse_softmax_cross_entropy(logits: Any, labels: Any) -> Any:
        return logits.sparse_categorical_crossentropy(labels, reduction="none")

    table: Dict[str, Op] = {
        name: operator.methodcaller(name) for name in "relu sigmoid tanh silu".split()
    }
    table.update(
        bias_add=bias_add,
        softmax=lambda x, axis: x.softmax(axis),
        log_softmax=lambda x, axis: x.log_softmax(axis),
        dropout=dropout,
        max_pool2d=max_pool2d,
        avg_pool2d=avg_pool2d,
        one_hot=lambda indices, num_classes, dtype: indices.one_hot(num_classes).cast(
            dtypes[dtype]
        ),
        sigmoid_cross_entropy_with_logits=sigmoid_cross_entropy,
        softmax_cross_entropy_with_logits=softmax_cross_entropy,
        sparse_softmax_cross_entropy_with_logits=sparse_softmax_cross_entropy,
        squared_error=lambda predictions, targets: (predictions - targets).square(),
    )
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv
        table["conv_transpose%dd" % n] = conv_transpose
    return table


def _flat(pairs: Pairs) -> Tuple[int, ...]:
    """tinygrad wants the last dimension first: (lo, hi) of it, then of the one before."""
    return tuple(n for pair in reversed(list(pairs)) for n in pair)
