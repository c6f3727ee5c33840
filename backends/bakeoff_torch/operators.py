"""The op catalogue in PyTorch's words.

An op without attributes is a callable of tensors. An op with attributes is a
*factory*: it turns canonical attributes into PyTorch's form once and returns the
callable, so that a compiled program does per call only what a user's code would.
"""

import operator
from functools import partial
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from bakeoff_worker.shapes import last_first

Tensor = Any
Op = Callable[..., Tensor]
Pairs = Sequence[Tuple[int, int]]

DTYPES = ("bool", "int32", "int64", "float16", "bfloat16", "float32", "float64")

# Results of these may share memory with their first argument.
VIEWS = frozenset(["reshape", "permute_dims", "broadcast_to", "getitem", "astype"])


def plain_ops(torch: Any) -> Dict[str, Op]:
    """Return the ops without attributes."""
    F = torch.nn.functional

    def extremum(fn: Op) -> Op:
        """``torch.maximum`` takes tensors only; at ties it halves the gradient, as wanted."""

        def apply(a: Tensor, b: Tensor) -> Tensor:
            if not isinstance(a, torch.Tensor):
                a = torch.full((), a, dtype=b.dtype)
            if not isinstance(b, torch.Tensor):
                b = torch.full((), b, dtype=a.dtype)
            return fn(a, b)

        return apply

    def bias_add(x: Tensor, bias: Tensor) -> Tensor:
        if x.ndim == 2:
            return x + bias
        return x + bias.reshape((-1,) + (1,) * (x.ndim - 2))  # (C,) --> (C, 1, ...)

    def sparse_softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        if logits.ndim <= 2:
            return F.cross_entropy(logits, labels.long(), reduction="none")
        rows = logits.reshape(-1, logits.shape[-1])  # (..., C) --> (N, C)
        losses = F.cross_entropy(rows, labels.reshape(-1).long(), reduction="none")
        return losses.reshape(labels.shape)

    return {
        "zeros_like": torch.zeros_like,
        "ones_like": torch.ones_like,
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "pow": operator.pow,
        "maximum": extremum(torch.maximum),
        "minimum": extremum(torch.minimum),
        "negative": torch.neg,
        "abs": torch.abs,
        "sign": torch.sign,
        "square": torch.square,
        "sqrt": torch.sqrt,
        "exp": torch.exp,
        "expm1": torch.expm1,
        "log": torch.log,
        "log1p": torch.log1p,
        "where": torch.where,
        "equal": operator.eq,
        "not_equal": operator.ne,
        "less": operator.lt,
        "less_equal": operator.le,
        "greater": operator.gt,
        "greater_equal": operator.ge,
        "matmul": torch.matmul,
        "bias_add": bias_add,
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "silu": F.silu,
        "sigmoid_cross_entropy_with_logits": partial(
            F.binary_cross_entropy_with_logits, reduction="none"
        ),
        "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
        "squared_error": partial(F.mse_loss, reduction="none"),
    }


def factories(torch: Any, device: Optional[str] = None) -> Dict[str, Callable[..., Op]]:
    """Return the ops with attributes: functions of canonical attributes to callables.

    Those that create do so on ``device``; None is PyTorch's default, the CPU.
    """
    F = torch.nn.functional
    dtypes = {name: getattr(torch, name) for name in DTYPES}

    # -- creation, casts

    def creation(fn: Op) -> Callable[..., Op]:
        def factory(**attrs: Any) -> Op:
            attrs.update(dtype=dtypes[attrs["dtype"]], device=device)
            if "shape" in attrs:
                attrs["size"] = attrs.pop("shape")
            if "num" in attrs:
                attrs["steps"] = attrs.pop("num")
            if "stop" in attrs:
                attrs["end"] = attrs.pop("stop")
            return partial(fn, **attrs)

        return factory

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Op:
        if k == 0:
            return partial(torch.eye, n_rows, n_cols, dtype=dtypes[dtype], device=device)

        def shifted() -> Tensor:
            result = torch.zeros(n_rows, n_cols, dtype=dtypes[dtype], device=device)
            if -n_rows < k < n_cols:
                result.diagonal(k).fill_(1)
            return result

        return shifted

    def full_like(fill_value: Any) -> Op:
        return partial(torch.full_like, fill_value=fill_value)

    def astype(dtype: str) -> Op:
        target = dtypes[dtype]
        return lambda x: x.to(target)  # Dynamo does not trace operator.methodcaller

    # -- reductions

    def reduction(fn: Op) -> Callable[..., Op]:
        """An empty axis is no reduction in NumPy, a full one in PyTorch."""

        def factory(axis: Tuple[int, ...], keepdims: bool) -> Op:
            reduce = partial(fn, dim=axis, keepdim=keepdims)
            return reduce if axis else lambda x: reduce(x.unsqueeze(-1), dim=(-1,), keepdim=False)

        return factory

    def summed(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
        return torch.sum(x, dim=dim, keepdim=keepdim, dtype=x.dtype)  # int32 would become int64

    def argmax(axis: Any, keepdims: bool) -> Op:
        if axis is None and keepdims:
            return lambda x: torch.argmax(x).reshape((1,) * x.ndim)
        return partial(torch.argmax, dim=axis, keepdim=keepdims)

    # -- movement

    def pad(pad_width: Pairs, value: float) -> Op:
        return partial(F.pad, pad=last_first(pad_width), value=value)

    def getitem(index: Sequence[Any]) -> Op:
        native = tuple(slice(*i) if isinstance(i, tuple) else i for i in index)
        return lambda x: x[native]  # Dynamo does not trace operator.itemgetter

    def take(axis: int) -> Op:
        return lambda x, indices: torch.index_select(x, axis, indices)

    # -- neural networks

    def dropout(rate: float) -> Op:
        return lambda x, noise: torch.where(noise >= rate, x / (1.0 - rate), 0.0)

    def conv(fn: Op) -> Callable[..., Op]:
        def factory(stride: Any, padding: Pairs, dilation: Any, groups: int) -> Op:
            options = {"stride": stride, "dilation": dilation, "groups": groups}
            if _symmetric(padding):
                return partial(fn, padding=tuple(lo for lo, _ in padding), **options)
            width = last_first(padding)
            return lambda x, weight: fn(F.pad(x, width), weight, **options)

        return factory

    def conv_transpose(fn: Op) -> Callable[..., Op]:
        def factory(
            stride: Any, padding: Pairs, output_padding: Any, dilation: Any, groups: int
        ) -> Op:
            options = {
                "stride": stride,
                "output_padding": output_padding,
                "dilation": dilation,
                "groups": groups,
            }
            if _symmetric(padding):
                return partial(fn, padding=tuple(lo for lo, _ in padding), **options)
            # PyTorch crops both ends alike: crop the smaller here, the rest afterwards.
            crop = last_first([(min(p) - lo, min(p) - hi) for p in padding for lo, hi in [p]])
            options["padding"] = tuple(min(p) for p in padding)
            return lambda x, weight: F.pad(fn(x, weight, **options), crop)

        return factory

    def max_pool2d(kernel_size: Any, stride: Any, padding: Pairs) -> Op:
        if _symmetric(padding):
            low = tuple(lo for lo, _ in padding)
            return lambda x: F.max_pool2d(x, kernel_size, stride, low)
        width = last_first(padding)
        return lambda x: F.max_pool2d(F.pad(x, width, value=-float("inf")), kernel_size, stride)

    def avg_pool2d(kernel_size: Any, stride: Any, padding: Pairs, count_include_pad: bool) -> Op:
        if _symmetric(padding):
            low = tuple(lo for lo, _ in padding)
            return lambda x: F.avg_pool2d(
                x, kernel_size, stride, low, count_include_pad=count_include_pad
            )
        width = last_first(padding)

        def padded(x: Tensor) -> Tensor:
            means = F.avg_pool2d(F.pad(x, width), kernel_size, stride)
            if count_include_pad:
                return means
            inside = F.pad(torch.ones_like(x[:1, :1]), width)  # (1, 1, H, W)
            return means / F.avg_pool2d(inside, kernel_size, stride)

        return padded

    def one_hot(num_classes: int, dtype: str) -> Op:
        return lambda indices: F.one_hot(indices.long(), num_classes).to(dtypes[dtype])

    def softmax_cross_entropy(axis: int) -> Op:
        if axis == 1:  # where PyTorch has its classes
            return partial(F.cross_entropy, reduction="none")
        return lambda logits, labels: -(labels * torch.log_softmax(logits, axis)).sum(axis)

    table: Dict[str, Callable[..., Op]] = {
        "zeros": creation(torch.zeros),
        "ones": creation(torch.ones),
        "full": creation(torch.full),
        "arange": creation(torch.arange),
        "linspace": creation(torch.linspace),
        "eye": eye,
        "full_like": full_like,
        "astype": astype,
        "clip": lambda min, max: partial(torch.clamp, min=min, max=max),
        "sum": reduction(summed),
        "mean": reduction(torch.mean),
        "max": reduction(torch.amax),
        "min": reduction(torch.amin),
        "logsumexp": reduction(torch.logsumexp),
        "argmax": argmax,
        "reshape": lambda shape: partial(torch.reshape, shape=shape),
        "permute_dims": lambda axes: partial(torch.permute, dims=axes),
        "broadcast_to": lambda shape: partial(torch.broadcast_to, size=shape),
        "concat": lambda axis: partial(torch.cat, dim=axis),
        "stack": lambda axis: partial(torch.stack, dim=axis),
        "pad": pad,
        "getitem": getitem,
        "take": take,
        "softmax": lambda axis: partial(torch.softmax, dim=axis),
        "log_softmax": lambda axis: partial(torch.log_softmax, dim=axis),
        "dropout": dropout,
        "max_pool2d": max_pool2d,
        "avg_pool2d": avg_pool2d,
        "one_hot": one_hot,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
    }
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv(getattr(F, "conv%dd" % n))
        table["conv_transpose%dd" % n] = conv_transpose(getattr(F, "conv_transpose%dd" % n))
    return table


def from_factory(factory: Callable[..., Op]) -> Op:
    """Return the op that takes its canonical attributes at every call."""
    return lambda *tensors, **attrs: factory(**attrs)(*tensors)


def _symmetric(padding: Pairs) -> bool:
    return all(lo == hi for lo, hi in padding)
