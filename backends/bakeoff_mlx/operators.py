"""The op catalogue in MLX's words. Its convolutions and pools are channels last."""

import operator
from typing import Any, Callable, Dict, List, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]

DTYPES = ("bool", "int32", "int64", "float16", "bfloat16", "float32", "float64")


def operators(mx: Any, nn: Any, unsupported: Callable[[str], Exception]) -> Dict[str, Op]:
    """Return all ops by catalogue name. ``unsupported`` makes the error of a refusal."""
    dtypes = {"bool": mx.bool_}
    dtypes.update((name, getattr(mx, name)) for name in DTYPES[1:])
    table = dict(_array_ops(mx, dtypes))
    table.update(_neural_ops(mx, nn, dtypes, unsupported))
    return table


def _array_ops(mx: Any, dtypes: Dict[str, Any]) -> Dict[str, Op]:
    def zeros(shape: Any, dtype: str) -> Tensor:
        return mx.zeros(shape, dtypes[dtype])

    def ones(shape: Any, dtype: str) -> Tensor:
        return mx.ones(shape, dtypes[dtype])

    def full(shape: Any, fill_value: Any, dtype: str) -> Tensor:
        return mx.full(shape, mx.array(fill_value, dtypes[dtype]))

    def full_like(x: Tensor, fill_value: Any) -> Tensor:
        return mx.full(x.shape, mx.array(fill_value, x.dtype))

    def arange(start: float, stop: float, step: float, dtype: str) -> Tensor:
        return mx.arange(start, stop, step, dtypes[dtype])

    def linspace(start: float, stop: float, num: int, dtype: str) -> Tensor:
        return mx.linspace(start, stop, num, dtype=dtypes[dtype])

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        return mx.eye(n_rows, n_cols, k, dtypes[dtype])

    def astype(x: Tensor, dtype: str) -> Tensor:
        return x.astype(dtypes[dtype])

    def summed(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
        return mx.sum(x, axis, keepdims)

    def reduction(fn: Op) -> Op:
        return fn

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        return mx.argmax(x, axis, keepdims).astype(mx.int64)

    def clip(x: Tensor, min: Any, max: Any) -> Tensor:
        return mx.clip(x, min, max)

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return mx.pad(x, pad_width, constant_values=mx.array(value, x.dtype))

    same_name = (
        "zeros_like ones_like maximum minimum negative abs sign square sqrt exp expm1 log log1p "
        "where matmul"
    )
    table = {name: getattr(mx, name) for name in same_name.split()}
    table.update((name, reduction(getattr(mx, name))) for name in "mean max min logsumexp".split())
    table.update(
        zeros=zeros,
        ones=ones,
        full=full,
        full_like=full_like,
        arange=arange,
        linspace=linspace,
        eye=eye,
        astype=astype,
        add=operator.add,
        subtract=operator.sub,
        multiply=operator.mul,
        divide=operator.truediv,
        pow=mx.power,
        equal=operator.eq,
        not_equal=operator.ne,
        less=operator.lt,
        less_equal=operator.le,
        greater=operator.gt,
        greater_equal=operator.ge,
        sum=summed,
        argmax=argmax,
        clip=clip,
        reshape=mx.reshape,
        permute_dims=mx.transpose,
        broadcast_to=mx.broadcast_to,
        concat=lambda arrays, axis: mx.concatenate(list(arrays), axis),
        stack=lambda arrays, axis: mx.stack(list(arrays), axis),
        pad=pad,
        getitem=getitem,
        take=mx.take,
    )
    return table


def _neural_ops(
    mx: Any, nn: Any, dtypes: Dict[str, Any], unsupported: Callable[[str], Exception]
) -> Dict[str, Op]:
    losses = nn.losses

    def last(x: Tensor) -> Tensor:
        return mx.moveaxis(x, 1, -1)  # (N, C, ...) --> (N, ..., C)

    def first(x: Tensor) -> Tensor:
        return mx.moveaxis(x, -1, 1)  # (N, ..., C) --> (N, C, ...)

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return x + bias.reshape((-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        return mx.where(noise >= rate, x / (1.0 - rate), 0.0)

    def checked(x: Tensor, stride: Any, dilation: Any, groups: int) -> None:
        if groups != 1 and x.ndim == 5:
            raise unsupported("MLX: groups != 1 in 1-D and 2-D convolutions only")
        plain = groups == 1 and set(stride) == set(dilation) == {1}
        if x.dtype == mx.float64 and not plain:
            raise unsupported("MLX: float64 convolutions have no stride, dilation or groups")

    def conv(
        x: Tensor, weight: Tensor, stride: Any, padding: Pairs, dilation: Any, groups: int
    ) -> Tensor:
        checked(x, stride, dilation, groups)
        low, high = [list(ends) for ends in zip(*padding)]
        return first(
            mx.conv_general(last(x), last(weight), stride, (low, high), dilation, groups=groups)
        )

    def conv_transpose(
        x: Tensor,
        weight: Tensor,
        stride: Any,
        padding: Pairs,
        output_padding: Any,
        dilation: Any,
        groups: int,
    ) -> Tensor:
        """Correlate the input, spread out by ``stride``, with the flipped filters."""
        checked(x, stride, dilation, groups)
        kernel = weight.shape[2:]
        weight = mx.unflatten(weight, 0, (groups, -1))  # (C, O/G, ...) --> (G, C/G, O/G, ...)
        weight = mx.flatten(mx.swapaxes(weight, 1, 2), 0, 1)  # --> (O, C/G, ...)
        reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
        low = [r - lo for r, (lo, _) in zip(reach, padding)]
        high = [r - hi + extra for r, (_, hi), extra in zip(reach, padding, output_padding)]
        crop, low, high = _cropped(low, high)
        y = mx.conv_general(
            last(x), last(weight), 1, (low, high), dilation, stride, groups=groups, flip=True
        )
        return first(y[crop])

    def max_pool2d(x: Tensor, kernel_size: Any, stride: Any, padding: Pairs) -> Tensor:
        pool = nn.MaxPool2d(tuple(kernel_size), tuple(stride))
        return first(pool(last(padded(x, padding, -float("inf")))))

    def avg_pool2d(
        x: Tensor, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        pool = nn.AvgPool2d(tuple(kernel_size), tuple(stride))
        means = first(pool(last(padded(x, padding, 0.0))))
        if count_include_pad or not any(map(any, padding)):
            return means
        inside = padded(mx.ones((1, 1) + tuple(x.shape[2:]), x.dtype), padding, 0.0)
        return means / first(pool(last(inside)))

    def padded(x: Tensor, padding: Pairs, value: float) -> Tensor:
        if not any(map(any, padding)):
            return x
        width = ((0, 0), (0, 0)) + tuple(padding)
        return mx.pad(x, width, constant_values=mx.array(value, x.dtype))

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        return mx.eye(num_classes, dtype=dtypes[dtype])[indices]

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        return losses.binary_cross_entropy(logits, targets, with_logits=True, reduction="none")

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -(labels * nn.log_softmax(logits, axis)).sum(axis)

    table = {
        "bias_add": bias_add,
        "relu": nn.relu,
        "sigmoid": mx.sigmoid,
        "tanh": mx.tanh,
        "silu": nn.silu,
        "softmax": mx.softmax,
        "log_softmax": nn.log_softmax,
        "dropout": dropout,
        "max_pool2d": max_pool2d,
        "avg_pool2d": avg_pool2d,
        "one_hot": one_hot,
        "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": lambda logits, labels: losses.cross_entropy(
            logits, labels, reduction="none"
        ),
        "squared_error": lambda predictions, targets: losses.mse_loss(
            predictions, targets, reduction="none"
        ),
    }
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv
        table["conv_transpose%dd" % n] = conv_transpose
    return table


def _cropped(low: List[int], high: List[int]) -> Tuple[Any, List[int], List[int]]:
    """Return what to cut off a result instead of padding by less than nothing; the padding."""
    cut = [(max(0, -lo), max(0, -hi)) for lo, hi in zip(low, high)]
    crop = tuple(slice(lo, -hi if hi else None) for lo, hi in cut)
    index = (slice(None),) + crop + (slice(None),)
    return index, [max(0, lo) for lo in low], [max(0, hi) for hi in high]
