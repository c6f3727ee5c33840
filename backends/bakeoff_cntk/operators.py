"""The op catalogue in CNTK's functions.

A symbol is a CNTK variable with the shape that the program gives it. Where the first
dimension is CNTK's batch axis, which its shapes leave out, the symbol is *batched*.

Source: https://learn.microsoft.com/python/api/cntk/cntk.ops
"""

from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.shapes import (
    broadcast,
    concatenated,
    reduced,
    size,
)

Op = Callable[..., "Symbol"]
Pairs = Sequence[Tuple[int, int]]

UNSUPPORTED = {
    "arange": "CNTK has no operation that makes a range",
    "linspace": "CNTK has no operation that makes a range",
    "eye": "CNTK makes identity matrices in a sparse form only",
    "expm1": "CNTK has no expm1",
    "log1p": "CNTK has no log1p",
    "sign": "CNTK has no sign",
}


class Symbol(object):
    """A CNTK variable or function with its shape, dtype, and whether it has a batch axis."""

    def __init__(
        self, variable: Any, shape: Sequence[int], dtype: str, batched: bool = False
    ) -> None:
        self.variable = variable
        self.shape = tuple(shape)
        self.dtype = dtype
        self.batched = batched

    @property
    def static(self) -> Tuple[int, ...]:
        """The shape without the batch axis."""
        return self.shape[1:] if self.batched else self.shape

    def axis(self, axis: int) -> int:
        """Return CNTK's number of an axis."""
        if axis == 0 and self.batched:
            raise Unsupported("CNTK's batch axis takes part in no other operation than the loss")
        return axis - int(self.batched)


def operators(C: Any) -> Dict[str, Op]:
    """Return all ops by their catalogue names."""
    table: Dict[str, Op] = {}
    for part in (_elementwise, _creation, _reductions, movement, _products, _losses):
        table.update(part(C))
    return table


def _like(x: Symbol, variable: Any) -> Symbol:
    return Symbol(variable, x.shape, x.dtype, x.batched)


def _reshaped(C: Any, x: Symbol, shape: Sequence[int]) -> Symbol:
    result = Symbol(x.variable, shape, x.dtype, x.batched)
    if x.batched and x.shape[0] != result.shape[0]:
        raise Unsupported("CNTK's batch axis cannot be reshaped")
    if tuple(x.variable.shape) != result.static:
        result.variable = C.reshape(x.variable, result.static)
    return result


def _elementwise(C: Any) -> Dict[str, Op]:
    def unary(fn: Any) -> Op:
        return lambda x: _like(x, fn(x.variable))

    def constant(value: Any, dtype: str) -> Symbol:
        return Symbol(C.constant(value, dtype=_kind(C, dtype)), (), dtype)

    def binary(fn: Any, dtype: str = "") -> Op:
        def apply(a: Any, b: Any) -> Symbol:
            kind = (a if isinstance(a, Symbol) else b).dtype
            a, b = (x if isinstance(x, Symbol) else constant(x, kind) for x in (a, b))
            shape = broadcast(a.shape, b.shape)
            return Symbol(fn(a.variable, b.variable), shape, dtype or kind, a.batched or b.batched)

        return apply

    def clip(x: Symbol, min: Any, max: Any) -> Symbol:
        low, high = (None if v is None else constant(v, x.dtype).variable for v in (min, max))
        if low is None:
            return _like(x, C.element_min(x.variable, high))
        if high is None:
            return _like(x, C.element_max(x.variable, low))
        return _like(x, C.clip(x.variable, low, high))

    def where(condition: Symbol, a: Any, b: Any) -> Symbol:
        kind = (a if isinstance(a, Symbol) else b).dtype
        a, b = (x if isinstance(x, Symbol) else constant(x, kind) for x in (a, b))
        variable = C.element_select(condition.variable, a.variable, b.variable)
        shape = broadcast(condition.shape, broadcast(a.shape, b.shape))
        return Symbol(variable, shape, kind, a.batched or b.batched or condition.batched)

    def dropout(x: Symbol, noise: Symbol, rate: float) -> Symbol:
        kept = C.greater_equal(noise.variable, constant(rate, noise.dtype).variable)
        scale, zero = (constant(v, x.dtype).variable for v in (1.0 - rate, 0.0))
        return _like(x, C.element_select(kept, x.variable / scale, zero))

    squared = binary(lambda a, b: C.square(a - b))
    return {
        "add": binary(C.plus),
        "subtract": binary(C.minus),
        "multiply": binary(C.element_times),
        "divide": binary(C.element_divide),
        "pow": binary(C.pow),
        "maximum": binary(C.element_max),
        "minimum": binary(C.element_min),
        "negative": unary(C.negate),
        "abs": unary(C.abs),
        "square": unary(C.square),
        "sqrt": unary(C.sqrt),
        "exp": unary(C.exp),
        "log": unary(C.log),
        "clip": clip,
        "where": where,
        "equal": binary(C.equal, "bool"),
        "not_equal": binary(C.not_equal, "bool"),
        "less": binary(C.less, "bool"),
        "less_equal": binary(C.less_equal, "bool"),
        "greater": binary(C.greater, "bool"),
        "greater_equal": binary(C.greater_equal, "bool"),
        "relu": unary(C.relu),
        "sigmoid": unary(C.sigmoid),
        "tanh": unary(C.tanh),
        "silu": unary(lambda x: C.element_times(x, C.sigmoid(x))),
        "dropout": dropout,
        "squared_error": squared,
    }


def _kind(C: Any, dtype: str) -> Any:
    """Return the type in which CNTK holds a dtype: integers and booleans are floats."""
    return C.ops.np.float64 if dtype == "float64" else C.ops.np.float32


def _creation(C: Any) -> Dict[str, Op]:
    def full(shape: Any, fill_value: Any, dtype: str) -> Symbol:
        kind = _kind(C, dtype)
        return Symbol(C.constant(fill_value, tuple(shape), dtype=kind), shape, dtype)

    def like(value: Any) -> Op:
        def apply(x: Symbol) -> Symbol:
            number = C.constant(value, dtype=_kind(C, x.dtype))
            return _like(x, C.plus(C.zeros_like(x.variable), number))

        return apply

    def astype(x: Symbol, dtype: str) -> Symbol:
        if dtype == "bool":
            zero = C.constant(0, dtype=_kind(C, x.dtype))
            return Symbol(C.not_equal(x.variable, zero), x.shape, dtype, x.batched)
        if dtype.startswith("int") and not x.dtype.startswith("int"):
            raise Unsupported("CNTK computes on floats: it has no cast to integers")
        return Symbol(C.cast(x.variable, _kind(C, dtype)), x.shape, dtype, x.batched)

    return {
        "zeros": lambda shape, dtype: full(shape, 0, dtype),
        "ones": lambda shape, dtype: full(shape, 1, dtype),
        "full": full,
        "zeros_like": lambda x: _like(x, C.zeros_like(x.variable)),
        "ones_like": lambda x: _like(x, C.ones_like(x.variable)),
        "full_like": lambda x, fill_value: like(fill_value)(x),
        "astype": astype,
    }


def _reductions(C: Any) -> Dict[str, Op]:
    def reduction(fn: Any) -> Op:
        def apply(x: Symbol, axis: Tuple[int, ...], keepdims: bool) -> Symbol:
            if not axis:
                return x
            variable = fn(x.variable, axis=[x.axis(i) for i in axis])
            kept = Symbol(variable, reduced(x.shape, axis, True), x.dtype, x.batched)
            return _reshaped(C, kept, reduced(x.shape, axis, keepdims))

        return apply

    plain_mean = reduction(C.reduce_mean)

    def mean(x: Symbol, axis: Tuple[int, ...], keepdims: bool) -> Symbol:
        """Of a batch, the mean of each sample: the trainer takes that over the samples."""
        if not x.batched or 0 not in axis:
            return plain_mean(x, axis, keepdims)
        if len(axis) < len(x.shape) or keepdims:
            raise Unsupported("CNTK's batch axis takes part in no other operation than the loss")
        rest = plain_mean(x, axis[1:], False)
        return MeanOverBatch(rest.variable, (), x.dtype)

    def argmax(x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        shape = reduced(x.shape, range(len(x.shape)) if axis is None else (axis,), keepdims)
        if axis is None:
            x, axis = _reshaped(C, x, (size(x.shape),)), 0
        kept = x.shape[:axis] + (1,) + x.shape[axis + 1 :]
        variable = C.argmax(x.variable, axis=x.axis(axis))
        return _reshaped(C, Symbol(variable, kept, "int64", x.batched), shape)

    return {
        "sum": reduction(C.reduce_sum),
        "mean": mean,
        "max": reduction(C.reduce_max),
        "min": reduction(C.reduce_min),
        "logsumexp": reduction(C.reduce_log_sum_exp),
        "argmax": argmax,
    }


class MeanOverBatch(Symbol):
    """A loss of each sample, whose mean the trainer takes; good for nothing else."""


def movement(C: Any) -> Dict[str, Op]:
    """Return the ops that move values."""

    def permute(x: Symbol, axes: Sequence[int]) -> Symbol:
        shape = tuple(x.shape[i] for i in axes)
        if tuple(axes) == tuple(range(len(axes))):
            return x
        if x.batched:
            if axes[0] != 0:
                raise Unsupported("CNTK's batch axis cannot be transposed")
            axes = [i - 1 for i in axes[1:]]
        return Symbol(C.transpose(x.variable, tuple(axes)), shape, x.dtype, x.batched)

    def broadcast_to(x: Symbol, shape: Sequence[int]) -> Symbol:
        zeros = C.constant(0, tuple(shape), dtype=_kind(C, x.dtype))
        return Symbol(C.plus(x.variable, zeros), shape, x.dtype)

    def concat(arrays: List[Symbol], axis: int) -> Symbol:
        shape = concatenated([x.shape for x in arrays], axis)
        number = arrays[0].axis(axis)
        return _like_shape(arrays[0], C.splice(*[x.variable for x in arrays], axis=number), shape)

    def stack(arrays: List[Symbol], axis: int) -> Symbol:
        shape = arrays[0].shape[:axis] + (1,) + arrays[0].shape[axis:]
        return concat([_reshaped(C, x, shape) for x in arrays], axis)

    def pad(x: Symbol, pad_width: Pairs, value: float) -> Symbol:
        shape = [lo + n + hi for n, (lo, hi) in zip(x.shape, pad_width)]
        pattern = [tuple(p) for p in pad_width]
        if x.batched and any(pattern[0]):
            raise Unsupported("CNTK's batch axis cannot be padded")
        variable = C.pad(x.variable, pattern[int(x.batched) :], constant_value=value)
        return _like_shape(x, variable, shape)

    def getitem(x: Symbol, index: Sequence[Any]) -> Symbol:
        items = [i for i in index if i is not None]
        spans = [i if isinstance(i, tuple) else (i, i + 1, 1) for i in items]
        cut = [n for n, (s, size) in enumerate(zip(spans, x.shape)) if s != (0, size, 1)]
        sizes = [len(range(*s)) for s in spans]
        if cut:
            begin, end, step = zip(*[spans[i] for i in cut])
            axes = [x.axis(i) for i in cut]
            variable = C.slice(x.variable, axes, list(begin), list(end), list(step))
            x = _like_shape(x, variable, sizes)
        left = iter(zip(items, sizes))
        shape = []
        for entry in index:
            item, size = (None, 1) if entry is None else next(left)
            if entry is None or isinstance(item, tuple):
                shape.append(size)
        return _reshaped(C, x, shape)

    def take(x: Symbol, indices: Symbol, axis: int) -> Symbol:
        n = len(x.shape)
        first = permute(x, [axis] + [i for i in range(n) if i != axis])
        # Without a batch axis a backward pass fails that needs Gather's own value; this is another.
        zero = C.constant(0, dtype=_kind(C, x.dtype))
        variable = C.plus(C.gather(first.variable, indices.variable), zero)
        got = Symbol(variable, indices.shape + first.shape[1:], x.dtype)
        m = len(indices.shape)
        back = list(range(m, m + axis)) + list(range(m)) + list(range(m + axis, m + n - 1))
        return permute(got, back)

    def one_hot(indices: Symbol, num_classes: int, dtype: str) -> Symbol:
        shape = indices.shape + (num_classes,)
        one = C.one_hot(indices.variable, num_classes)
        return _reshaped(C, Symbol(one, shape, dtype, indices.batched), shape)

    return {
        "reshape": lambda x, shape: _reshaped(C, x, shape),
        "permute_dims": permute,
        "broadcast_to": broadcast_to,
        "concat": concat,
        "stack": stack,
        "pad": pad,
        "getitem": getitem,
        "take": take,
        "one_hot": one_hot,
    }


def _like_shape(x: Symbol, variable: Any, shape: Sequence[int]) -> Symbol:
    return Symbol(variable, shape, x.dtype, x.batched)


def _products(C: Any) -> Dict[str, Op]:
    def matmul(a: Symbol, b: Symbol) -> Symbol:
        if max(len(a.shape), len(b.shape)) > 2:
            raise Unsupported("CNTK's times is of matrices: it has no batched product")
        if b.batched or (a.batched and len(a.shape) < 2):
            raise Unsupported("CNTK's batch axis cannot be summed over in a product")
        shape = a.shape[:-1] + b.shape[1:]
        right = b if len(b.shape) == 2 else _reshaped(C, b, b.shape + (1,))
        result = Symbol(C.times(a.variable, right.variable), shape, a.dtype, a.batched)
        return _reshaped(C, result, shape)

    def bias_add(x: Symbol, bias: Symbol) -> Symbol:
        column = _reshaped(C, bias, bias.shape + (1,) * (len(x.shape) - 2))
        return _like(x, C.plus(x.variable, column.variable))

    return {"matmul": matmul, "bias_add": bias_add}


def _losses(C: Any) -> Dict[str, Op]:
    def over(fn: Any) -> Op:
        return lambda x, axis: _like(x, fn(x.variable, axis=x.axis(axis)))

    def sigmoid_loss(logits: Symbol, targets: Symbol) -> Symbol:
        x, z = logits.variable, targets.variable
        return _like(logits, C.relu(x) - C.element_times(x, z) + C.softplus(C.negate(C.abs(x))))

    def softmax_loss(logits: Symbol, labels: Symbol, axis: int) -> Symbol:
        loss = C.cross_entropy_with_softmax(
            logits.variable, labels.variable, axis=logits.axis(axis)
        )
        kept = Symbol(loss, reduced(logits.shape, (axis,), True), logits.dtype, logits.batched)
        return _reshaped(C, kept, reduced(logits.shape, (axis,), False))

    one_hot = movement(C)["one_hot"]

    def sparse_loss(logits: Symbol, labels: Symbol) -> Symbol:
        if logits.batched:
            classes = one_hot(labels, logits.shape[-1], logits.dtype)
            return softmax_loss(logits, classes, len(logits.shape) - 1)
        # OneHot fails in a backward pass without the batch axis: rows become a batch.
        count, width = size(labels.shape), logits.shape[-1]
        rows = C.to_batch(_reshaped(C, logits, (count, width)).variable)
        classes = C.to_batch(_reshaped(C, labels, (count,)).variable)
        batch = Symbol(classes, (count,), labels.dtype, True)
        loss = sparse_loss(Symbol(rows, (count, width), logits.dtype, True), batch)
        result = C.unpack_batch(loss.variable)
        if len(labels.shape) != 1:
            result = C.reshape(result, labels.shape)
        return Symbol(result, labels.shape, logits.dtype)

    return {
        "softmax": over(C.softmax),
        "log_softmax": over(C.log_softmax),
        "sigmoid_cross_entropy_with_logits": sigmoid_loss,
        "softmax_cross_entropy_with_logits": softmax_loss,
        "sparse_softmax_cross_entropy_with_logits": sparse_loss,
    }
