"""The op catalogue in MyGrad's words: ``mygrad`` and ``mygrad.nnet``."""

from typing import Any, Callable, Dict, Sequence, Tuple

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]
Shape = Tuple[int, ...]

UNSUPPORTED = {
    "astype": "Tensor.astype leaves the graph: no gradient",
    "pad": "no pad",
    "avg_pool2d": "no average pooling",
    "conv_transpose1d": "no transposed convolution",
    "conv_transpose2d": "no transposed convolution",
    "conv_transpose3d": "no transposed convolution",
}


def operators(mg: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name."""
    table = dict(_array_ops(mg))
    table.update(_neural_ops(mg))
    return table


def uneven(op: str, attrs: Any) -> str:
    """Return why MyGrad cannot do an op with these attributes, or nothing."""
    if op.startswith("conv") and any(lo != hi for lo, hi in attrs["padding"]):
        return "conv_nd: one padding for both ends only"
    if op == "max_pool2d" and any(map(any, attrs["padding"])):
        return "max_pool: no padding"
    return ""


def _array_ops(mg: Any) -> Dict[str, Op]:
    def logsumexp(x: Tensor, axis: Shape, keepdims: bool) -> Tensor:
        largest = mg.max(x, axis, keepdims=True)
        y = mg.log(mg.sum(mg.exp(x - largest), axis, keepdims=True)) + largest
        kept = tuple(n for i, n in enumerate(x.shape) if i not in axis)
        return y if keepdims else mg.reshape(y, kept)

    def argmax(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
        index = mg.tensor(mg.argmax(x, axis), constant=True)
        kept = tuple(1 if axis in (None, i) else n for i, n in enumerate(x.shape))
        return mg.reshape(index, kept) if keepdims else index

    def constant(fn: Op) -> Op:
        """Comparisons give arrays, whose tensors nothing flows back to."""
        return lambda a, b: mg.tensor(fn(a, b), constant=True)

    def sign(x: Tensor) -> Tensor:
        """``mg.sign`` takes constants only: its gradient is zero."""
        return mg.tensor(mg.sign(mg.asarray(x)), constant=True)

    def reshape(x: Tensor, shape: Shape) -> Tensor:
        return mg.reshape(x, shape)

    def permute_dims(x: Tensor, axes: Shape) -> Tensor:
        return mg.transpose(x, *axes)

    def clip(x: Tensor, min: Any, max: Any) -> Tensor:
        return mg.clip(x, min, max)

    def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return mg.where(mg.asarray(condition), a, b)

    def getitem(x: Tensor, index: Sequence[Any]) -> Tensor:
        return x[tuple(slice(*i) if isinstance(i, tuple) else i for i in index)]

    def take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
        return x[(slice(None),) * axis + (mg.asarray(indices),)]

    same = (
        "zeros ones full linspace zeros_like ones_like full_like add subtract multiply divide "
        "maximum minimum negative abs square sqrt exp expm1 log log1p matmul tanh"
    )
    table: Dict[str, Op] = {name: getattr(mg, name) for name in same.split()}
    compared = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    table.update((name, constant(getattr(mg, name))) for name in compared)
    table.update(
        arange=lambda start, stop, step, dtype: mg.arange(start, stop, step, dtype=dtype),
        eye=lambda n_rows, n_cols, k, dtype: mg.eye(n_rows, n_cols, k, dtype=dtype),
        sign=sign,
        pow=mg.power,
        clip=clip,
        where=where,
        sum=mg.sum,
        mean=mg.mean,
        max=mg.max,
        min=mg.min,
        logsumexp=logsumexp,
        argmax=argmax,
        reshape=reshape,
        permute_dims=permute_dims,
        broadcast_to=mg.broadcast_to,
        concat=mg.concatenate,
        stack=mg.stack,
        getitem=getitem,
        take=take,
    )
    return table


def _neural_ops(mg: Any) -> Dict[str, Op]:
    activations, layers = mg.nnet.activations, mg.nnet.layers

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        return x + mg.reshape(bias, (-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def dropout(x: Tensor, noise: Tensor, rate: float) -> Tensor:
        return mg.where(mg.greater_equal(noise, rate), x / (1.0 - rate), mg.zeros_like(x))

    def conv(
        x: Tensor, weight: Tensor, stride: Shape, padding: Pairs, dilation: Shape, groups: int
    ) -> Tensor:
        low = tuple(lo for lo, _ in padding)
        options = {"stride": stride, "padding": low, "dilation": dilation}
        if groups == 1:
            return layers.conv_nd(x, weight, **options)
        channels, filters = x.shape[1] // groups, weight.shape[0] // groups
        parts = [
            layers.conv_nd(
                x[:, g * channels : (g + 1) * channels],
                weight[g * filters : (g + 1) * filters],
                **options,
            )
            for g in range(groups)
        ]
        return mg.concatenate(parts, 1)

    def max_pool2d(x: Tensor, kernel_size: Shape, stride: Shape, padding: Pairs) -> Tensor:
        return layers.max_pool(x, kernel_size, stride)

    def one_hot(indices: Tensor, num_classes: int, dtype: str) -> Tensor:
        return mg.eye(num_classes, dtype=dtype)[mg.asarray(indices)]

    def sigmoid_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
        tail = mg.log1p(mg.exp(-mg.abs(logits)))
        return mg.maximum(logits, 0.0) - logits * targets + tail

    def softmax_cross_entropy(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
        return -mg.sum(labels * activations.logsoftmax(logits, axis), axis)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        rows = mg.reshape(activations.logsoftmax(logits), (-1, logits.shape[-1]))  # --> (N, C)
        picked = rows[mg.asarray(mg.arange(rows.shape[0])), mg.asarray(labels).reshape(-1)]
        return -mg.reshape(picked, labels.shape)

    return {
        "bias_add": bias_add,
        "relu": activations.relu,
        "sigmoid": activations.sigmoid,
        "silu": lambda x: x * activations.sigmoid(x),
        "softmax": activations.softmax,
        "log_softmax": activations.logsoftmax,
        "dropout": dropout,
        "conv1d": conv,
        "conv2d": conv,
        "conv3d": conv,
        "max_pool2d": max_pool2d,
        "one_hot": one_hot,
        "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
        "squared_error": lambda predictions, targets: mg.square(predictions - targets),
    }
