"""The op catalogue in Chainer's words: ``chainer.functions`` and the operators of Variable."""

import operator
from functools import partial
from typing import Any, Callable, Dict, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]

_COMPARES = "Variables have no comparison; Chainer's users compare the arrays in them"
_MAKES = "no such initializer; Chainer takes NumPy's arrays"
UNSUPPORTED = {
    **dict.fromkeys(("arange", "linspace"), _MAKES),
    **dict.fromkeys(
        ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"), _COMPARES
    ),
}


def operators(chainer: Any, unsupported: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name. ``unsupported`` makes the error of a refusal."""
    table = dict(_array_ops(chainer, unsupported))
    table.update(_neural_ops(chainer))
    return table


def filled(chainer: Any, value: Any, shape: Tuple[int, ...], dtype: Any) -> Tensor:
    """Return a Variable made by Chainer's own initializer of constants."""
    make = chainer.initializers.generate_array
    xp = chainer.backend.get_array_module()
    constant = chainer.initializers.Constant(value)
    return chainer.Variable(make(constant, shape, xp, dtype=dtype), requires_grad=False)


def _array_ops(chainer: Any, unsupported: Any) -> Dict[str, Op]:
    F = chainer.functions
    constant = partial(filled, chainer)

    def astype(x: Tensor, dtype: str) -> Tensor:
        return F.cast(x, dtype)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        if n_rows != n_cols or k:
            raise unsupported("chainer.initializers.Identity is square, without offset")
        xp = chainer.backend.get_array_module()
        make = chainer.initializers.generate_array
        return chainer.Variable(
            make(chainer.initializers.Identity(), (n_rows, n_cols), xp, dtype=dtype),
            requires_grad=False,
        )

    def like(x: Tensor, fill_value: Any) -> Tensor:
        return constant(fill_value, x.shape, x.dtype)

    def extremum(fn: Op) -> Op:
        def apply(a: Tensor, b: Tensor) -> Tensor:
            if not isinstance(a, chainer.Variable):
                a = constant(a, (), b.dtype)
            if not isinstance(b, chainer.Variable):
                b = constant(b, (), a.dtype)
            return fn(a, b)

        return apply

    def clip(x: Tensor, min: Any, max: Any) -> Tensor:
        inf = float("inf")
        return F.clip(x, -inf if min is None else min, inf if max is None else max)

    def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        if not isinstance(a, chainer.Variable):
            a = constant(a, (), b.dtype)
        if not isinstance(b, chainer.Variable):
            b = constant(b, (), a.dtype)
        return F.where(condition, a, b)

    def reduction(fn: Op) -> Op:
        def apply(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
            if not axis:  # nothing to reduce: Chainer takes an empty axis for all
                return fn(F.expand_dims(x, x.ndim), axis=(x.ndim,), keepdims=False)
            return fn(x, axis=axis, keepdims=keepdims)

        return apply

    def logsumexp(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
        y = F.logsumexp(x, axis)
        if not keepdims:
            return y
        return F.reshape(y, tuple(1 if i in axis else n for i, n in enumerate(x.shape)))

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        index = F.cast(F.argmax(x, axis), "int64")
        if keepdims:
            kept = (1 if axis in (None, i) else n for i, n in enumerate(x.shape))
            return F.reshape(index, tuple(kept))
        return index

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return F.get_item(x, tuple(slice(*i) if isinstance(i, tuple) else i for i in index))

    def take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
        return F.get_item(x, (slice(None),) * axis + (indices.array,))

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return F.pad(x, pad_width, "constant", constant_values=value)

    return {
        "zeros": lambda shape, dtype: constant(0, shape, dtype),
        "ones": lambda shape, dtype: constant(1, shape, dtype),
        "full": lambda shape, fill_value, dtype: constant(fill_value, shape, dtype),
        "eye": eye,
        "zeros_like": lambda x: like(x, 0),
        "ones_like": lambda x: like(x, 1),
        "full_like": like,
        "astype": astype,
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "pow": operator.pow,
        "maximum": extremum(F.maximum),
        "minimum": extremum(F.minimum),
        "negative": operator.neg,
        "abs": F.absolute,
        "sign": F.sign,
        "square": F.square,
        "sqrt": F.sqrt,
        "exp": F.exp,
        "expm1": F.expm1,
        "log": F.log,
        "log1p": F.log1p,
        "clip": clip,
        "where": where,
        "sum": reduction(F.sum),
        "mean": reduction(F.mean),
        "max": reduction(F.max),
        "min": reduction(F.min),
        "logsumexp": logsumexp,
        "argmax": argmax,
        "reshape": F.reshape,
        "permute_dims": F.transpose,
        "broadcast_to": F.broadcast_to,
        "concat": F.concat,
        "stack": F.stack,
        "pad": pad,
        "getitem": getitem,
        "take": take,
        "matmul": F.matmul,
    }


def _neural_ops(chainer: Any) -> Dict[str, Op]:
    F = chainer.functions
    make = chainer.initializers.generate_array
    xp = chainer.backend.get_array_module()

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        kept = F.floor(noise - rate) + 1.0  # 1 where noise >= rate, else 0
        return F.dropout(x, rate, mask=(kept / (1.0 - rate)).array)

    def conv(fn: Op) -> Op:
        def apply(
            x: Tensor, weight: Tensor, stride: Any, padding: Pairs, dilation: Any, groups: int
        ) -> Tensor:
            x, low = _padded(F, x, padding, 0.0)
            return fn(x, weight, None, stride, low, dilate=dilation, groups=groups)

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
            low = tuple(min(p) for p in padding)
            sizes = zip(x.shape[2:], weight.shape[2:], stride, low, output_padding, dilation)
            size = tuple(
                (n - 1) * s + d * (k - 1) + 1 + extra - 2 * p for n, k, s, p, extra, d in sizes
            )
            y = fn(x, weight, None, stride, low, size, dilate=dilation, groups=groups)
            if all(lo == hi for lo, hi in padding):
                return y
            # Chainer crops both ends alike: crop the rest afterwards.
            crop = tuple(slice(lo - p, n - (hi - p)) for (lo, hi), p, n in zip(padding, low, size))
            return F.get_item(y, (slice(None), slice(None)) + crop)

        return apply

    def max_pool2d(x: Tensor, kernel_size: Any, stride: Any, padding: Pairs) -> Tensor:
        x, low = _padded(F, x, padding, -float("inf"))
        return F.max_pooling_2d(x, kernel_size, stride, low, cover_all=False)

    def avg_pool2d(
        x: Tensor, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        if count_include_pad:
            x, low = _padded(F, x, padding, 0.0)
            return F.average_pooling_2d(x, kernel_size, stride, low)
        low = tuple(lo for lo, _ in padding)
        if all(lo == hi for lo, hi in padding):
            return F.average_pooling_nd(x, kernel_size, stride, low, pad_value=None)
        inside, _ = _padded(F, filled(chainer, 1, (1, 1) + x.shape[2:], x.dtype), padding, 0.0)
        shares = F.average_pooling_2d(inside, kernel_size, stride)  # (1, 1, H, W)
        x, _ = _padded(F, x, padding, 0.0)
        means = F.average_pooling_2d(x, kernel_size, stride)
        return means / F.broadcast_to(shares, means.shape)

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        rows = make(chainer.initializers.Identity(), (num_classes, num_classes), xp, dtype=dtype)
        return F.embed_id(indices, rows)

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        return F.softplus(logits) - logits * targets

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -F.sum(labels * F.log_softmax(logits, axis), axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        rows = F.reshape(logits, (-1, logits.shape[-1]))  # (..., C) --> (N, C)
        losses = F.softmax_cross_entropy(rows, labels.array.reshape(-1), reduce="no")
        return F.reshape(losses, labels.shape)

    def silu(x: Tensor) -> Tensor:
        return x * F.sigmoid(x)

    return {
        "bias_add": lambda x, bias: F.bias(x, bias, axis=1),
        "relu": F.relu,
        "sigmoid": F.sigmoid,
        "tanh": F.tanh,
        "silu": silu,
        "softmax": F.softmax,
        "log_softmax": F.log_softmax,
        "dropout": dropout,
        "conv1d": conv(F.convolution_nd),
        "conv2d": conv(F.convolution_2d),
        "conv3d": conv(F.convolution_nd),
        "conv_transpose1d": conv_transpose(F.deconvolution_nd),
        "conv_transpose2d": conv_transpose(F.deconvolution_2d),
        "conv_transpose3d": conv_transpose(F.deconvolution_nd),
        "max_pool2d": max_pool2d,
        "avg_pool2d": avg_pool2d,
        "one_hot": one_hot,
        "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
        "squared_error": F.squared_error,
    }


def _padded(F: Any, x: Tensor, padding: Pairs, value: float) -> Tuple[Tensor, Tuple[int, ...]]:
    """Return x and the padding that Chainer is to do: alike at both ends, or none."""
    if all(lo == hi for lo, hi in padding):
        return x, tuple(lo for lo, _ in padding)
    width = [(0, 0), (0, 0)] + list(padding)
    return F.pad(x, width, "constant", constant_values=value), (0,) * len(padding)
