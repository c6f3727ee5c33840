"""The op catalogue in autograd's words: ``autograd.numpy``, and windows made of its slices."""

import itertools
from typing import Any, Callable, Dict, Iterator, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]
Shape = Tuple[int, ...]


def operators(anp: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name; ``anp`` is ``autograd.numpy``."""
    table = dict(_array_ops(anp))
    table.update(_neural_ops(anp))
    table.update(_window_ops(anp))
    return table


def _array_ops(anp: Any) -> Dict[str, Op]:
    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        return anp.eye(n_rows, n_cols, k, dtype)

    def spanning(x: Tensor, shape: Shape) -> Tensor:
        """Broadcast by a sum with zeros: ``broadcast_to`` has no gradient for new dimensions."""
        return x + anp.zeros(shape, x.dtype)

    def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """As ``anp.where``, whose gradient fails where a branch is broadcast."""
        shapes = [anp.shape(x) for x in (condition, a, b)]
        if any(shape not in ((), shapes[0]) for shape in shapes):
            zeros = anp.zeros(shapes[0]) + anp.zeros(shapes[1]) + anp.zeros(shapes[2])
            a, b = (x if s == () else spanning(x, zeros.shape) for x, s in zip((a, b), shapes[1:]))
        return anp.where(condition, a, b)

    def reduction(fn: Op) -> Op:
        return lambda x, axis, keepdims: fn(x, axis=axis, keepdims=keepdims)

    def logsumexp(x: Tensor, axis: Shape, keepdims: bool) -> Tensor:
        largest = anp.max(x, axis=axis, keepdims=True)
        y = anp.log(anp.sum(anp.exp(x - largest), axis=axis, keepdims=True)) + largest
        kept = tuple(n for i, n in enumerate(x.shape) if i not in axis)
        return y if keepdims else anp.reshape(y, kept)

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        return anp.argmax(x, axis=axis, keepdims=keepdims)

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
        return x[(slice(None),) * axis + (indices,)]

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return anp.pad(x, pad_width, mode="constant", constant_values=value)

    def clip(x: Tensor, min: Any, max: Any) -> Tensor:
        inf = float("inf")
        return anp.clip(x, -inf if min is None else min, inf if max is None else max)

    same = (
        "zeros ones full linspace zeros_like ones_like full_like add subtract multiply divide "
        "maximum minimum negative abs sign square sqrt exp expm1 log log1p equal not_equal "
        "less less_equal greater greater_equal matmul tanh reshape"
    )
    table: Dict[str, Op] = {name: getattr(anp, name) for name in same.split()}
    table.update(
        arange=anp.arange,
        eye=eye,
        astype=lambda x, dtype: x.astype(dtype),
        pow=anp.power,
        clip=clip,
        where=where,
        sum=reduction(anp.sum),
        mean=reduction(anp.mean),
        max=reduction(anp.max),
        min=reduction(anp.min),
        logsumexp=logsumexp,
        argmax=argmax,
        permute_dims=anp.transpose,
        broadcast_to=spanning,
        concat=anp.concatenate,
        stack=anp.stack,
        pad=pad,
        getitem=getitem,
        take=take,
    )
    return table


def _neural_ops(anp: Any) -> Dict[str, Op]:
    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return x + anp.reshape(bias, (-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def sigmoid(x: Tensor) -> Tensor:
        return 1.0 / (1.0 + anp.exp(-x))

    def log_softmax(x: Tensor, axis: int) -> Tensor:
        shifted = x - anp.max(x, axis=axis, keepdims=True)
        return shifted - anp.log(anp.sum(anp.exp(shifted), axis=axis, keepdims=True))

    def softmax(x: Tensor, axis: int) -> Tensor:
        e = anp.exp(x - anp.max(x, axis=axis, keepdims=True))
        return e / anp.sum(e, axis=axis, keepdims=True)

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        return anp.where(noise >= rate, x / (1.0 - rate), 0.0 * x)

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        return anp.eye(num_classes, dtype=dtype)[indices]

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        tail = anp.log1p(anp.exp(-anp.abs(logits)))
        return anp.maximum(logits, 0.0) - logits * targets + tail

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -anp.sum(labels * log_softmax(logits, axis), axis=axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        rows = anp.reshape(log_softmax(logits, -1), (-1, logits.shape[-1]))  # --> (N, C)
        picked = rows[anp.arange(rows.shape[0]), anp.reshape(labels, -1)]
        return -anp.reshape(picked, labels.shape)

    return {
        "bias_add": bias_add,
        "relu": lambda x: anp.maximum(x, 0.0),
        "sigmoid": sigmoid,
        "silu": lambda x: x * sigmoid(x),
        "softmax": softmax,
        "log_softmax": log_softmax,
        "dropout": dropout,
        "one_hot": one_hot,
        "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
        "squared_error": lambda predictions, targets: anp.square(predictions - targets),
    }


# -- convolution and pooling, which autograd has not


def _windows(
    x: Tensor, kernel: Shape, stride: Shape, dilation: Shape
) -> Iterator[Tuple[Shape, Tensor]]:
    """Yield each kernel position with the elements of x under it: (N, C, *out)."""
    counts = [
        (n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation)
    ]
    for position in itertools.product(*map(range, kernel)):
        spans = [
            slice(i * d, i * d + (count - 1) * s + 1, s)
            for i, d, s, count in zip(position, dilation, stride, counts)
        ]
        yield position, x[(slice(None), slice(None), *spans)]


def _window_ops(anp: Any) -> Dict[str, Op]:
    def padded(x: Tensor, padding: Pairs, value: float = 0.0) -> Tensor:
        if not any(map(any, padding)):
            return x
        width = [(0, 0), (0, 0)] + list(padding)
        return anp.pad(x, width, mode="constant", constant_values=value)

    def one_group(x: Tensor, weight: Tensor, stride: Shape, dilation: Shape) -> Tensor:
        """Add up, over kernel positions, products of (N, I, *out) and (O, I)."""
        total: Any = 0.0
        for position, part in _windows(x, weight.shape[2:], stride, dilation):
            filters = weight[(slice(None), slice(None), *position)]
            total = total + anp.tensordot(part, filters, ([1], [1]))  # --> (N, *out, O)
        return anp.moveaxis(total, -1, 1)

    def conv(
        x: Tensor, weight: Tensor, stride: Shape, padding: Pairs, dilation: Shape, groups: int
    ) -> Tensor:
        x = padded(x, padding)
        if groups == 1:
            return one_group(x, weight, stride, dilation)
        channels, filters = x.shape[1] // groups, weight.shape[0] // groups
        return anp.concatenate(
            [
                one_group(
                    x[:, g * channels : (g + 1) * channels],
                    weight[g * filters : (g + 1) * filters],
                    stride,
                    dilation,
                )
                for g in range(groups)
            ],
            1,
        )

    def spread(x: Tensor, stride: Shape) -> Tensor:
        """Put stride - 1 zeros between the elements of every spatial dimension."""
        for axis, s in enumerate(stride, start=2):
            n = x.shape[axis]
            head, tail = x.shape[:axis], x.shape[axis + 1 :]
            x = anp.reshape(x, (*head, n, 1, *tail))  # (..., n, ...) --> (..., n, 1, ...)
            width = [(0, s - 1) if i == axis + 1 else (0, 0) for i in range(x.ndim)]
            x = anp.reshape(anp.pad(x, width, mode="constant"), (*head, n * s, *tail))
            x = x[(slice(None),) * axis + (slice(0, (n - 1) * s + 1),)]
        return x

    def conv_transpose(
        x: Tensor,
        weight: Tensor,
        stride: Shape,
        padding: Pairs,
        output_padding: Shape,
        dilation: Shape,
        groups: int,
    ) -> Tensor:
        """Correlate the input, spread out by ``stride``, with the flipped filters."""
        channels, outputs, kernel = weight.shape[0], weight.shape[1], weight.shape[2:]
        weight = weight[(slice(None), slice(None)) + (slice(None, None, -1),) * len(kernel)]
        weight = anp.reshape(weight, (groups, channels // groups, outputs, *kernel))
        weight = anp.swapaxes(weight, 1, 2)  # (G, C/G, O/G, ...) --> (G, O/G, C/G, ...)
        weight = anp.reshape(weight, (groups * outputs, channels // groups, *kernel))
        reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
        margin = [(r, r + extra) for r, extra in zip(reach, output_padding)]
        ones = (1,) * len(kernel)
        y = conv(spread(x, stride), weight, ones, margin, dilation, groups)
        keep = [slice(lo, n - hi) for (lo, hi), n in zip(padding, y.shape[2:])]
        return y[(slice(None), slice(None), *keep)]

    def max_pool2d(x: Tensor, kernel_size: Shape, stride: Shape, padding: Pairs) -> Tensor:
        x = padded(x, padding, -float("inf"))
        return anp.max(anp.stack([p for _, p in _windows(x, kernel_size, stride, (1, 1))]), axis=0)

    def sums(x: Tensor, kernel_size: Shape, stride: Shape) -> Tensor:
        total: Any = 0.0
        for _, part in _windows(x, kernel_size, stride, (1, 1)):
            total = total + part
        return total

    def avg_pool2d(
        x: Tensor, kernel_size: Shape, stride: Shape, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        count: Any = kernel_size[0] * kernel_size[1]
        if not count_include_pad:
            inside = padded(anp.ones((1, 1, *x.shape[2:]), x.dtype), padding)
            count = sums(inside, kernel_size, stride)
        return sums(padded(x, padding), kernel_size, stride) / count

    table: Dict[str, Op] = {"max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}
    table.update(("conv%dd" % n, conv) for n in (1, 2, 3))
    table.update(("conv_transpose%dd" % n, conv_transpose) for n in (1, 2, 3))
    return table
