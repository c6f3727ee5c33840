"""The op catalogue in Theano's symbols.

Every function adds to a graph and returns a symbolic variable; attributes come canonical.
A symbol's shape, which the program knows and Theano's types do not, is in its ``tag``.

Source: Theano 1.0 documentation, ``theano.tensor`` and ``theano.tensor.nnet``.
"""

from functools import partial
from typing import Any, Callable, Dict, Sequence, Tuple

from bakeoff_worker.shapes import broadcast, symmetric, transposed_sizes

Symbol = Any
Op = Callable[..., Symbol]
Pairs = Sequence[Tuple[int, int]]


def shape_of(symbol: Symbol) -> Tuple[int, ...]:
    """Return the shape that the program gives a symbol."""
    shape: Tuple[int, ...] = symbol.tag.shape
    return shape


def operators(theano: Any) -> Dict[str, Op]:
    """Return all of Theano's ops by their catalogue names."""
    table = dict(layers(theano, least=2))
    for part in (_activations, _losses):
        table.update(part(theano))
    return table


def layers(theano: Any, least: int) -> Dict[str, Op]:
    """Return what Theano and Aesara share: all but activations and losses.

    Convolutions have ``least`` dimensions or more; those of fewer are theirs, of size 1.
    """
    table = dict(common(theano))
    for part in (_products, _pools):
        table.update(part(theano))
    for n in (1, 2, 3):
        more = max(least - n, 0)
        table["conv%dd" % n] = partial(_conv, theano, more)
        table["conv_transpose%dd" % n] = partial(_conv_transpose, theano, more)
    return table


def common(theano: Any) -> Dict[str, Op]:
    """Return the ops that are written alike for Theano and for what it became."""
    table = dict(_elementwise(theano.tensor))
    for part in (_creation, _reductions, _movement):
        table.update(part(theano))
    return table


def _elementwise(T: Any) -> Dict[str, Op]:
    def clip(x: Symbol, min: Any, max: Any) -> Symbol:
        if min is None:
            return T.minimum(x, T.constant(max, dtype=x.dtype))
        if max is None:
            return T.maximum(x, T.constant(min, dtype=x.dtype))
        return T.clip(x, T.constant(min, dtype=x.dtype), T.constant(max, dtype=x.dtype))

    def dropout(x: Symbol, noise: Symbol, rate: float) -> Symbol:
        kept = T.ge(noise, T.constant(rate, dtype=noise.dtype))
        scale, zero = (T.constant(v, dtype=x.dtype) for v in (1.0 - rate, 0.0))
        return T.switch(kept, x / scale, zero)

    def bias_add(x: Symbol, bias: Symbol) -> Symbol:
        return x + bias.dimshuffle(*["x", 0] + ["x"] * (x.ndim - 2))  # (C,) --> (1, C, 1, ...)

    return {
        "add": T.add,
        "subtract": T.sub,
        "multiply": T.mul,
        "divide": T.true_div,
        "pow": T.pow,
        "maximum": T.maximum,
        "minimum": T.minimum,
        "negative": T.neg,
        "abs": abs,
        "square": T.sqr,
        "sqrt": T.sqrt,
        "exp": T.exp,
        "expm1": T.expm1,
        "log": T.log,
        "log1p": T.log1p,
        "clip": clip,
        "where": T.switch,
        "equal": T.eq,
        "not_equal": T.neq,
        "less": T.lt,
        "less_equal": T.le,
        "greater": T.gt,
        "greater_equal": T.ge,
        "tanh": T.tanh,
        "dropout": dropout,
        "bias_add": bias_add,
        "squared_error": lambda predictions, targets: T.sqr(predictions - targets),
    }


def _activations(theano: Any) -> Dict[str, Op]:
    T = theano.tensor
    return {
        "sign": T.sgn,
        "relu": T.nnet.relu,
        "sigmoid": T.nnet.sigmoid,
        "silu": lambda x: x * T.nnet.sigmoid(x),
    }


def _creation(theano: Any) -> Dict[str, Op]:
    T = theano.tensor

    def full(shape: Any, fill_value: Any, dtype: str) -> Symbol:
        return T.alloc(T.constant(fill_value, dtype=dtype), *shape)

    def linspace(start: float, stop: float, num: int, dtype: str) -> Symbol:
        step = (stop - start) / max(num - 1, 1)
        return T.cast(
            start + T.arange(num, dtype="float64") * T.constant(step, dtype="float64"), dtype
        )

    def astype(x: Symbol, dtype: str) -> Symbol:
        if dtype == "bool":  # a C cast to Theano's bool, a byte, would cut 0.5 down to 0
            return T.neq(x, T.constant(0, dtype=x.dtype))
        return T.cast(x, dtype)

    return {
        "zeros": lambda shape, dtype: full(shape, 0, dtype),
        "ones": lambda shape, dtype: full(shape, 1, dtype),
        "full": full,
        "arange": lambda start, stop, step, dtype: T.arange(start, stop, step, dtype=dtype),
        "linspace": linspace,
        "eye": lambda n_rows, n_cols, k, dtype: T.eye(n_rows, n_cols, k, dtype=dtype),
        "zeros_like": T.zeros_like,
        "ones_like": T.ones_like,
        "full_like": lambda x, fill_value: full(shape_of(x), fill_value, x.dtype),
        "astype": astype,
    }


def _reductions(theano: Any) -> Dict[str, Op]:
    T = theano.tensor

    def total(x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        return T.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)

    def over(fn: Op) -> Op:
        """Theano takes an empty axis for all of them, NumPy for none."""
        return lambda x, axis, keepdims: fn(x, axis=axis, keepdims=keepdims) if axis else x

    def logsumexp(x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        if not axis:
            return x
        # The maximum is a constant shift, whatever the gradient.
        top = theano.gradient.disconnected_grad(T.max(x, axis=axis, keepdims=True))
        result = T.log(T.sum(T.exp(x - top), axis=axis, keepdims=True)) + top
        return result if keepdims else _dropped(result, axis)

    def argmax(x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        if axis is not None:
            return T.argmax(x, axis=axis, keepdims=keepdims)
        result = T.argmax(x.flatten())
        return result.dimshuffle(*["x"] * x.ndim) if keepdims else result

    return {
        "sum": over(total),
        "mean": over(T.mean),
        "max": over(T.max),
        "min": over(T.min),
        "logsumexp": logsumexp,
        "argmax": argmax,
    }


def _dropped(x: Symbol, axes: Sequence[int]) -> Symbol:
    """Return ``x`` without the axes, which are of size 1."""
    return x.dimshuffle(*[i for i in range(x.ndim) if i not in axes])


def _movement(theano: Any) -> Dict[str, Op]:
    T = theano.tensor

    def broadcast_to(x: Symbol, shape: Tuple[int, ...]) -> Symbol:
        return T.alloc(x, *shape)

    def pad(x: Symbol, pad_width: Pairs, value: float) -> Symbol:
        sizes = [lo + n + hi for n, (lo, hi) in zip(shape_of(x), pad_width)]
        middle = tuple(slice(lo, lo + n) for n, (lo, _) in zip(shape_of(x), pad_width))
        return T.set_subtensor(T.alloc(T.constant(value, dtype=x.dtype), *sizes)[middle], x)

    def getitem(x: Symbol, index: Sequence[Any]) -> Symbol:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def one_hot(indices: Symbol, num_classes: int, dtype: str) -> Symbol:
        rows = T.extra_ops.to_one_hot(indices.flatten(), num_classes, dtype=dtype)
        return rows.reshape(tuple(shape_of(indices)) + (num_classes,))

    return {
        "reshape": lambda x, shape: x.reshape(shape, ndim=len(shape)),
        "permute_dims": lambda x, axes: x.dimshuffle(*axes),
        "broadcast_to": broadcast_to,
        "concat": lambda arrays, axis: T.concatenate(arrays, axis=axis),
        "stack": lambda arrays, axis: T.stack(arrays, axis=axis),
        "pad": pad,
        "getitem": getitem,
        "take": lambda x, indices, axis: T.take(x, indices, axis=axis),
        "one_hot": one_hot,
    }


def _products(theano: Any) -> Dict[str, Op]:
    T = theano.tensor

    def matmul(a: Symbol, b: Symbol) -> Symbol:
        if a.ndim <= 2 and b.ndim <= 2:
            return T.dot(a, b)
        if a.ndim == 1:
            return matmul(_shaped(a.dimshuffle("x", 0), (1,) + shape_of(a)), b)[..., 0, :]
        if b.ndim == 1:
            return matmul(a, _shaped(b.dimshuffle(0, "x"), shape_of(b) + (1,)))[..., 0]
        (m, k), n = shape_of(a)[-2:], shape_of(b)[-1]
        leading = broadcast(shape_of(a)[:-2], shape_of(b)[:-2])
        # (..., M, K), (..., K, N) --> (B, M, K), (B, K, N)
        a = T.alloc(a, *(leading + (m, k))).reshape((-1, m, k), ndim=3)
        b = T.alloc(b, *(leading + (k, n))).reshape((-1, k, n), ndim=3)
        return T.batched_dot(a, b).reshape(leading + (m, n), ndim=len(leading) + 2)

    return {"matmul": matmul}


def _shaped(symbol: Symbol, shape: Tuple[int, ...]) -> Symbol:
    symbol.tag.shape = shape
    return symbol


def _losses(theano: Any) -> Dict[str, Op]:
    T = theano.tensor

    def over_rows(fn: Op) -> Op:
        """Theano's softmaxes are of matrices, over their rows."""

        def apply(x: Symbol, axis: int) -> Symbol:
            shape = shape_of(x)
            order = [i for i in range(x.ndim) if i != axis] + [axis]
            moved = tuple(shape[i] for i in order)
            rows = x.dimshuffle(*order).reshape((-1, shape[axis]), ndim=2)  # (..., C) --> (N, C)
            back = [order.index(i) for i in range(x.ndim)]
            return fn(rows).reshape(moved, ndim=x.ndim).dimshuffle(*back)

        return apply

    log_softmax = over_rows(T.nnet.logsoftmax)

    def sparse(logits: Symbol, labels: Symbol) -> Symbol:
        rows = logits.reshape((-1, shape_of(logits)[-1]), ndim=2)  # (..., C) --> (N, C)
        losses = T.nnet.categorical_crossentropy(T.nnet.softmax(rows), labels.flatten())
        return losses.reshape(shape_of(labels), ndim=labels.ndim)

    return {
        "softmax": over_rows(T.nnet.softmax),
        "log_softmax": log_softmax,
        "sigmoid_cross_entropy_with_logits": T.nnet.nnet.sigmoid_binary_crossentropy,
        "softmax_cross_entropy_with_logits": lambda logits, labels, axis: (
            -T.sum(labels * log_softmax(logits, axis), axis=axis)
        ),
        "sparse_softmax_cross_entropy_with_logits": sparse,
    }


def _pools(theano: Any) -> Dict[str, Op]:
    T = theano.tensor
    pad = _movement(theano)["pad"]

    def pooled(x: Symbol, kernel: Any, stride: Any, padding: Pairs, mode: str) -> Symbol:
        low = tuple(lo for lo, _ in padding)
        return T.signal.pool.pool_2d(
            x, kernel, ignore_border=True, stride=stride, pad=low, mode=mode
        )

    def max_pool2d(x: Symbol, kernel_size: Any, stride: Any, padding: Pairs) -> Symbol:
        if not symmetric(padding):
            x, padding = pad(x, ((0, 0), (0, 0)) + tuple(padding), -float("inf")), ((0, 0),) * 2
        return pooled(x, kernel_size, stride, padding, "max")

    def avg_pool2d(
        x: Symbol, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Symbol:
        if not any(map(any, padding)) or (count_include_pad and symmetric(padding)):
            return pooled(x, kernel_size, stride, padding, "average_inc_pad")
        width, none = ((0, 0), (0, 0)) + tuple(padding), ((0, 0),) * 2
        means = pooled(pad(x, width, 0.0), kernel_size, stride, none, "average_inc_pad")
        if count_include_pad:
            return means
        # Theano's own average_exc_pad has no gradient where there is padding.
        shape = (1, 1) + shape_of(x)[2:]
        ones = _shaped(T.ones(shape, dtype=x.dtype), shape)
        inside = pooled(pad(ones, width, 0.0), kernel_size, stride, none, "average_inc_pad")
        return means / inside[0, 0]

    return {"max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}


# --- convolutions: of two and of three dimensions, or of three alone -----------------------------


def _raised(x: Symbol, more: int) -> Symbol:
    """Return (N, C, *spatial) as (N, C, 1, ..., *spatial), with so many dimensions more."""
    if not more:
        return x
    shape = shape_of(x)
    order = [0, 1] + ["x"] * more + list(range(2, x.ndim))
    return _shaped(x.dimshuffle(*order), shape[:2] + (1,) * more + shape[2:])


def _lowered(x: Symbol, more: int) -> Symbol:
    """Return what `_raised` was given."""
    return x[(slice(None), slice(None)) + (0,) * more] if more else x


def _conv(
    theano: Any, more: int, x: Symbol, weight: Symbol, stride: Any, padding: Pairs,
    dilation: Any, groups: int,
) -> Symbol:  # fmt: skip
    T = theano.tensor
    if not symmetric(padding):
        width = ((0, 0), (0, 0)) + tuple(padding)
        sizes = tuple(lo + s + hi for s, (lo, hi) in zip(shape_of(x), width))
        x = _shaped(_movement(theano)["pad"](x, width, 0.0), sizes)
        padding = ((0, 0),) * len(padding)
    x, weight = _raised(x, more), _raised(weight, more)
    result = getattr(T.nnet, "conv3d" if x.ndim == 5 else "conv2d")(
        x,
        weight,
        input_shape=shape_of(x),
        filter_shape=shape_of(weight),
        border_mode=(0,) * more + tuple(lo for lo, _ in padding),
        subsample=(1,) * more + tuple(stride),
        filter_flip=False,
        filter_dilation=(1,) * more + tuple(dilation),
        num_groups=groups,
    )
    return _lowered(result, more)


def _conv_transpose(
    theano: Any, more: int, x: Symbol, weight: Symbol, stride: Any, padding: Pairs,
    output_padding: Any, dilation: Any, groups: int,
) -> Symbol:  # fmt: skip
    """The gradient of a convolution in its input, as Theano's own users write it."""
    x, weight = _raised(x, more), _raised(weight, more)
    padding = ((0, 0),) * more + tuple(padding)
    stride, dilation = (1,) * more + tuple(stride), (1,) * more + tuple(dilation)
    extra = (0,) * more + tuple(output_padding)
    kernel = shape_of(weight)[2:]
    # Uneven padding: pad evenly by the smaller, and cut the rest off the result.
    low = tuple(min(p) for p in padding)
    sizes = transposed_sizes(shape_of(x)[2:], kernel, stride, padding, extra, dilation)
    whole = tuple(s + sum(p) - 2 * b for s, p, b in zip(sizes, padding, low))
    gradient = getattr(
        theano.tensor.nnet.abstract_conv,
        "conv3d_grad_wrt_inputs" if x.ndim == 5 else "conv2d_grad_wrt_inputs",
    )
    result = gradient(
        x,
        weight,
        input_shape=(shape_of(x)[0], shape_of(weight)[1] * groups) + whole,
        filter_shape=shape_of(weight),
        border_mode=low,
        subsample=stride,
        filter_flip=False,
        filter_dilation=dilation,
        num_groups=groups,
    )
    cut = tuple(slice(p[0] - b, p[0] - b + s) for s, p, b in zip(sizes, padding, low))
    if not symmetric(padding):
        result = result[(slice(None), slice(None)) + cut]
    return _lowered(result, more)
