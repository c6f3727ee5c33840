"""The op catalogue in MXNet's words: ``np`` and ``npx``, alike for arrays and for symbols.

An op is called as ``op(F, shapes, *tensors, **attrs)``: ``F`` is ``mxnet.ndarray`` or
``mxnet.symbol``, ``shapes`` are those of the tensors, which a symbol does not know.
"""

from typing import Any, Callable, Dict, List, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]
Shape = Tuple[int, ...]
Shapes = Sequence[Shape]


def operators() -> Dict[str, Op]:
    """Return all ops by catalogue name."""
    table: Dict[str, Op] = {}
    for ours, theirs in _SAME.items():
        table[ours] = _named(theirs)
    table.update(_REDUCTIONS)
    table.update(_MOVEMENT)
    table.update(_NEURAL)
    return table


def _named(name: str) -> Op:
    return lambda F, shapes, *tensors, **attrs: getattr(F.np, name)(*tensors, **attrs)


_SAME = {
    n: n
    for n in (
        "zeros ones full arange linspace zeros_like ones_like add subtract multiply maximum "
        "minimum negative abs sign square sqrt exp expm1 log log1p where equal not_equal less "
        "less_equal greater greater_equal matmul tanh"
    ).split()
}
_SAME.update(divide="true_divide", pow="power")


# -- creation, reductions


def _eye(F: Any, shapes: Shapes, n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
    return F.np.eye(n_rows, n_cols, k, dtype=dtype)


def _full_like(F: Any, shapes: Shapes, x: Tensor, fill_value: Any) -> Tensor:
    return F.np.full_like(x, fill_value)


def _astype(F: Any, shapes: Shapes, x: Tensor, dtype: str) -> Tensor:
    return F.npx.cast(x, dtype=dtype)


def _clip(F: Any, shapes: Shapes, x: Tensor, min: Any, max: Any) -> Tensor:
    return F.np.clip(x, min, max)


def _logsumexp(F: Any, shapes: Shapes, x: Tensor, axis: Shape, keepdims: bool) -> Tensor:
    largest = F.np.max(x, axis=axis, keepdims=True)
    y = F.np.log(F.np.sum(F.np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return y if keepdims else F.np.squeeze(y, axis=axis)


def _argmax(F: Any, shapes: Shapes, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    index = F.np.argmax(x, axis=axis)
    if keepdims:
        kept = tuple(1 if axis in (None, i) else n for i, n in enumerate(shapes[0]))
        return F.np.reshape(index, kept)
    return index


_REDUCTIONS: Dict[str, Op] = {n: _named(n) for n in ("sum", "mean", "max", "min")}
_REDUCTIONS.update(logsumexp=_logsumexp, argmax=_argmax)


# -- movement


def _reshape(F: Any, shapes: Shapes, x: Tensor, shape: Shape) -> Tensor:
    return F.np.reshape(x, shape)


def _permute(F: Any, shapes: Shapes, x: Tensor, axes: Shape) -> Tensor:
    return F.np.transpose(x, axes)


def _broadcast_to(F: Any, shapes: Shapes, x: Tensor, shape: Shape) -> Tensor:
    return F.np.broadcast_to(x, shape)


def _concat(F: Any, shapes: Shapes, arrays: Sequence[Tensor], axis: int) -> Tensor:
    return F.np.concatenate(arrays, axis=axis)


def _stack(F: Any, shapes: Shapes, arrays: Sequence[Tensor], axis: int) -> Tensor:
    return F.np.stack(arrays, axis=axis)


def _pad(F: Any, shapes: Shapes, x: Tensor, pad_width: Pairs, value: float) -> Tensor:
    return F.np.pad(x, tuple(pad_width), mode="constant", constant_values=value)


def _getitem(F: Any, shapes: Shapes, x: Tensor, index: Sequence[Any]) -> Tensor:
    """Slice, then drop the dimensions of integers and add the new ones."""
    items = [i for i in index if i is not None]
    spans = [i if isinstance(i, tuple) else (i, i + 1, 1) for i in items]
    begin, end, step = zip(*spans) if spans else ((), (), ())
    sizes = iter(len(range(*span)) for span in spans)
    shape: List[int] = []
    for item in index:
        size = 1 if item is None else next(sizes)
        if item is None or isinstance(item, tuple):
            shape.append(size)
    return F.np.reshape(F.npx.slice(x, begin=begin, end=end, step=step), tuple(shape))


def _take(F: Any, shapes: Shapes, x: Tensor, indices: Tensor, axis: int) -> Tensor:
    return F.np.take(x, indices, axis=axis, mode="clip")


_MOVEMENT: Dict[str, Op] = {
    "eye": _eye,
    "full_like": _full_like,
    "astype": _astype,
    "clip": _clip,
    "reshape": _reshape,
    "permute_dims": _permute,
    "broadcast_to": _broadcast_to,
    "concat": _concat,
    "stack": _stack,
    "pad": _pad,
    "getitem": _getitem,
    "take": _take,
}


# -- neural networks


def _bias_add(F: Any, shapes: Shapes, x: Tensor, bias: Tensor) -> Tensor:
    return x + F.np.reshape(bias, (-1,) + (1,) * (len(shapes[0]) - 2))  # (C,) --> (C, 1, ...)


def _relu(F: Any, shapes: Shapes, x: Tensor) -> Tensor:
    return F.npx.relu(x)


def _sigmoid(F: Any, shapes: Shapes, x: Tensor) -> Tensor:
    return F.npx.sigmoid(x)


def _silu(F: Any, shapes: Shapes, x: Tensor) -> Tensor:
    return x * F.npx.sigmoid(x)


def _softmax(F: Any, shapes: Shapes, x: Tensor, axis: int) -> Tensor:
    return F.npx.softmax(x, axis=axis)


def _log_softmax(F: Any, shapes: Shapes, x: Tensor, axis: int) -> Tensor:
    return F.npx.log_softmax(x, axis=axis)


def _dropout(F: Any, shapes: Shapes, x: Tensor, noise: Tensor, rate: float) -> Tensor:
    return F.np.where(F.np.greater_equal(noise, rate), x / (1.0 - rate), F.np.zeros_like(x))


def _even(F: Any, x: Tensor, padding: Pairs) -> Tuple[Tensor, Shape]:
    """Return x and the padding that MXNet is to do: alike at both ends, or none."""
    if all(lo == hi for lo, hi in padding):
        return x, tuple(lo for lo, _ in padding)
    width = [(0, 0), (0, 0)] + list(padding)
    padded = F.np.pad(x, tuple(width), mode="constant", constant_values=0.0)
    return padded, (0,) * len(padding)


def _conv(
    F: Any,
    shapes: Shapes,
    x: Tensor,
    weight: Tensor,
    stride: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> Tensor:
    x, low = _even(F, x, padding)
    filters = shapes[1]
    return F.npx.convolution(
        data=x,
        weight=weight,
        no_bias=True,
        kernel=filters[2:],
        num_filter=filters[0],
        stride=stride,
        pad=low,
        dilate=dilation,
        num_group=groups,
    )


def _conv_transpose(
    F: Any,
    shapes: Shapes,
    x: Tensor,
    weight: Tensor,
    stride: Shape,
    padding: Pairs,
    output_padding: Shape,
    dilation: Shape,
    groups: int,
) -> Tensor:
    low = tuple(min(p) for p in padding)
    filters = shapes[1]
    y = F.npx.deconvolution(
        data=x,
        weight=weight,
        no_bias=True,
        kernel=filters[2:],
        num_filter=filters[1] * groups,
        stride=stride,
        pad=low,
        adj=output_padding,
        dilate=dilation,
        num_group=groups,
    )
    if all(lo == hi for lo, hi in padding):
        return y
    # MXNet crops both ends alike: crop the rest afterwards.
    begin = (None, None) + tuple(lo - p for (lo, _), p in zip(padding, low))
    end = (None, None) + tuple(p - hi or None for (_, hi), p in zip(padding, low))
    return F.npx.slice(y, begin=begin, end=end)


def _max_pool2d(
    F: Any, shapes: Shapes, x: Tensor, kernel_size: Shape, stride: Shape, padding: Pairs
) -> Tensor:
    low = tuple(lo for lo, _ in padding)
    return F.npx.pooling(x, kernel=kernel_size, stride=stride, pad=low, pool_type="max")


def _avg_pool2d(
    F: Any,
    shapes: Shapes,
    x: Tensor,
    kernel_size: Shape,
    stride: Shape,
    padding: Pairs,
    count_include_pad: bool,
) -> Tensor:
    options = {"kernel": kernel_size, "stride": stride, "pool_type": "avg"}
    even = all(lo == hi for lo, hi in padding)
    padded, low = _even(F, x, padding)
    if even or count_include_pad:
        return F.npx.pooling(padded, pad=low, count_include_pad=count_include_pad, **options)
    inside, _ = _even(F, F.np.ones_like(x), padding)
    return F.npx.pooling(padded, pad=low, **options) / F.npx.pooling(inside, pad=low, **options)


def _one_hot(F: Any, shapes: Shapes, indices: Tensor, num_classes: int, dtype: str) -> Tensor:
    return F.npx.one_hot(indices, num_classes, dtype=dtype)


def _sigmoid_cross_entropy(F: Any, shapes: Shapes, logits: Tensor, targets: Tensor) -> Tensor:
    """As ``gluon.loss.SigmoidBinaryCrossEntropyLoss`` computes it."""
    tail = F.npx.activation(-F.np.abs(logits), act_type="softrelu")
    return F.npx.relu(logits) - logits * targets + tail


def _softmax_cross_entropy(
    F: Any, shapes: Shapes, logits: Tensor, labels: Tensor, axis: int
) -> Tensor:
    """As ``gluon.loss.SoftmaxCELoss`` with dense labels computes it."""
    return -F.np.sum(F.npx.log_softmax(logits, axis=axis) * labels, axis=axis)


def _sparse_softmax_cross_entropy(F: Any, shapes: Shapes, logits: Tensor, labels: Tensor) -> Tensor:
    """As ``gluon.loss.SoftmaxCELoss`` with sparse labels computes it."""
    return -F.npx.pick(F.npx.log_softmax(logits, axis=-1), labels, axis=-1)


def _squared_error(F: Any, shapes: Shapes, predictions: Tensor, targets: Tensor) -> Tensor:
    return F.np.square(predictions - targets)


_NEURAL: Dict[str, Op] = {
    "bias_add": _bias_add,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "dropout": _dropout,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "one_hot": _one_hot,
    "sigmoid_cross_entropy_with_logits": _sigmoid_cross_entropy,
    "softmax_cross_entropy_with_logits": _softmax_cross_entropy,
    "sparse_softmax_cross_entropy_with_logits": _sparse_softmax_cross_entropy,
    "squared_error": _squared_error,
}
_NEURAL.update(("conv%dd" % n, _conv) for n in (1, 2, 3))
_NEURAL.update(("conv_transpose%dd" % n, _conv_transpose) for n in (1, 2, 3))
