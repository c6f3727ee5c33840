"""The op catalogue in JAX's words. All of it runs under ``jit``'s tracing."""

import operator
from typing import Any, Callable, Dict, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]


def operators(jax: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name."""
    table = dict(_array_ops(jax))
    table.update(_neural_ops(jax))
    return table


def _array_ops(jax: Any) -> Dict[str, Op]:
    jnp = jax.numpy

    def astype(x: Tensor, dtype: str) -> Tensor:
        return x.astype(dtype)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Tensor:
        return jnp.eye(n_rows, n_cols, k=k, dtype=dtype)

    def summed(x: Tensor, axis: Tuple[int, ...], keepdims: bool) -> Tensor:
        # A dtype keeps int32 from becoming int64; 16-bit floats would be added up in their own.
        dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.integer) else None
        return jnp.sum(x, axis=axis, keepdims=keepdims, dtype=dtype)

    def clip(x: Tensor, min: Any, max: Any) -> Tensor:
        """As ``jnp.clip``, but at a bound the gradient passes whole instead of by half."""
        if min is not None:
            x = jnp.where(x < min, min, x)
        return x if max is None else jnp.where(x > max, max, x)

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        return jnp.argmax(x, axis=axis, keepdims=keepdims).astype("int64")

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def pad(x: Tensor, pad_width: Pairs, value: float) -> Tensor:
        return jnp.pad(x, pad_width, constant_values=value)

    same_name = (
        "zeros ones full arange linspace zeros_like ones_like full_like "
        "maximum minimum negative abs sign square sqrt exp expm1 log log1p where "
        "mean max min reshape permute_dims broadcast_to concat stack take matmul"
    )
    table = {name: getattr(jnp, name) for name in same_name.split()}
    table.update(
        eye=eye,
        astype=astype,
        clip=clip,
        add=operator.add,
        subtract=operator.sub,
        multiply=operator.mul,
        divide=operator.truediv,
        pow=operator.pow,
        equal=operator.eq,
        not_equal=operator.ne,
        less=operator.lt,
        less_equal=operator.le,
        greater=operator.gt,
        greater_equal=operator.ge,
        sum=summed,
        argmax=argmax,
        logsumexp=jax.nn.logsumexp,
        getitem=getitem,
        pad=pad,
    )
    return table


def _neural_ops(jax: Any) -> Dict[str, Op]:
    jnp, lax, nn = jax.numpy, jax.lax, jax.nn

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return x + bias.reshape((-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        return jnp.where(noise >= rate, x / (1.0 - rate), 0.0)

    def conv(
        x: Tensor, weight: Tensor, stride: Any, padding: Pairs, dilation: Any, groups: int
    ) -> Tensor:
        return lax.conv_general_dilated(
            x, weight, stride, padding, rhs_dilation=dilation, feature_group_count=groups
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
        channels, outputs, kernel = weight.shape[0], weight.shape[1], weight.shape[2:]
        weight = jnp.flip(weight, range(2, weight.ndim))
        weight = weight.reshape((groups, channels // groups, outputs) + kernel)
        weight = jnp.swapaxes(weight, 1, 2)  # (G, C/G, O/G, ...) --> (G, O/G, C/G, ...)
        weight = weight.reshape((groups * outputs, channels // groups) + kernel)
        reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
        margin = [
            (r - lo, r - hi + extra) for r, (lo, hi), extra in zip(reach, padding, output_padding)
        ]
        return lax.conv_general_dilated(
            x,
            weight,
            (1,) * len(kernel),
            margin,
            lhs_dilation=stride,
            rhs_dilation=dilation,
            feature_group_count=groups,
        )

    def window(x: Tensor, start: float, fn: Op, kernel: Any, stride: Any, pads: Pairs) -> Tensor:
        edge = ((0, 0), (0, 0))
        start = x.dtype.type(start)  # of x's dtype and concrete: else there is no gradient
        return lax.reduce_window(
            x, start, fn, (1, 1) + tuple(kernel), (1, 1) + tuple(stride), edge + tuple(pads)
        )

    def max_pool2d(x: Tensor, kernel_size: Any, stride: Any, padding: Pairs) -> Tensor:
        return window(x, -float("inf"), lax.max, kernel_size, stride, padding)

    def avg_pool2d(
        x: Tensor, kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool
    ) -> Tensor:
        # 16-bit windows are added up in float32, as jnp.sum does.
        wide = x.astype("float32") if x.dtype.itemsize == 2 else x
        total = window(wide, 0.0, lax.add, kernel_size, stride, padding)
        if count_include_pad:
            return (total / (kernel_size[0] * kernel_size[1])).astype(x.dtype)
        inside = jnp.ones((1, 1) + x.shape[2:], wide.dtype)
        return (total / window(inside, 0.0, lax.add, kernel_size, stride, padding)).astype(x.dtype)

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        return jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -(labels * nn.log_softmax(logits, axis=axis)).sum(axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        chosen = jnp.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
        return nn.logsumexp(logits, axis=-1) - chosen

    def squared_error(predictions: Tensor, targets: Tensor) -> Tensor:
        return jnp.square(predictions - targets)

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        return nn.one_hot(indices, num_classes, dtype=dtype)

    table = {name: getattr(nn, name) for name in "relu sigmoid silu softmax log_softmax".split()}
    table.update(
        bias_add=bias_add,
        tanh=jnp.tanh,
        dropout=dropout,
        max_pool2d=max_pool2d,
        avg_pool2d=avg_pool2d,
        one_hot=one_hot,
        sigmoid_cross_entropy_with_logits=sigmoid_cross_entropy,
        softmax_cross_entropy_with_logits=softmax_cross_entropy,
        sparse_softmax_cross_entropy_with_logits=sparse_softmax_cross_entropy,
        squared_error=squared_error,
    )
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv
        table["conv_transpose%dd" % n] = conv_transpose
    return table
