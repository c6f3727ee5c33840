"""The op catalogue in SameDiff's operations of ND4J 1.0.0-beta3.

ND4J's arrays have two dimensions or more: a vector is a row, a number a matrix of one.

Source: https://deeplearning4j.konduit.ai
"""

from functools import partial
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

_NONE = "SameDiff has no such operation in 1.0.0-beta3"
UNSUPPORTED = {
    "arange": "arange: " + _NONE,
    "linspace": "linspace: " + _NONE,
    "where": "where: " + _NONE,
    "pad": "pad: " + _NONE,
    "astype": "ND4J 1.0.0-beta3 has one dtype per process, here float32",
    "conv_transpose3d": "conv_transpose3d: " + _NONE,
}
_UNARY = ("abs", "sign", "square", "sqrt", "exp", "expm1", "log", "log1p", "sigmoid", "tanh")


class Symbol(object):
    """A variable of a SameDiff graph with the program's shape."""

    def __init__(self, variable: Any, shape: Sequence[int]) -> None:
        self.variable = variable
        self.shape = tuple(shape)


def inner(shape: Sequence[int]) -> Tuple[int, ...]:
    """Return the shape that ND4J holds: of two dimensions at the least."""
    return (1,) * (2 - len(shape)) + tuple(shape)


class Graph(object):
    """A SameDiff graph under construction, with Java's types at hand."""

    def __init__(self, jpype: Any) -> None:
        self.jpype = jpype
        self.sd = jpype.JClass("org.nd4j.autodiff.samediff.SameDiff").create()
        self._nd4j = jpype.JClass("org.nd4j.linalg.factory.Nd4j")
        self._count = 0

    def ints(self, values: Sequence[int]) -> Any:
        """Return a Java ``int[]``."""
        return self.jpype.JArray(self.jpype.JInt)([int(v) for v in values])

    def variable(self, shape: Sequence[int], value: float = 0.0) -> Any:
        """Return a new variable that holds an array of its own."""
        self._count += 1
        array = self._nd4j.valueArrayOf(self.ints(inner(shape)), float(value))
        return self.sd.var("value_%d" % self._count, array)

    def shaped(self, variable: Any, held: Sequence[int], shape: Sequence[int]) -> Symbol:
        """Return a variable that holds one shape as a symbol of another."""
        if tuple(held) != inner(shape):
            variable = self.sd.reshape(variable, self.ints(inner(shape)))
        return Symbol(variable, shape)

    def config(self, kind: str, **values: Any) -> Any:
        """Return a configuration of a convolution or a pool."""
        package = "org.nd4j.linalg.api.ops.impl.layers.convolution.config."
        builder = self.jpype.JClass(package + kind).builder()
        for key, value in values.items():
            exact = isinstance(value, int) and not isinstance(value, bool)
            builder = getattr(builder, key)(self.jpype.JLong(value) if exact else value)
        return builder.build()


def operators(graph: Graph) -> Dict[str, Op]:
    """Return all ops by their catalogue names."""
    table: Dict[str, Op] = {}
    for part in (_elementwise, _creation, _reductions, _movement, _products, _losses):
        table.update(part(graph))
    return table


def _ranked(graph: Graph, x: Symbol, rank: int) -> Any:
    """Return a variable with ones before its shape, so that shapes align at their ends."""
    held = inner(x.shape)
    if len(held) >= rank:
        return x.variable
    return graph.sd.reshape(x.variable, graph.ints((1,) * (rank - len(held)) + held))


def _elementwise(graph: Graph) -> Dict[str, Op]:
    sd = graph.sd

    def unary(name: str) -> Op:
        return lambda x: Symbol(getattr(sd, name)(x.variable), x.shape)

    def aligned(a: Symbol, b: Symbol) -> Tuple[Any, Any, Tuple[int, ...]]:
        rank = max(len(inner(a.shape)), len(inner(b.shape)))
        return _ranked(graph, a, rank), _ranked(graph, b, rank), broadcast(a.shape, b.shape)

    def arithmetic(name: str, reverse: str) -> Op:
        def apply(a: Any, b: Any) -> Symbol:
            if not isinstance(b, Symbol):
                return Symbol(getattr(a.variable, name)(float(b)), a.shape)
            if not isinstance(a, Symbol):
                return Symbol(getattr(b.variable, reverse)(float(a)), b.shape)
            x, y, shape = aligned(a, b)
            return Symbol(getattr(x, name)(y), shape)

        return apply

    def comparison(name: str, mirrored: str) -> Op:
        def apply(a: Any, b: Any) -> Symbol:
            if not isinstance(b, Symbol):
                return Symbol(getattr(sd, name)(a.variable, float(b)), a.shape)
            if not isinstance(a, Symbol):
                return Symbol(getattr(sd, mirrored)(b.variable, float(a)), b.shape)
            x, y, shape = aligned(a, b)
            return Symbol(getattr(sd, name)(x, y), shape)

        return apply

    def extremum(name: str) -> Op:
        def apply(a: Any, b: Any) -> Symbol:
            shape = broadcast(getattr(a, "shape", ()), getattr(b, "shape", ()))
            x, y = (
                _tiled(graph, v, shape) if isinstance(v, Symbol) else Symbol(
                    graph.variable(shape, v), shape)
                for v in (a, b)
            )  # fmt: skip
            return Symbol(getattr(sd, name)(x.variable, y.variable), shape)

        return apply

    def power(a: Any, b: Any) -> Symbol:
        if isinstance(b, Symbol):
            raise Unsupported("SameDiff's pow raises to a number in 1.0.0-beta3")
        return Symbol(sd.pow(a.variable, float(b)), a.shape)

    def clip(x: Symbol, min: Any, max: Any) -> Symbol:
        low, high = -3e38 if min is None else float(min), 3e38 if max is None else float(max)
        return Symbol(sd.clipByValue(x.variable, low, high), x.shape)

    def dropout(x: Symbol, noise: Symbol, rate: float) -> Symbol:
        kept = sd.gte(noise.variable, float(rate))
        return Symbol(x.variable.div(1.0 - rate).mul(kept), x.shape)

    subtract = arithmetic("sub", "rsub")
    return {
        **{name: unary(name) for name in _UNARY},
        "negative": unary("neg"),
        "silu": unary("swish"),
        "relu": lambda x: Symbol(sd.relu(x.variable, 0.0), x.shape),
        "add": arithmetic("add", "add"),
        "subtract": subtract,
        "multiply": arithmetic("mul", "mul"),
        "divide": arithmetic("div", "rdiv"),
        "pow": power,
        "maximum": extremum("max"),
        "minimum": extremum("min"),
        "clip": clip,
        "dropout": dropout,
        "equal": comparison("eq", "eq"),
        "not_equal": comparison("neq", "neq"),
        "less": comparison("lt", "gt"),
        "less_equal": comparison("lte", "gte"),
        "greater": comparison("gt", "lt"),
        "greater_equal": comparison("gte", "lte"),
        "squared_error": lambda predictions, targets: Symbol(
            sd.square(subtract(predictions, targets).variable), predictions.shape
        ),
    }


def _creation(graph: Graph) -> Dict[str, Op]:
    sd = graph.sd

    def full(shape: Sequence[int], fill_value: Any, dtype: str) -> Symbol:
        # A variable that no operation makes is an input: one makes it a result.
        return Symbol(sd.zerosLike(graph.variable(shape)).add(float(fill_value)), shape)

    def eye(n_rows: int, n_cols: int, k: int, dtype: str) -> Symbol:
        if k:
            raise Unsupported("SameDiff's eye has the main diagonal only")
        return Symbol(sd.eye(n_rows, n_cols), (n_rows, n_cols))

    return {
        "zeros": lambda shape, dtype: full(shape, 0, dtype),
        "ones": lambda shape, dtype: full(shape, 1, dtype),
        "full": full,
        "eye": eye,
        "zeros_like": lambda x: Symbol(sd.zerosLike(x.variable), x.shape),
        "ones_like": lambda x: Symbol(sd.onesLike(x.variable), x.shape),
        "full_like": lambda x, fill_value: Symbol(
            sd.zerosLike(x.variable).add(float(fill_value)), x.shape
        ),
    }


def _reduce(graph: Graph, name: str, x: Symbol, axis: Sequence[int], keepdims: bool) -> Symbol:
    """Reduce, then shape: only some of SameDiff's reductions can keep dimensions."""
    if not axis:
        return x
    held, shift = inner(x.shape), len(inner(x.shape)) - len(x.shape)
    axes = [i + shift for i in axis]
    if len(axes) == len(x.shape):
        # Of all dimensions: as of one row, for the gradient of more crashes the process.
        x, axes = Symbol(graph.shaped(x.variable, held, (1, size(held))).variable, x.shape), [1]
    variable = getattr(graph.sd, name)(x.variable, graph.ints(axes))
    return graph.shaped(variable, (), reduced(x.shape, axis, keepdims))


def _reductions(graph: Graph) -> Dict[str, Op]:
    sd = graph.sd

    def logsumexp(x: Symbol, axis: Tuple[int, ...], keepdims: bool) -> Symbol:
        top = _reduce(graph, "max", x, axis, True)
        shifted = Symbol(sd.exp(x.variable.sub(top.variable)), x.shape)
        total = _reduce(graph, "sum", shifted, axis, True)
        shape = reduced(x.shape, axis, keepdims)
        return graph.shaped(sd.log(total.variable).add(top.variable), (), shape)

    def argmax(x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        shape = reduced(x.shape, range(len(x.shape)) if axis is None else (axis,), keepdims)
        if axis is None:
            x, axis = graph.shaped(x.variable, inner(x.shape), (size(x.shape),)), 0
        number = axis + len(inner(x.shape)) - len(x.shape)
        return graph.shaped(sd.argmax(x.variable, graph.ints([number])), (), shape)

    return {
        **{name: partial(_reduce, graph, name) for name in ("sum", "mean", "max", "min")},
        "logsumexp": logsumexp,
        "argmax": argmax,
    }


def _tiled(graph: Graph, x: Symbol, shape: Sequence[int]) -> Symbol:
    if x.shape == tuple(shape):
        return x
    wide = inner(shape)
    variable = _ranked(graph, x, len(wide))
    held = (1,) * (len(wide) - len(inner(x.shape))) + inner(x.shape)
    times = [n // m for n, m in zip(wide, held)]
    return Symbol(graph.sd.tile(variable, graph.ints(times)), shape)


def permuted(graph: Graph, x: Symbol, axes: Sequence[int]) -> Symbol:
    """Return the symbol with its axes in this order."""
    if tuple(axes) == tuple(range(len(x.shape))):
        return x
    shape = [x.shape[i] for i in axes]
    return Symbol(graph.sd.permute(x.variable, graph.ints(axes)), shape)


def _movement(graph: Graph) -> Dict[str, Op]:
    sd = graph.sd

    def reshape(x: Symbol, shape: Sequence[int]) -> Symbol:
        return graph.shaped(x.variable, inner(x.shape), shape)

    def concat(arrays: List[Symbol], axis: int) -> Symbol:
        shape = concatenated([x.shape for x in arrays], axis)
        number = axis + len(inner(shape)) - len(shape)
        return Symbol(sd.concat(number, *[x.variable for x in arrays]), shape)

    def stack(arrays: List[Symbol], axis: int) -> Symbol:
        shape = arrays[0].shape[:axis] + (1,) + arrays[0].shape[axis:]
        return concat([reshape(x, shape) for x in arrays], axis)

    def getitem(x: Symbol, index: Sequence[Any]) -> Symbol:
        items = [i for i in index if i is not None]
        spans = [i if isinstance(i, tuple) else (i, i + 1, 1) for i in items]
        extra = [(0, 1, 1)] * (len(inner(x.shape)) - len(x.shape))
        begin, end, step = zip(*extra + spans)
        variable = sd.stridedSlice(x.variable, graph.ints(begin), graph.ints(end), graph.ints(step))
        sizes = iter([(i, len(range(*s))) for i, s in zip(items, spans)])
        shape = []
        for entry in index:
            item, size = (None, 1) if entry is None else next(sizes)
            if entry is None or isinstance(item, tuple):
                shape.append(size)
        return graph.shaped(variable, (), shape)

    def take(x: Symbol, indices: Symbol, axis: int) -> Symbol:
        if len(indices.shape) != 1 or len(x.shape) < 2:
            raise Unsupported("SameDiff's gather is offered for places in a vector, of a matrix")
        variable = sd.gather(x.variable, indices.variable, axis)
        return graph.shaped(variable, (), x.shape[:axis] + indices.shape + x.shape[axis + 1 :])

    def one_hot(indices: Symbol, num_classes: int, dtype: str) -> Symbol:
        variable = sd.oneHot(indices.variable, num_classes)
        return graph.shaped(variable, (), indices.shape + (num_classes,))

    return {
        "reshape": reshape,
        "permute_dims": lambda x, axes: permuted(graph, x, axes),
        "broadcast_to": lambda x, shape: _tiled(graph, x, shape),
        "concat": concat,
        "stack": stack,
        "getitem": getitem,
        "take": take,
        "one_hot": one_hot,
    }


def _products(graph: Graph) -> Dict[str, Op]:
    sd = graph.sd

    def matmul(a: Symbol, b: Symbol) -> Symbol:
        shape = broadcast(a.shape[:-2], b.shape[:-2])
        if len(a.shape) > 2 and a.shape[:-2] != b.shape[:-2]:
            raise Unsupported("SameDiff's mmul takes equal batches, and broadcasts none")
        shape = shape + a.shape[-2:-1] + (b.shape[-1:] if len(b.shape) > 1 else ())
        # A vector is a row; on the right it must be a column.
        column = (size(b.shape), 1)
        right = b.variable if len(b.shape) > 1 else sd.reshape(b.variable, graph.ints(column))
        return graph.shaped(sd.mmul(a.variable, right), (), shape)

    def bias_add(x: Symbol, bias: Symbol) -> Symbol:
        shape = (1, -1) + (1,) * (len(x.shape) - 2)  # (C,) --> (1, C, 1, ...)
        column = [size(bias.shape) if n == -1 else n for n in shape]
        return Symbol(x.variable.add(sd.reshape(bias.variable, graph.ints(column))), x.shape)

    return {"matmul": matmul, "bias_add": bias_add}


def _losses(graph: Graph) -> Dict[str, Op]:
    sd = graph.sd
    one_hot = _movement(graph)["one_hot"]

    def over_rows(name: str) -> Op:
        """SameDiff's softmaxes are over the last axis."""

        def apply(x: Symbol, axis: int) -> Symbol:
            order = [i for i in range(len(x.shape)) if i != axis] + [axis]
            moved = permuted(graph, x, order)
            rows = graph.shaped(
                moved.variable, moved.shape, (size(moved.shape[:-1]), moved.shape[-1])
            )
            result = getattr(sd, name)(rows.variable)
            back = graph.shaped(result, rows.shape, moved.shape)
            return permuted(graph, back, [order.index(i) for i in range(len(order))])

        return apply

    softmax = over_rows("softmax")

    def softmax_loss(logits: Symbol, labels: Symbol, axis: int) -> Symbol:
        # Not logSoftmax, whose gradient is zero.
        product = sd.log(softmax(logits, axis).variable).mul(labels.variable)
        total = _reduce(graph, "sum", Symbol(product, logits.shape), (axis,), False)
        return Symbol(sd.neg(total.variable), total.shape)

    def sparse_loss(logits: Symbol, labels: Symbol) -> Symbol:
        classes = one_hot(labels, logits.shape[-1], "float32")
        return softmax_loss(logits, classes, len(logits.shape) - 1)

    def sigmoid_loss(logits: Symbol, targets: Symbol) -> Symbol:
        x = logits.variable
        tail = sd.log1p(sd.exp(sd.neg(sd.abs(x))))
        return Symbol(sd.relu(x, 0.0).sub(x.mul(targets.variable)).add(tail), logits.shape)

    return {
        "softmax": softmax,
        "log_softmax": over_rows("logSoftmax"),
        "softmax_cross_entropy_with_logits": softmax_loss,
        "sparse_softmax_cross_entropy_with_logits": sparse_loss,
        "sigmoid_cross_entropy_with_logits": sigmoid_loss,
    }
