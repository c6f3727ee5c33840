"""The op catalogue in Keras's words: ``keras.ops``, the same on every engine."""

from typing import Any, Callable, Dict, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]
Shape = Tuple[int, ...]


def operators(ops: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name; ``ops`` is ``keras.ops``."""
    table = dict(_array_ops(ops))
    table.update(_neural_ops(ops))
    table.update(_spatial_ops(ops))
    return table


def _array_ops(ops: Any) -> Dict[str, Op]:
    def full(shape: Shape, fill_value: Any, dtype: str) -> Tensor:
        return ops.full(shape, fill_value, dtype)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        return ops.eye(n_rows, n_cols, k, dtype)

    def reduction(fn: Op) -> Op:
        """An empty axis is no reduction in the catalogue; engines differ."""

        def apply(x: Tensor, axis: Shape, keepdims: bool) -> Tensor:
            if axis:
                return fn(x, axis=axis, keepdims=keepdims)
            return fn(ops.expand_dims(x, -1), axis=-1)

        return apply

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        return ops.cast(ops.argmax(x, axis=axis, keepdims=keepdims), "int64")

    def both(fn: Op) -> Op:
        """Give a scalar the other operand's dtype: alone it would be ``floatx``."""

        def apply(a: Tensor, b: Tensor) -> Tensor:
            if isinstance(a, (bool, int, float)):
                a = ops.convert_to_tensor(a, b.dtype)
            if isinstance(b, (bool, int, float)):
                b = ops.convert_to_tensor(b, a.dtype)
            return fn(a, b)

        return apply

    def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return both(lambda a, b: ops.where(condition, a, b))(a, b)

    def clip(x: Tensor, min: Any, max: Any) -> Tensor:
        if min is not None:
            x = both(ops.maximum)(x, min)
        return x if max is None else both(ops.minimum)(x, max)

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return ops.pad(x, pad_width, "constant", value)

    def permute_dims(x: Tensor, axes: Shape) -> Tensor:
        return ops.transpose(x, axes)

    def reshape(x: Tensor, shape: Shape) -> Tensor:
        return ops.reshape(x, shape)

    same = (
        "zeros ones arange linspace zeros_like ones_like full_like negative sign square sqrt exp "
        "expm1 log log1p broadcast_to stack take matmul"
    )
    table: Dict[str, Op] = {name: getattr(ops, name) for name in same.split()}
    binary = (
        "add subtract multiply divide maximum minimum equal not_equal less less_equal greater "
        "greater_equal"
    )
    table.update((name, both(getattr(ops, name))) for name in binary.split())
    table.update((n, reduction(getattr(ops, n))) for n in ("sum", "mean", "max", "min"))
    table.update(
        full=full,
        eye=eye,
        astype=ops.cast,
        pow=both(ops.power),
        abs=ops.absolute,
        clip=clip,
        where=where,
        logsumexp=reduction(ops.logsumexp),
        argmax=argmax,
        reshape=reshape,
        permute_dims=permute_dims,
        concat=ops.concatenate,
        pad=pad,
        getitem=getitem,
    )
    return table


def _neural_ops(ops: Any) -> Dict[str, Op]:
    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return ops.add(x, ops.reshape(bias, (-1,) + (1,) * (len(x.shape) - 2)))

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        kept = ops.greater_equal(noise, ops.convert_to_tensor(rate, noise.dtype))
        return ops.where(kept, ops.divide(x, 1.0 - rate), ops.zeros_like(x))

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        return ops.binary_crossentropy(targets, logits, from_logits=True)

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return ops.categorical_crossentropy(labels, logits, from_logits=True, axis=axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return ops.cast(losses, logits.dtype)  # JAX's one_hot is float64 where 64 bits are on

    def squared_error(predictions: Tensor, targets: Tensor) -> Tensor:
        return ops.square(ops.subtract(predictions, targets))

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        return ops.one_hot(indices, num_classes, dtype=dtype)

    names = "relu sigmoid tanh silu softmax log_softmax".split()
    table: Dict[str, Op] = {name: getattr(ops, name) for name in names}
    table.update(
        bias_add=bias_add,
        dropout=dropout,
        one_hot=one_hot,
        sigmoid_cross_entropy_with_logits=sigmoid_cross_entropy,
        softmax_cross_entropy_with_logits=softmax_cross_entropy,
        sparse_softmax_cross_entropy_with_logits=sparse_softmax_cross_entropy,
        squared_error=squared_error,
    )
    return table


# -- windows: Keras has its channels last, and pads evenly or not at all


def _spatial_ops(ops: Any) -> Dict[str, Op]:
    last = {"data_format": "channels_last"}

    def to_last(x: Tensor, padding: Pairs = (), value: float = 0.0) -> Tensor:
        rank = len(x.shape)
        x = ops.transpose(x, (0, *range(2, rank), 1))  # (N, C, ...) --> (N, ..., C)
        if not any(map(any, padding)):
            return x
        return ops.pad(x, ((0, 0), *padding, (0, 0)), "constant", value)

    def to_first(x: Tensor) -> Tensor:
        rank = len(x.shape)
        return ops.transpose(x, (0, rank - 1, *range(1, rank - 1)))  # (N, ..., C) --> (N, C, ...)

    def filters(weight: Tensor) -> Tensor:
        return ops.transpose(weight, (*range(2, len(weight.shape)), 1, 0))  # --> (..., I, O)

    def per_group(fn: Op, x: Tensor, weight: Tensor, groups: int) -> Tensor:
        if groups == 1:
            return fn(x, weight)
        parts = zip(ops.split(x, groups, -1), ops.split(weight, groups, -1))
        return ops.concatenate([fn(part, part_filters) for part, part_filters in parts], -1)

    def conv(
        x: Tensor, weight: Tensor, stride: Shape, padding: Pairs, dilation: Shape, groups: int
    ) -> Tensor:
        def one(part: Tensor, kernel: Tensor) -> Tensor:
            return ops.conv(part, kernel, stride, "valid", dilation_rate=dilation, **last)

        return to_first(per_group(one, to_last(x, padding), filters(weight), groups))

    def conv_transpose(
        x: Tensor,
        weight: Tensor,
        stride: Shape,
        padding: Pairs,
        output_padding: Shape,
        dilation: Shape,
        groups: int,
    ) -> Tensor:
        def one(part: Tensor, kernel: Tensor) -> Tensor:
            return ops.conv_transpose(part, kernel, stride, "valid", dilation_rate=dilation, **last)

        y = per_group(one, to_last(x), filters(weight), groups)
        # what no filter reaches is zero: at the end, then cropped as asked for
        y = ops.pad(y, ((0, 0), *((0, extra) for extra in output_padding), (0, 0)))
        sizes = [
            (n - 1) * s + d * (k - 1) + 1 + extra
            for n, s, d, k, extra in zip(
                x.shape[2:], stride, dilation, weight.shape[2:], output_padding
            )
        ]
        keep = [slice(lo, size - hi) for (lo, hi), size in zip(padding, sizes)]
        return to_first(y[(slice(None), *keep)])

    def max_pool2d(x: Tensor, kernel_size: Shape, stride: Shape, padding: Pairs) -> Tensor:
        x = to_last(x, padding, -float("inf"))
        return to_first(ops.max_pool(x, kernel_size, stride, "valid", **last))

    def avg_pool2d(
        x: Tensor, kernel_size: Shape, stride: Shape, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        y = ops.average_pool(to_last(x, padding), kernel_size, stride, "valid", **last)
        if not count_include_pad:
            inside = to_last(ops.ones_like(x[:1, :1]), padding)  # (1, H, W, 1)
            y = ops.divide(y, ops.average_pool(inside, kernel_size, stride, "valid", **last))
        return to_first(y)

    table: Dict[str, Op] = {"max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}
    table.update(("conv%dd" % n, conv) for n in (1, 2, 3))
    table.update(("conv_transpose%dd" % n, conv_transpose) for n in (1, 2, 3))
    return table
