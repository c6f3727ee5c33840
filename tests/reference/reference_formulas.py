"""What every op should compute, written independently with NumPy, SciPy and plain loops.

Attributes are canonical. Formulas take the naive form where the engine takes the careful one.
Those in `ANALYTIC` also work on complex numbers, for the complex step.
"""

from itertools import product
from typing import Any

import numpy as np
import scipy.special

Array = Any


def _window(at: Any, stride: Any, kernel: Any, dilation: Any) -> tuple[slice, ...]:
    """What the output at a place sees of the padded input."""
    return tuple(
        slice(i * s, i * s + d * (k - 1) + 1, d)
        for i, s, k, d in zip(at, stride, kernel, dilation, strict=True)
    )


def conv(x: Array, w: Array, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """Cross-correlation, one output element at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    n, (o, depth, *kernel) = x.shape[0], w.shape
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    out = [(m - e) // s + 1 for m, e, s in zip(x.shape[2:], extent, stride, strict=True)]
    y = np.zeros((n, o, *out), np.result_type(x, w))
    for channel in range(o):
        first = channel // (o // groups) * depth
        for at in product(*map(range, out)):
            window = _window(at, stride, kernel, dilation)
            patch = x[(slice(None), slice(first, first + depth), *window)]
            y[(slice(None), channel, *at)] = (patch * w[channel]).sum(tuple(range(1, x.ndim)))
    return y


def conv_filter_gradient(
    x: Array, g: Array, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """Every cotangent adds its multiple of the window that its output saw."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    o, depth, *kernel = shape
    w = np.zeros(shape, np.result_type(x, g))
    for channel in range(o):
        first = channel // (o // groups) * depth
        for at in product(*map(range, g.shape[2:])):
            window = _window(at, stride, kernel, dilation)
            patch = x[(slice(None), slice(first, first + depth), *window)]
            seen = g[(slice(None), channel, *at)].reshape((-1,) + (1,) * (x.ndim - 1))
            w[channel] += (patch * seen).sum(0)
    return w


def conv_transpose(
    x: Array, w: Array, stride: Any, padding: Any, output_padding: Any, dilation: Any, groups: int
) -> Array:
    """Every input element adds its multiple of the filter to the output."""
    n, c = x.shape[:2]
    depth, kernel = w.shape[1], w.shape[2:]
    full = [
        (m - 1) * s + d * (k - 1) + 1 + e
        for m, s, d, k, e in zip(x.shape[2:], stride, dilation, kernel, output_padding, strict=True)
    ]
    y = np.zeros((n, depth * groups, *full), np.result_type(x, w))
    for channel in range(c):
        first = channel // (c // groups) * depth
        for at in product(*map(range, x.shape[2:])):
            spot = _window(at, stride, kernel, dilation)
            value = x[(slice(None), channel, *at)].reshape((n,) + (1,) * (len(kernel) + 1))
            y[(slice(None), slice(first, first + depth), *spot)] += value * w[channel]
    crop = tuple(slice(lo, m - hi) for m, (lo, hi) in zip(full, padding, strict=True))
    return y[(slice(None), slice(None), *crop)]


def pool(x: Array, kernel: Any, stride: Any, padding: Any, border: float, reduce: Any) -> Array:
    x = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=border)
    out = [(m - k) // s + 1 for m, k, s in zip(x.shape[2:], kernel, stride, strict=True)]
    y = np.zeros((*x.shape[:2], *out), x.dtype)
    for i, j in product(*map(range, out)):
        rows = slice(i * stride[0], i * stride[0] + kernel[0])
        columns = slice(j * stride[1], j * stride[1] + kernel[1])
        y[..., i, j] = reduce(x[..., rows, columns])
    return y


def avg_pool2d(
    x: Array, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool
) -> Array:
    total = pool(x, kernel_size, stride, padding, 0, lambda p: p.sum((-2, -1)))
    ones = np.ones_like(x, dtype=float)
    border = 1 if count_include_pad else 0
    return total / pool(ones, kernel_size, stride, padding, border, lambda p: p.sum((-2, -1)))


def softmax(x: Array, axis: int) -> Array:
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def log_softmax(x: Array, axis: int) -> Array:
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def sparse(logits: Array, labels: Array) -> Array:
    classes = np.eye(logits.shape[-1])[labels]
    return -(classes * log_softmax(logits, -1)).sum(-1)


def getitem(x: Array, index: Any) -> Array:
    return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]


def bias_add(x: Array, bias: Array) -> Array:
    return np.moveaxis(np.moveaxis(x, 1, -1) + bias, -1, 1)


def argmax(x: Array, axis: Any, keepdims: bool) -> Array:
    return np.argmax(x, axis=axis, keepdims=keepdims)


def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Array:
    return np.array([[j - i == k for j in range(n_cols)] for i in range(n_rows)], dtype)


FORMULAS: dict[str, Any] = {
    "zeros": np.zeros,
    "ones": np.ones,
    "full": np.full,
    "arange": np.arange,
    "linspace": np.linspace,
    "eye": eye,
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
    "full_like": np.full_like,
    "astype": lambda x, dtype: x.astype(dtype),
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "pow": lambda a, b: np.exp(b * np.log(a)) if np.iscomplexobj(a * b) else a**b,
    "maximum": np.fmax,
    "minimum": np.fmin,
    "negative": lambda x: 0 - x,
    "abs": lambda x: np.where(x < 0, -x, x),
    "sign": lambda x: np.where(x < 0, -1, np.where(x > 0, 1, 0)).astype(x.dtype),
    "square": lambda x: x * x,
    "sqrt": lambda x: x**0.5,
    "exp": lambda x: np.e**x,
    "expm1": lambda x: np.exp(x) - 1,
    "log": lambda x: np.log2(x) * np.log(2) if not np.iscomplexobj(x) else np.log(x),
    "log1p": lambda x: np.log(1 + x),
    "clip": np.clip,
    "where": np.where,
    "equal": lambda a, b: a == b,
    "not_equal": lambda a, b: a != b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "logsumexp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
    "argmax": argmax,
    "reshape": lambda x, shape: np.array(list(x.flat), x.dtype).reshape(shape),
    "permute_dims": np.transpose,
    "broadcast_to": lambda x, shape: x + np.zeros(shape, x.dtype),
    "concat": np.concatenate,
    "stack": np.stack,
    "pad": lambda x, pad_width, value: np.pad(x, pad_width, constant_values=value),
    "getitem": getitem,
    "take": np.take,
    "matmul": np.matmul,
    "bias_add": bias_add,
    "relu": lambda x: x * (x > 0),
    "sigmoid": lambda x: scipy.special.expit(x) if np.isrealobj(x) else 1 / (1 + np.exp(-x)),
    "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "dropout": lambda x, noise, rate: x * (noise >= rate) / (1 - rate),
    **{f"conv{n}d": conv for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": conv_transpose for n in (1, 2, 3)},
    "max_pool2d": lambda x, kernel_size, stride, padding: pool(
        x, kernel_size, stride, padding, -np.inf, lambda p: p.max((-2, -1))
    ),
    "avg_pool2d": avg_pool2d,
    "one_hot": lambda indices, num_classes, dtype: np.eye(num_classes, dtype=dtype)[indices],
    "sigmoid_cross_entropy_with_logits": lambda x, z: np.log(1 + np.exp(x)) - x * z,
    "softmax_cross_entropy_with_logits": lambda x, labels, axis: (
        -(labels * log_softmax(x, axis)).sum(axis)
    ),
    "sparse_softmax_cross_entropy_with_logits": sparse,
    "squared_error": lambda p, t: p * p - 2 * p * t + t * t,
}

ANALYTIC = frozenset(
    [
        "add",
        "subtract",
        "multiply",
        "divide",
        "pow",
        "negative",
        "square",
        "sqrt",
        "exp",
        "expm1",
        "log",
        "log1p",
        "where",
        "sum",
        "mean",
        "logsumexp",
        "reshape",
        "permute_dims",
        "broadcast_to",
        "concat",
        "stack",
        "pad",
        "getitem",
        "take",
        "matmul",
        "bias_add",
        "sigmoid",
        "tanh",
        "silu",
        "softmax",
        "log_softmax",
        "dropout",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "avg_pool2d",
        "sigmoid_cross_entropy_with_logits",
        "softmax_cross_entropy_with_logits",
        "sparse_softmax_cross_entropy_with_logits",
        "squared_error",
    ]
)
