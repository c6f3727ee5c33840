"""The op catalogue in TensorFlow 1's words: functions that add to the default graph.

TensorFlow 1 convolves and pools on the CPU with the channels last, without groups, and
differentiates no dilated convolution but what ``tf.nn.convolution`` makes of one.

Source: https://www.tensorflow.org/versions/r1.15/api_docs/python/tf
"""

from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker.shapes import transposed_sizes

Symbol = Any
Op = Callable[..., Symbol]
Pairs = Sequence[Tuple[int, int]]


def operators(tf: Any) -> Dict[str, Op]:
    """Return all ops by their catalogue names."""
    table: Dict[str, Op] = {}
    for part in (_elementwise, _creation, _reductions, _movement, _neural, _pools):
        table.update(part(tf))
    for n in (1, 2, 3):
        table["conv%dd" % n] = partial(_conv, tf, n)
        table["conv_transpose%dd" % n] = partial(_conv_transpose, tf, n)
    return table


def _shape(x: Symbol) -> Tuple[int, ...]:
    return tuple(x.shape.as_list())


def _elementwise(tf: Any) -> Dict[str, Op]:
    def clip(x: Symbol, min: Any, max: Any) -> Symbol:
        if min is None:
            return tf.minimum(x, max)
        if max is None:
            return tf.maximum(x, min)
        return tf.clip_by_value(x, min, max)

    def dropout(x: Symbol, noise: Symbol, rate: float) -> Symbol:
        return tf.where(noise >= rate, x / (1.0 - rate), tf.zeros_like(x))

    return {
        "add": tf.add,
        "subtract": tf.subtract,
        "multiply": tf.multiply,
        "divide": tf.truediv,
        "pow": tf.pow,
        "maximum": tf.maximum,
        "minimum": tf.minimum,
        "negative": tf.negative,
        "abs": tf.abs,
        "sign": tf.sign,
        "square": tf.square,
        "sqrt": tf.sqrt,
        "exp": tf.exp,
        "expm1": tf.math.expm1,
        "log": tf.math.log,
        "log1p": tf.math.log1p,
        "clip": clip,
        "where": tf.where_v2,  # the first one does not broadcast
        "equal": tf.equal,
        "not_equal": tf.not_equal,
        "less": tf.less,
        "less_equal": tf.less_equal,
        "greater": tf.greater,
        "greater_equal": tf.greater_equal,
        "dropout": dropout,
    }


def _creation(tf: Any) -> Dict[str, Op]:
    def linspace(start: float, stop: float, num: int, dtype: str) -> Symbol:
        ends = [tf.constant(v, dtype) for v in (start, stop)]
        return tf.linspace(ends[0], ends[1], num)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Symbol:
        if k == 0:
            return tf.eye(n_rows, n_cols, dtype=dtype)
        rows, columns = tf.range(n_rows), tf.range(n_cols)
        return tf.cast(tf.equal(rows[:, None] + k, columns[None, :]), dtype)

    return {
        "zeros": tf.zeros,
        "ones": tf.ones,
        "full": lambda shape, fill_value, dtype: tf.fill(shape, tf.constant(fill_value, dtype)),
        "arange": lambda start, stop, step, dtype: tf.range(start, stop, step, dtype=dtype),
        "linspace": linspace,
        "eye": eye,
        "zeros_like": tf.zeros_like,
        "ones_like": tf.ones_like,
        "full_like": lambda x, fill_value: tf.fill(_shape(x), tf.constant(fill_value, x.dtype)),
        "astype": tf.cast,
    }


def _reductions(tf: Any) -> Dict[str, Op]:
    def reduction(fn: Op) -> Op:
        return lambda x, axis, keepdims: fn(x, axis=list(axis), keepdims=keepdims)

    def argmax(x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        if axis is not None:
            found = tf.argmax(x, axis=axis)
            return tf.expand_dims(found, axis) if keepdims else found
        found = tf.argmax(tf.reshape(x, [-1]))
        return tf.reshape(found, (1,) * len(_shape(x))) if keepdims else found

    return {
        "sum": reduction(tf.reduce_sum),
        "mean": reduction(tf.reduce_mean),
        "max": reduction(tf.reduce_max),
        "min": reduction(tf.reduce_min),
        "logsumexp": reduction(tf.reduce_logsumexp),
        "argmax": argmax,
    }


def _movement(tf: Any) -> Dict[str, Op]:
    def pad(x: Symbol, pad_width: Pairs, value: float) -> Symbol:
        return tf.pad(x, [list(p) for p in pad_width], constant_values=value)

    def getitem(x: Symbol, index: Sequence[Any]) -> Symbol:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    return {
        "reshape": tf.reshape,
        "permute_dims": lambda x, axes: tf.transpose(x, perm=axes),
        "broadcast_to": tf.broadcast_to,
        "concat": tf.concat,
        "stack": tf.stack,
        "pad": pad,
        "getitem": getitem,
        "take": lambda x, indices, axis: tf.gather(x, indices, axis=axis),
        "one_hot": lambda indices, num_classes, dtype: tf.one_hot(
            indices, num_classes, dtype=tf.as_dtype(dtype)
        ),
    }


def _neural(tf: Any) -> Dict[str, Op]:
    def matmul(a: Symbol, b: Symbol) -> Symbol:
        if len(_shape(a)) == len(_shape(b)) == 1:
            return tf.tensordot(a, b, 1)
        if len(_shape(a)) == 1:
            return matmul(a[None, :], b)[..., 0, :]
        if len(_shape(b)) == 1:
            return matmul(a, b[:, None])[..., 0]
        return tf.matmul(a, b)

    def bias_add(x: Symbol, bias: Symbol) -> Symbol:
        if len(_shape(x)) == 2:
            return tf.nn.bias_add(x, bias)
        return x + tf.reshape(bias, [-1] + [1] * (len(_shape(x)) - 2))  # (C,) --> (C, 1, ...)

    return {
        "matmul": matmul,
        "bias_add": bias_add,
        "relu": tf.nn.relu,
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "silu": lambda x: x * tf.sigmoid(x),
        "softmax": lambda x, axis: tf.nn.softmax(x, axis=axis),
        "log_softmax": lambda x, axis: tf.nn.log_softmax(x, axis=axis),
        "sigmoid_cross_entropy_with_logits": lambda logits, targets: (
            tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
        ),
        "softmax_cross_entropy_with_logits": lambda logits, labels, axis: (
            tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits, axis=axis)
        ),
        "sparse_softmax_cross_entropy_with_logits": lambda logits, labels: (
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        ),
        "squared_error": tf.math.squared_difference,
    }


def _last(tf: Any, x: Symbol) -> Symbol:
    """Return (N, C, ...) as (N, ..., C)."""
    n = len(_shape(x))
    return tf.transpose(x, [0] + list(range(2, n)) + [1])


def _first(tf: Any, x: Symbol) -> Symbol:
    """Return (N, ..., C) as (N, C, ...)."""
    n = len(_shape(x))
    return tf.transpose(x, [0, n - 1] + list(range(1, n - 1)))


def _spatial(padding: Pairs) -> List[List[int]]:
    return [[0, 0]] + [list(p) for p in padding] + [[0, 0]]


def _same(padding: Pairs, sizes: Any, kernel: Any, stride: Any) -> bool:
    """Return whether this is what TensorFlow calls SAME."""
    for pair, size, k, s in zip(padding, sizes, kernel, stride):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        if tuple(pair) != (total // 2, total - total // 2):
            return False
    return True


# --- pooling ------------------------------------------------------------------------------------


def _pools(tf: Any) -> Dict[str, Op]:
    def pooled(fn: Op, x: Symbol, kernel: Any, stride: Any, padding: Pairs, filler: Any) -> Symbol:
        """Pool ``x``, channels last; a ``filler`` of None leaves padding out of the mean."""
        if filler is None and any(map(any, padding)):
            return fn(x, kernel, stride, "SAME")
        if any(map(any, padding)):
            x = tf.pad(x, _spatial(padding), constant_values=filler)
        return fn(x, kernel, stride, "VALID")

    def max_pool2d(x: Symbol, kernel_size: Any, stride: Any, padding: Pairs) -> Symbol:
        x = _last(tf, x)
        return _first(tf, pooled(tf.nn.max_pool2d, x, kernel_size, stride, padding, -float("inf")))

    def avg_pool2d(
        x: Symbol, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Symbol:
        x = _last(tf, x)
        pool = partial(pooled, tf.nn.avg_pool2d, kernel=kernel_size, stride=stride, padding=padding)
        if not count_include_pad and _same(padding, _shape(x)[1:3], kernel_size, stride):
            return _first(tf, pool(x, filler=None))
        means = pool(x, filler=0.0)
        if not count_include_pad:
            means = means / pool(tf.ones([1] + list(_shape(x)[1:3]) + [1], x.dtype), filler=0.0)
        return _first(tf, means)

    return {"max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}


# --- convolution --------------------------------------------------------------------------------


def _conv(
    tf: Any, n: int, x: Symbol, weight: Symbol, stride: Any, padding: Pairs, dilation: Any,
    groups: int,
) -> Symbol:  # fmt: skip
    w = tf.transpose(weight, list(range(2, n + 2)) + [1, 0])  # (O, I, ...) --> (..., I, O)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    return _first(tf, _grouped(tf, n, _last(tf, x), w, groups, **options))


def _grouped(tf: Any, n: int, x: Symbol, w: Symbol, groups: int, **options: Any) -> Symbol:
    if groups == 1:
        return _correlated(tf, n, x, w, **options)
    parts = zip(tf.split(x, groups, axis=-1), tf.split(w, groups, axis=-1))
    return tf.concat([_correlated(tf, n, a, b, **options) for a, b in parts], axis=-1)


def _correlated(
    tf: Any, n: int, x: Symbol, w: Symbol, stride: Any, padding: Pairs, dilation: Any
) -> Symbol:
    """Correlate ``x`` (N, ..., I) with ``w`` (..., I, O)."""
    dilated = any(d > 1 for d in dilation)
    if n == 2 and not dilated:
        return tf.nn.conv2d(x, w, strides=list(stride), padding=_spatial(padding))
    kind = "VALID"
    if any(map(any, padding)):
        if not dilated and _same(padding, _shape(x)[1:-1], _shape(w)[:n], stride):
            kind = "SAME"
        else:
            x = tf.pad(x, _spatial(padding))
    if not dilated:
        return tf.nn.convolution(x, w, kind, strides=stride)
    # It takes a stride or a dilation, not both: stride the result.
    result = tf.nn.convolution(x, w, kind, dilation_rate=dilation)
    if all(s == 1 for s in stride):
        return result
    return result[(slice(None),) + tuple(slice(None, None, s) for s in stride)]


def _conv_transpose(
    tf: Any, n: int, x: Symbol, weight: Symbol, stride: Any, padding: Pairs,
    output_padding: Any, dilation: Any, groups: int,
) -> Symbol:  # fmt: skip
    """The gradient of the convolution in its input, which is what TensorFlow means by it."""
    w = tf.transpose(weight, list(range(2, n + 2)) + [1, 0])
    kernel = _shape(w)[:n]
    sizes = transposed_sizes(_shape(x)[2:], kernel, stride, padding, output_padding, dilation)
    shape = [_shape(x)[0], *sizes, _shape(weight)[1] * groups]
    z = tf.zeros(shape, x.dtype)
    y = _grouped(tf, n, z, w, groups, stride=stride, padding=padding, dilation=dilation)
    return _first(tf, tf.gradients(y, [z], [_last(tf, x)])[0])
