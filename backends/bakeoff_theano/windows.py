"""The op catalogue in PyTensor's symbols: what it shares with Theano, and the rest composed.

Convolutions and pools work on windows, which `take` picks along one dimension after another:
graphs stay small, and compilers quick, whatever the kernel's size.

Source: PyTensor 3.0 documentation, ``pytensor.tensor`` and ``pytensor.tensor.special``.
"""

from functools import partial
from typing import Any, Callable, Dict, Sequence, Tuple

from bakeoff_worker.shapes import size, transposed_sizes, window_sizes

from .operators import common, shape_of

Symbol = Any
Op = Callable[..., Symbol]
Pairs = Sequence[Tuple[int, int]]


def operators(pytensor: Any) -> Dict[str, Op]:
    """Return all of PyTensor's ops by their catalogue names."""
    T = pytensor.tensor
    table = dict(common(pytensor))
    table.update(activations(T))
    table.update(losses(T))
    table.update(sign=T.sign, matmul=T.matmul)
    windows = partial(_windows, T, table["pad"])
    table.update(_pools(T, windows))
    convolve = partial(_conv, T, windows)
    for n in (1, 2, 3):
        table["conv%dd" % n] = convolve
        table["conv_transpose%dd" % n] = partial(_conv_transpose, pytensor, convolve)
    return table


def activations(T: Any) -> Dict[str, Op]:
    return {
        "relu": lambda x: T.maximum(x, T.constant(0, dtype=x.dtype)),
        "sigmoid": T.sigmoid,
        "silu": lambda x: x * T.sigmoid(x),
    }


def losses(T: Any) -> Dict[str, Op]:
    log_softmax = T.special.log_softmax

    def sparse(logits: Symbol, labels: Symbol) -> Symbol:
        rows = logits.reshape((-1, shape_of(logits)[-1]))  # (..., C) --> (N, C)
        picked = log_softmax(rows, axis=1)[T.arange(size(shape_of(labels))), labels.flatten()]
        return -picked.reshape(shape_of(labels))

    return {
        "softmax": lambda x, axis: T.special.softmax(x, axis=axis),
        "log_softmax": lambda x, axis: log_softmax(x, axis=axis),
        # softplus(x) - x t cancels where x is large
        "sigmoid_cross_entropy_with_logits": lambda logits, labels: (
            T.maximum(logits, T.constant(0, dtype=logits.dtype))
            - logits * labels
            + T.log1p(T.exp(-abs(logits)))
        ),
        "softmax_cross_entropy_with_logits": lambda logits, labels, axis: (
            -T.sum(labels * log_softmax(logits, axis=axis), axis=axis)
        ),
        "sparse_softmax_cross_entropy_with_logits": sparse,
    }


def _windows(
    T: Any, pad: Op, x: Symbol, kernel: Sequence[int], stride: Sequence[int], padding: Pairs,
    dilation: Sequence[int], value: float = 0.0,
) -> Symbol:  # fmt: skip
    """Return the windows of an image: (N, C, *spatial) --> (N, C, O0, K0, O1, K1, ...)."""
    sizes = shape_of(x)
    counts = window_sizes(sizes[2:], kernel, stride, padding, dilation)
    if any(map(any, padding)):
        x = pad(x, ((0, 0), (0, 0)) + tuple(padding), value)
    shape = sizes[:2] + tuple(lo + n + hi for n, (lo, hi) in zip(sizes[2:], padding))
    for i, (count, k, s, d) in enumerate(zip(counts, kernel, stride, dilation)):
        axis = 2 + 2 * i
        picks = [o * s + j * d for o in range(count) for j in range(k)]
        shape = shape[:axis] + (count, k) + shape[axis + 1 :]
        x = T.take(x, T.constant(picks, dtype="int64"), axis=axis).reshape(shape)
    return x


def _pools(T: Any, windows: Op) -> Dict[str, Op]:
    def max_pool2d(x: Symbol, kernel_size: Any, stride: Any, padding: Pairs) -> Symbol:
        picked = windows(x, kernel_size, stride, padding, (1, 1), -float("inf"))
        return T.max(picked, axis=(3, 5))  # (N, C, O0, K0, O1, K1) --> (N, C, O0, O1)

    def avg_pool2d(
        x: Symbol, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Symbol:
        means = T.mean(windows(x, kernel_size, stride, padding, (1, 1)), axis=(3, 5))
        if count_include_pad or not any(map(any, padding)):
            return means
        ones = T.ones((1, 1) + shape_of(x)[2:], dtype=x.dtype)
        ones.tag.shape = (1, 1) + shape_of(x)[2:]
        return means / T.mean(windows(ones, kernel_size, stride, padding, (1, 1)), axis=(3, 5))

    return {"max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}


def _conv(
    T: Any, windows: Op, x: Symbol, weight: Symbol, stride: Any, padding: Pairs, dilation: Any,
    groups: int,
) -> Symbol:  # fmt: skip
    """Return one product per group, of windows as rows with filters as columns."""
    (batch, channels), (filters, depth) = shape_of(x)[:2], shape_of(weight)[:2]
    kernel = shape_of(weight)[2:]
    n, width = len(kernel), depth * size(kernel)
    counts = window_sizes(shape_of(x)[2:], kernel, stride, padding, dilation)
    pairs = tuple(length for pair in zip(counts, kernel) for length in pair)
    picked = windows(x, kernel, stride, padding, dilation)
    # (N, G, C / G, O0, K0, ...) --> (G, N, O0, ..., C / G, K0, ...) --> (G, N O, C / G K)
    order = [1, 0] + [3 + 2 * i for i in range(n)] + [2] + [4 + 2 * i for i in range(n)]
    rows = picked.reshape((batch, groups, channels // groups) + pairs).dimshuffle(*order)
    rows = rows.reshape((groups, batch * size(counts), width))
    columns = weight.reshape((groups, filters // groups, width)).dimshuffle(0, 2, 1)
    product = T.matmul(rows, columns) if groups > 1 else T.dot(rows[0], columns[0])
    result = product.reshape((groups, batch) + counts + (filters // groups,))
    # (G, N, O0, ..., F / G) --> (N, G, F / G, O0, ...)
    result = result.dimshuffle(*[1, 0, 2 + n] + list(range(2, 2 + n)))
    return result.reshape((batch, filters) + counts)


def _conv_transpose(
    pytensor: Any, convolve: Op, x: Symbol, weight: Symbol, stride: Any, padding: Pairs,
    output_padding: Any, dilation: Any, groups: int,
) -> Symbol:  # fmt: skip
    """Return the gradient of a convolution in its input."""
    batch, (_, depth), kernel = shape_of(x)[0], shape_of(weight)[:2], shape_of(weight)[2:]
    sizes = transposed_sizes(shape_of(x)[2:], kernel, stride, padding, output_padding, dilation)
    image = pytensor.tensor.zeros((batch, depth * groups) + sizes, dtype=x.dtype)
    image.tag.shape = (batch, depth * groups) + sizes
    convolved = convolve(image, weight, stride, padding, dilation, groups)
    return pytensor.grad(None, image, known_grads={convolved: x})
