"""The op catalogue in TensorFlow's words; all of it runs eagerly and under ``tf.function``."""

import operator
from functools import partial
from typing import Any, Callable, Dict, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]
Shape = Tuple[int, ...]


def operators(tf: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name."""
    table = dict(_array_ops(tf))
    table.update(_neural_ops(tf))
    table.update(_convolutions(tf))
    return table


def _array_ops(tf: Any) -> Dict[str, Op]:
    def linspace(start: float, stop: float, num: int, dtype: str) -> Tensor:
        return tf.linspace(tf.constant(start, dtype), tf.constant(stop, dtype), num)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        return tf.experimental.numpy.eye(n_rows, n_cols, k, dtype=dtype)

    def full(shape: Shape, fill_value: Any, dtype: str) -> Tensor:
        return tf.fill(shape, tf.constant(fill_value, dtype))

    def full_like(x: Tensor, fill_value: Any) -> Tensor:
        return tf.fill(x.shape, tf.constant(fill_value, x.dtype))

    def both(fn: Op) -> Op:
        """Give a scalar the other operand's dtype: alone it would be float32."""

        def apply(a: Tensor, b: Tensor) -> Tensor:
            if not tf.is_tensor(a):
                a = tf.constant(a, b.dtype)
            if not tf.is_tensor(b):
                b = tf.constant(b, a.dtype)
            return fn(a, b)

        return apply

    def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return both(partial(tf.where, condition))(a, b)

    def clip(x: Tensor, min: Any, max: Any) -> Tensor:
        if min is not None:
            x = tf.maximum(x, tf.constant(min, x.dtype))
        return x if max is None else tf.minimum(x, tf.constant(max, x.dtype))

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        flat = tf.reshape(x, [-1]) if axis is None else x
        index = tf.argmax(flat, 0 if axis is None else axis, output_type=tf.int64)
        if keepdims:
            kept = [1 if axis in (None, i) else n for i, n in enumerate(x.shape)]
            return tf.reshape(index, kept)
        return index

    def reduction(fn: Op) -> Op:
        return lambda x, axis, keepdims: fn(x, list(axis), keepdims)

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def permute_dims(x: Tensor, axes: Shape) -> Tensor:
        return tf.transpose(x, axes)

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return tf.pad(x, pad_width, constant_values=tf.constant(value, x.dtype))

    def matmul(a: Tensor, b: Tensor) -> Tensor:
        """``tf.matmul`` takes matrices only."""
        if a.shape.rank == 1 and b.shape.rank == 1:
            return tf.tensordot(a, b, 1)
        if a.shape.rank == 1:
            return tf.linalg.matvec(b, a, transpose_a=True)
        if b.shape.rank == 1:
            return tf.linalg.matvec(a, b)
        return tf.matmul(a, b)

    return {
        "zeros": tf.zeros,
        "ones": tf.ones,
        "full": full,
        "arange": lambda start, stop, step, dtype: tf.range(start, stop, step, dtype=dtype),
        "linspace": linspace,
        "eye": eye,
        "zeros_like": tf.zeros_like,
        "ones_like": tf.ones_like,
        "full_like": full_like,
        "astype": tf.cast,
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "pow": both(tf.pow),
        "maximum": both(tf.maximum),
        "minimum": both(tf.minimum),
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
        "where": where,
        "equal": both(tf.equal),
        "not_equal": both(tf.not_equal),
        "less": both(tf.less),
        "less_equal": both(tf.less_equal),
        "greater": both(tf.greater),
        "greater_equal": both(tf.greater_equal),
        "sum": reduction(tf.reduce_sum),
        "mean": reduction(tf.reduce_mean),
        "max": reduction(tf.reduce_max),
        "min": reduction(tf.reduce_min),
        "logsumexp": reduction(tf.reduce_logsumexp),
        "argmax": argmax,
        "reshape": tf.reshape,
        "permute_dims": permute_dims,
        "broadcast_to": tf.broadcast_to,
        "concat": tf.concat,
        "stack": tf.stack,
        "pad": pad,
        "getitem": getitem,
        "take": lambda x, indices, axis: tf.gather(x, indices, axis=axis),
        "matmul": matmul,
    }


def _neural_ops(tf: Any) -> Dict[str, Op]:
    nn = tf.nn

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return nn.bias_add(x, bias, "NHWC" if x.shape.rank == 2 else "NCHW")

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        kept = noise >= tf.constant(rate, noise.dtype)
        return tf.where(kept, x / (1.0 - rate), tf.zeros_like(x))

    def max_pool2d(x: Tensor, kernel_size: Any, stride: Any, padding: Pairs) -> Tensor:
        edge = [[0, 0]] + [list(p) for p in padding] + [[0, 0]]
        given = edge if any(map(any, padding)) else "VALID"
        return _first(tf, nn.max_pool2d(_last(tf, x), kernel_size, stride, given))

    def avg_pool2d(
        x: Tensor, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        edge = [[0, 0]] + [list(p) for p in padding] + [[0, 0]]
        x = _last(tf, x)
        y = nn.avg_pool2d(tf.pad(x, edge), kernel_size, stride, "VALID")
        if not count_include_pad:
            inside = tf.pad(tf.ones_like(x[:1, :, :, :1]), edge)  # (1, H, W, 1)
            y = y / nn.avg_pool2d(inside, kernel_size, stride, "VALID")
        return _first(tf, y)

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        return nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return nn.softmax_cross_entropy_with_logits(labels, logits, axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        return nn.sparse_softmax_cross_entropy_with_logits(labels, logits)

    return {
        "bias_add": bias_add,
        "relu": nn.relu,
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "silu": nn.silu,
        "softmax": nn.softmax,
        "log_softmax": nn.log_softmax,
        "dropout": dropout,
        "max_pool2d": max_pool2d,
        "avg_pool2d": avg_pool2d,
        "one_hot": lambda indices, num_classes, dtype: tf.one_hot(
            indices, num_classes, dtype=dtype
        ),
        "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
        "squared_error": tf.math.squared_difference,
    }


# -- convolutions: TensorFlow's gradients on the CPU want channels last


def _last(tf: Any, x: Tensor) -> Tensor:
    rank = x.shape.rank
    return tf.transpose(x, [0, *range(2, rank), 1])  # (N, C, ...) --> (N, ..., C)


def _first(tf: Any, x: Tensor) -> Tensor:
    rank = x.shape.rank
    return tf.transpose(x, [0, rank - 1, *range(1, rank - 1)])  # (N, ..., C) --> (N, C, ...)


def _filters(tf: Any, weight: Tensor) -> Tensor:
    rank = weight.shape.rank
    return tf.transpose(weight, [*range(2, rank), 1, 0])  # (O, I, ...) --> (..., I, O)


def _convolutions(tf: Any) -> Dict[str, Op]:
    nn = tf.nn
    forward = {1: nn.conv1d, 2: nn.conv2d, 3: nn.conv3d}
    transposed = {1: nn.conv1d_transpose, 2: nn.conv2d_transpose, 3: nn.conv3d_transpose}

    def spans(n: int, per_dim: Sequence[int]) -> Any:
        return [1, *per_dim, 1] if n == 3 else list(per_dim)

    def padded(x: Tensor, padding: Pairs) -> Tensor:
        x = _last(tf, x)
        if not any(map(any, padding)):
            return x
        return tf.pad(x, [[0, 0], *[list(p) for p in padding], [0, 0]])

    def per_group(fn: Op, x: Tensor, weight: Tensor, groups: int, axis: int) -> Tensor:
        """Convolve each group by itself: gradients of grouped filters are not for the CPU."""
        if groups == 1:
            return fn(x, weight)
        parts = zip(tf.split(x, groups, -1), tf.split(weight, groups, axis))
        return tf.concat([fn(part, filters) for part, filters in parts], -1)

    def conv(n: int) -> Op:
        def apply(
            x: Tensor, weight: Tensor, stride: Shape, padding: Pairs, dilation: Shape, groups: int
        ) -> Tensor:
            x = padded(x, padding)
            steps, rates = spans(n, stride), spans(n, dilation)

            def one(part: Tensor, filters: Tensor) -> Tensor:
                if max(dilation) > 1 and part.dtype != tf.float32:
                    # through space_to_batch: only oneDNN's float32 has dilated gradients
                    return nn.convolution(part, filters, dilations=dilation)
                return forward[n](part, filters, steps, "VALID", dilations=rates)

            return _first(tf, per_group(one, x, _filters(tf, weight), groups, -1))

        return apply

    def conv_transpose(n: int) -> Op:
        def apply(
            x: Tensor,
            weight: Tensor,
            stride: Shape,
            padding: Pairs,
            output_padding: Shape,
            dilation: Shape,
            groups: int,
        ) -> Tensor:
            sizes = [
                (size - 1) * s + d * (k - 1) + 1 + extra
                for size, s, d, k, extra in zip(
                    x.shape[2:], stride, dilation, weight.shape[2:], output_padding
                )
            ]
            steps, rates = spans(n, stride), spans(n, dilation)

            def one(part: Tensor, filters: Tensor) -> Tensor:
                shape = [part.shape[0], *sizes, filters.shape[-2]]
                return transposed[n](part, filters, shape, steps, "VALID", dilations=rates)

            y = per_group(one, _last(tf, x), _filters(tf, weight), groups, -1)
            keep = [slice(lo, size - hi) for (lo, hi), size in zip(padding, sizes)]
            return _first(tf, y[(slice(None), *keep)])

        return apply

    table: Dict[str, Op] = {}
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv(n)
        table["conv_transpose%dd" % n] = conv_transpose(n)
    return table
