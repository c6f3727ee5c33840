"""The op catalogue in DyNet's expressions.

DyNet's tensors lie columns first, with at most seven dimensions and one more for a batch. An array
of ours, rows first, is its expression of the reversed shape, without a copy: ``x @ w`` becomes
``w * x``, and the first axes are its batch. An op is told the shapes ``of`` its arguments and that
of its result, ``to``: they are known before a graph is.

Source: DyNet 2.2, ``help(dynet)``.
"""

from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.shapes import broadcast, size

Expression = Any
Op = Callable[..., Expression]
Shape = Tuple[int, ...]
Shapes = Sequence[Shape]
Pairs = Sequence[Tuple[int, int]]

_COMPARES = "no comparisons of expressions"
_MAKES = "inputs are zeros, ones, or NumPy's arrays"
UNSUPPORTED = {
    **dict.fromkeys(
        ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"), _COMPARES
    ),
    **dict.fromkeys(("arange", "linspace", "eye"), _MAKES),
    "where": "no selection by a condition",
    "argmax": "argmax gives a one-hot vector, not an index",
    "sign": "no sign",
    "expm1": "no expm1",
    "log1p": "no log1p",
    "conv3d": "conv2d is its only convolution",
    "conv_transpose1d": "no transposed convolution",
    "conv_transpose2d": "no transposed convolution",
    "conv_transpose3d": "no transposed convolution",
}


def dims(shape: Sequence[int]) -> Shape:
    """Return DyNet's dimensions of an array; a number is a vector of one."""
    return tuple(reversed(tuple(shape))) or (1,)


def around(shape: Shape, axis: int) -> Tuple[int, int, int]:
    """Return the sizes before, of and behind an axis."""
    return size(shape[:axis]), shape[axis], size(shape[axis + 1 :])


def operators(dy: Any) -> Dict[str, Op]:
    """Return all ops by catalogue name, but those of `windows`."""
    table: Dict[str, Op] = {}
    for part in (_creation, _elementwise, _pairs, _reductions, _movement, _products, _losses):
        table.update(part(dy))
    return table


def _plain(fn: Op) -> Op:
    """Return an op that needs to know no shapes."""

    def apply(*args: Any, of: Shapes, to: Shape) -> Expression:
        return fn(*args)

    return apply


def _creation(dy: Any) -> Dict[str, Op]:
    def full(shape: Shape, fill_value: float, dtype: str, of: Shapes, to: Shape) -> Expression:
        return dy.constant(dims(to), fill_value)

    def astype(x: Expression, dtype: str, of: Shapes, to: Shape) -> Expression:
        if dtype != "float32":
            raise Unsupported("DyNet has no %s, only float32" % dtype)
        return x

    return {
        "zeros": lambda shape, dtype, of, to: dy.zeros(dims(to)),
        "ones": lambda shape, dtype, of, to: dy.ones(dims(to)),
        "full": full,
        "zeros_like": lambda x, of, to: dy.zeros(dims(to)),
        "ones_like": lambda x, of, to: dy.ones(dims(to)),
        "full_like": lambda x, fill_value, of, to: dy.constant(dims(to), fill_value),
        "astype": astype,
    }


def _elementwise(dy: Any) -> Dict[str, Op]:
    def clip(x: Expression, min: Any, max: Any, of: Shapes, to: Shape) -> Expression:
        if min is not None:
            x = dy.bmax(x, dy.constant(dims(to), min))
        return x if max is None else dy.bmin(x, dy.constant(dims(to), max))

    def dropout(x: Expression, noise: Expression, rate: float, of: Shapes, to: Shape) -> Expression:
        kept = dy.floor(noise - rate, "zero_gradient") + 1.0  # 1 where noise >= rate, else 0
        return dy.cmult(x, kept / (1.0 - rate))

    return {
        "negative": _plain(lambda x: -x),
        "abs": _plain(dy.abs),
        "square": _plain(dy.square),
        "sqrt": _plain(dy.sqrt),
        "exp": _plain(dy.exp),
        "log": _plain(dy.log),
        "tanh": _plain(dy.tanh),
        "relu": _plain(dy.rectify),
        "sigmoid": _plain(dy.logistic),
        "silu": _plain(dy.silu),
        "clip": clip,
        "dropout": dropout,
    }


def _pairs(dy: Any) -> Dict[str, Op]:
    """Return the ops of two operands: one may be a number, or of a shape that is broadcast."""

    def operand(x: Any) -> Expression:
        return dy.scalarInput(x) if isinstance(x, (bool, int, float)) else x

    def whole(x: Any, shape: Shape, to: Shape) -> Expression:
        """Return an operand in the result's shape, where DyNet broadcasts none."""
        return operand(x) if shape == to else operand(x) + dy.zeros(dims(to))

    def shapes(a: Any, b: Any, of: Shapes) -> List[Shape]:
        rest = iter(of)
        return [() if isinstance(x, (bool, int, float)) else next(rest) for x in (a, b)]

    def divide(a: Any, b: Any, of: Shapes, to: Shape) -> Expression:
        return dy.cdiv(whole(a, shapes(a, b, of)[0], to), operand(b))

    def extremum(fn: Op) -> Op:
        def apply(a: Any, b: Any, of: Shapes, to: Shape) -> Expression:
            left, right = shapes(a, b, of)
            return fn(whole(a, left, to), whole(b, right, to))

        return apply

    def pow(a: Any, b: Any, of: Shapes, to: Shape) -> Expression:
        if not isinstance(b, (bool, int, float)):
            raise Unsupported("DyNet: pow raises to one number")
        return dy.pow(a, dy.scalarInput(b))

    def bias_add(x: Expression, bias: Expression, of: Shapes, to: Shape) -> Expression:
        return x + dy.reshape(bias, (1,) * (len(to) - 2) + of[1])  # (C,) --> (1, ..., C)

    def squared_error(
        predictions: Expression, targets: Expression, of: Shapes, to: Shape
    ) -> Expression:
        return dy.square(predictions - targets)

    return {
        "add": _plain(lambda a, b: operand(a) + operand(b)),
        "subtract": _plain(lambda a, b: operand(a) - operand(b)),
        "multiply": _plain(lambda a, b: dy.cmult(operand(a), operand(b))),
        "divide": divide,
        "pow": pow,
        "maximum": extremum(dy.bmax),
        "minimum": extremum(dy.bmin),
        "bias_add": bias_add,
        "squared_error": squared_error,
    }


def _reductions(dy: Any) -> Dict[str, Op]:
    """Return the reductions: over one axis after another, each the second of three."""

    def over(fn: Op) -> Op:
        def apply(
            x: Expression, axis: Sequence[int], keepdims: bool, of: Shapes, to: Shape
        ) -> Expression:
            shape = list(of[0])
            for i in axis:
                before, n, behind = around(tuple(shape), i)
                x = fn(dy.reshape(x, (behind, n), batch_size=before))
                shape[i] = 1
            return dy.reshape(x, dims(to), batch_size=1)

        return apply

    return {
        "sum": over(lambda x: dy.sum_dim(x, [1])),
        "mean": over(lambda x: dy.mean_dim(x, [1], False)),
        "max": over(lambda x: dy.max_dim(x, 1)),
        "min": over(lambda x: dy.min_dim(x, 1)),
        "logsumexp": over(lambda x: dy.logsumexp_dim(x, 1)),
    }


def _movement(dy: Any) -> Dict[str, Op]:
    def reshape(x: Expression, of: Shapes, to: Shape, **_: Any) -> Expression:
        return dy.reshape(x, dims(to), batch_size=1)

    def permute_dims(x: Expression, axes: Shape, of: Shapes, to: Shape) -> Expression:
        last = len(axes) - 1
        return dy.transpose(x, [last - i for i in reversed(axes)])

    def broadcast_to(x: Expression, shape: Shape, of: Shapes, to: Shape) -> Expression:
        return x + dy.zeros(dims(to))

    def concat(arrays: Sequence[Expression], axis: int, of: Shapes, to: Shape) -> Expression:
        return dy.concatenate(list(arrays), d=len(to) - 1 - axis)

    def stack(arrays: Sequence[Expression], axis: int, of: Shapes, to: Shape) -> Expression:
        one = dims(to[:axis] + (1,) + to[axis + 1 :])
        return concat([dy.reshape(x, one) for x in arrays], axis, of, to)

    def getitem(x: Expression, index: Sequence[Any], of: Shapes, to: Shape) -> Expression:
        if len(of[0]) > 4:
            raise Unsupported("DyNet: strided_select is of four dimensions at most")
        taken = [i for i in index if i is not None]
        parts = [i if isinstance(i, tuple) else (i, i + 1, 1) for i in taken]
        parts += [(0, n, 1) for n in of[0][len(parts) :]]
        starts, stops, steps = (list(each) for each in zip(*reversed(parts)))
        return dy.reshape(dy.strided_select(x, steps, starts, stops), dims(to))

    def take(x: Expression, indices: Any, axis: int, of: Shapes, to: Shape) -> Expression:
        before, n, behind = around(of[0], axis)
        columns = dy.reshape(x, (behind, n), batch_size=before)
        picked = dy.select_cols(columns, indices.ravel().tolist())
        return dy.reshape(picked, dims(to), batch_size=1)

    def one_hot(indices: Any, num_classes: int, dtype: str, of: Shapes, to: Shape) -> Expression:
        vectors = dy.one_hot(num_classes, indices.ravel().tolist())  # one of a batch for each
        return dy.reshape(vectors, dims(to), batch_size=1)

    return {
        "reshape": reshape,
        "permute_dims": permute_dims,
        "broadcast_to": broadcast_to,
        "concat": concat,
        "stack": stack,
        "pad": lambda x, pad_width, value, of, to: padded(dy, x, of[0], pad_width, value),
        "getitem": getitem,
        "take": take,
        "one_hot": one_hot,
    }


def padded(dy: Any, x: Expression, shape: Sequence[int], widths: Pairs, value: float) -> Expression:
    """Return x between constants, put beside it along one axis after another."""
    shape, last = list(shape), len(shape) - 1
    for axis, width in enumerate(widths):
        if not any(width):
            continue
        sides = [dims(shape[:axis] + [n] + shape[axis + 1 :]) if n else None for n in width]
        low, high = ([dy.constant(side, value)] if side else [] for side in sides)
        x = dy.concatenate(low + [x] + high, d=last - axis)
        shape[axis] += sum(width)
    return x


def _products(dy: Any) -> Dict[str, Op]:
    def matmul(a: Expression, b: Expression, of: Shapes, to: Shape) -> Expression:
        left = (1,) * (len(of[0]) == 1) + of[0]
        right = of[1] + (1,) * (len(of[1]) == 1)
        if len(right) == 2:  # all rows of a at once
            left = (size(left[:-1]), left[-1])
        leading = broadcast(left[:-2], right[:-2])
        a, b = batched(a, left, leading), batched(b, right, leading)
        return dy.reshape(b * a, dims(to), batch_size=1)

    def batched(x: Expression, shape: Shape, leading: Shape) -> Expression:
        """Return a batch of matrices; a batch of one is broadcast."""
        if size(shape[:-2]) not in (1, size(leading)):
            shape = leading + shape[-2:]
            x = x + dy.zeros(dims(shape))
        return dy.reshape(x, dims(shape[-2:]), batch_size=size(shape[:-2]))

    return {"matmul": matmul}


def _losses(dy: Any) -> Dict[str, Op]:
    def softmax(x: Expression, axis: int, of: Shapes, to: Shape) -> Expression:
        before, n, behind = around(to, axis)
        rows = dy.softmax(dy.reshape(x, (behind, n), batch_size=before), 1)
        return dy.reshape(rows, dims(to), batch_size=1)

    def log_softmax(x: Expression, axis: int, of: Shapes, to: Shape) -> Expression:
        """Its own is of vectors: of the columns of a batch, once the axis is the last."""
        last = len(to) - 1 - axis
        order = [last] + [i for i in range(len(to)) if i != last]
        moved = dy.transpose(x, order) if last else x
        rows = dy.log_softmax(dy.reshape(moved, (to[axis],), batch_size=size(to) // to[axis]))
        back = dy.reshape(rows, tuple(dims(to)[i] for i in order), batch_size=1)
        return dy.transpose(back, [order.index(i) for i in range(len(to))]) if last else back

    def softmax_cross_entropy(
        logits: Expression, labels: Expression, axis: int, of: Shapes, to: Shape
    ) -> Expression:
        terms = dy.cmult(labels, log_softmax(logits, axis, of, of[0]))
        before, n, behind = around(of[0], axis)
        total = dy.sum_dim(dy.reshape(terms, (behind, n), batch_size=before), [1])
        return -dy.reshape(total, dims(to), batch_size=1)

    def sparse(logits: Expression, labels: Any, of: Shapes, to: Shape) -> Expression:
        rows = dy.reshape(logits, (of[0][-1],), batch_size=size(to))
        losses = dy.pickneglogsoftmax_batch(rows, labels.ravel().tolist())
        return dy.reshape(losses, dims(to), batch_size=1)

    def sigmoid_cross_entropy(
        logits: Expression, targets: Expression, of: Shapes, to: Shape
    ) -> Expression:
        tail = dy.log_sigmoid(dy.abs(logits))  # -log(1 + exp(-|x|))
        return dy.rectify(logits) - dy.cmult(logits, targets) - tail

    return {
        "softmax": softmax,
        "log_softmax": log_softmax,
        "softmax_cross_entropy_with_logits": softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": sparse,
        "sigmoid_cross_entropy_with_logits": sigmoid_cross_entropy,
    }
