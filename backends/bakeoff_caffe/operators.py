"""The op catalogue in Caffe's layers: functions that add layers to a net's specification.

Weights and biases are not inputs of a layer but its parameters: a program's input that
stands where a layer has one becomes one.

Source: https://caffe.berkeleyvision.org/tutorial/layers.html
"""

from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.program import Node, Program
from bakeoff_worker.shapes import concatenated, reduced, size, transposed_sizes, window_sizes

Op = Callable[..., "Top"]
Pairs = Sequence[Tuple[int, int]]

_NO_LAYER = "Caffe has no layer for it"
UNSUPPORTED = {
    name: "%s: %s" % (name, _NO_LAYER)
    for name in (
        *("arange", "linspace", "eye", "astype", "divide", "minimum", "sign", "expm1", "log1p"),
        *("clip", "where", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("max", "min", "logsumexp", "pad", "one_hot", "log_softmax"),
    )
}
UNSUPPORTED["dropout"] = "Caffe's Dropout draws its own noise"
for _name in ("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits"):
    UNSUPPORTED[_name] = "Caffe's losses are one number for a batch, of classes as labels"

# Pairs that are one layer.
PAIRS = {
    ("matmul", "bias_add"): "dense",
    ("sparse_softmax_cross_entropy_with_logits", "mean"): "softmax_with_loss",
}


class Top(object):
    """A layer's result in a net's specification, or a parameter; with the program's shape."""

    def __init__(self, top: Any, shape: Sequence[int], name: str = "") -> None:
        self.top = top
        self.shape = tuple(shape)
        self.name = name


class Layers(object):
    """Makes layers, and keeps account of which inputs became parameters.

    Attributes
    ----------
    parameters
        By name of the input: its owner, the layer's name and the place in it.
    """

    def __init__(self, caffe: Any) -> None:
        self.L = caffe.layers
        self.P = caffe.params
        self.parameters: Dict[str, Tuple[str, int]] = {}
        self._count = 0

    def add(self, kind: str, bottoms: Sequence[Top], result: Sequence[int], **options: Any) -> Top:
        """Add a layer whose result has this shape."""
        self._count += 1
        name = "%s_%d" % (kind.lower(), self._count)
        weights = options.pop("weights", [])
        if weights:
            for i, weight in enumerate(weights):
                if not weight.name:
                    raise Unsupported("Caffe's %s has weights of its own, not a result's" % kind)
                self.parameters.setdefault(weight.name, (name, i))
            options["param"] = [{"name": w.name} for w in weights]
        layer = getattr(self.L, kind)
        return Top(layer(*[self._data(b) for b in bottoms], name=name, **options), result)

    def _data(self, x: Top) -> Any:
        if x.top is None:
            raise Unsupported("Caffe's blobs are data or parameters: an input here is both")
        return x.top


def weights_of(program: Program) -> List[str]:
    """Return the inputs of a program that stand where layers have parameters."""
    inputs = {v.name for v in program.inputs}
    places = {
        "matmul": (1,),
        "dense": (1, 2),
        "take": (0,),
        **{"conv%dd" % n: (1,) for n in (1, 2, 3)},
        **{"conv_transpose%dd" % n: (1,) for n in (1, 2, 3)},
    }
    found = [n.args[i] for n in program.nodes for i in places.get(n.op, ())]
    return [name for name in found if name in inputs]


def with_biases(program: Program) -> Program:
    """Return the program with a row that is added to a matrix as its bias, which it is."""
    values = program.values()

    def renamed(node: Node) -> Node:
        shapes = [len(values[a].shape) if isinstance(a, str) else 0 for a in node.args]
        if node.op == "add" and shapes == [2, 1] and node.shape == values[node.args[0]].shape:
            return node._replace(op="bias_add")
        return node

    return program._replace(nodes=tuple(map(renamed, program.nodes)))


def operators(layers: Layers) -> Dict[str, Op]:
    """Return all ops by their catalogue names, and those of `PAIRS`."""
    table: Dict[str, Op] = {}
    for part in (_elementwise, _creation, _reductions, _movement, _dense, _windows):
        table.update(part(layers))
    return table


def _elementwise(layers: Layers) -> Dict[str, Op]:
    P = layers.P

    def unary(kind: str, **options: Any) -> Op:
        return lambda x: layers.add(kind, [x], x.shape, **options)

    def shifted(x: Top, scale: float, shift: float) -> Top:
        return layers.add("Power", [x], x.shape, scale=scale, shift=shift)

    def same(a: Top, b: Top, name: str) -> None:
        if a.shape != b.shape:
            raise Unsupported("Caffe's %s takes equal shapes, and broadcasts nothing" % name)

    def add(a: Any, b: Any) -> Top:
        if not isinstance(b, Top):
            return shifted(a, 1.0, float(b))
        if not isinstance(a, Top):
            return shifted(b, 1.0, float(a))
        same(a, b, "Eltwise")
        return layers.add("Eltwise", [a, b], a.shape, operation=P.Eltwise.SUM)

    def subtract(a: Any, b: Any) -> Top:
        if not isinstance(b, Top):
            return shifted(a, 1.0, -float(b))
        if not isinstance(a, Top):
            return shifted(b, -1.0, float(a))
        same(a, b, "Eltwise")
        return layers.add("Eltwise", [a, b], a.shape, operation=P.Eltwise.SUM, coeff=[1.0, -1.0])

    def multiply(a: Any, b: Any) -> Top:
        if not isinstance(b, Top):
            return shifted(a, float(b), 0.0)
        if not isinstance(a, Top):
            return shifted(b, float(a), 0.0)
        same(a, b, "Eltwise")
        return layers.add("Eltwise", [a, b], a.shape, operation=P.Eltwise.PROD)

    def power(a: Any, b: Any) -> Top:
        if isinstance(b, Top):
            raise Unsupported("Caffe's Power raises to a number")
        return layers.add("Power", [a], a.shape, power=float(b))

    def maximum(a: Any, b: Any) -> Top:
        if not (isinstance(a, Top) and isinstance(b, Top)):
            raise Unsupported("Caffe's Eltwise takes the greater of blobs, not of a number")
        same(a, b, "Eltwise")
        return layers.add("Eltwise", [a, b], a.shape, operation=P.Eltwise.MAX)

    square = unary("Power", power=2.0)
    return {
        "add": add,
        "subtract": subtract,
        "multiply": multiply,
        "pow": power,
        "maximum": maximum,
        "negative": unary("Power", scale=-1.0),
        "abs": unary("AbsVal"),
        "square": square,
        "sqrt": unary("Power", power=0.5),
        "exp": unary("Exp"),
        "log": unary("Log"),
        "relu": unary("ReLU"),
        "sigmoid": unary("Sigmoid"),
        "tanh": unary("TanH"),
        "silu": unary("Swish"),
        "squared_error": lambda predictions, targets: square(subtract(predictions, targets)),
    }


def _creation(layers: Layers) -> Dict[str, Op]:
    def full(shape: Any, fill_value: Any, dtype: str) -> Top:
        if not dtype.startswith("float"):
            raise Unsupported("Caffe's blobs hold float32 only")
        filler = {"type": "constant", "value": float(fill_value)}
        return layers.add(
            "DummyData", [], shape, shape={"dim": list(shape) or [1]}, data_filler=filler
        )

    def like(value: float) -> Op:
        return lambda x: layers.add("Power", [x], x.shape, scale=0.0, shift=value)

    return {
        "zeros": lambda shape, dtype: full(shape, 0, dtype),
        "ones": lambda shape, dtype: full(shape, 1, dtype),
        "full": full,
        "zeros_like": like(0.0),
        "ones_like": like(1.0),
        "full_like": lambda x, fill_value: like(float(fill_value))(x),
    }


def _reductions(layers: Layers) -> Dict[str, Op]:
    P = layers.P

    def reduce(operation: Any, x: Top, axis: Tuple[int, ...], keepdims: bool) -> Top:
        first = len(x.shape) - len(axis)
        if tuple(axis) != tuple(range(first, len(x.shape))) or not axis:
            raise Unsupported("Caffe's Reduction is over an axis and all that follow")
        result = layers.add("Reduction", [x], x.shape[:first], operation=operation, axis=first)
        return _reshaped(layers, result, x.shape[:first] + (1,) * len(axis) * keepdims)

    def argmax(x: Top, axis: Any, keepdims: bool) -> Top:
        if axis is None:
            shape: Tuple[int, ...] = (1,) * len(x.shape) if keepdims else ()
            flat = _reshaped(layers, x, (size(x.shape),))
            return _reshaped(layers, layers.add("ArgMax", [flat], (1,), axis=0), shape)
        result = layers.add("ArgMax", [x], reduced(x.shape, (axis,), True), axis=axis)
        return _reshaped(layers, result, reduced(x.shape, (axis,), keepdims))

    return {
        "sum": partial(reduce, P.Reduction.SUM),
        "mean": partial(reduce, P.Reduction.MEAN),
        "argmax": argmax,
    }


def _reshaped(layers: Layers, x: Top, shape: Sequence[int]) -> Top:
    if x.shape == tuple(shape):
        return x
    if not shape:  # a specification has no way to say so: of one element, it stays a vector
        return Top(_reshaped(layers, x, (1,)).top, ())
    return layers.add("Reshape", [x], shape, shape={"dim": list(shape)})


def _movement(layers: Layers) -> Dict[str, Op]:
    def permute(x: Top, axes: Sequence[int]) -> Top:
        return layers.add("Permute", [x], [x.shape[i] for i in axes], order=list(axes))

    def broadcast_to(x: Top, shape: Sequence[int]) -> Top:
        x = _reshaped(layers, x, (1,) * (len(shape) - len(x.shape)) + x.shape)
        for axis, (old, new) in enumerate(zip(x.shape, shape)):
            if old != new:
                tiled = x.shape[:axis] + (new,) + x.shape[axis + 1 :]
                x = layers.add("Tile", [x], tiled, axis=axis, tiles=new)
        return x

    def concat(arrays: List[Top], axis: int) -> Top:
        shape = concatenated([x.shape for x in arrays], axis)
        return layers.add("Concat", arrays, shape, axis=axis)

    def stack(arrays: List[Top], axis: int) -> Top:
        shape = arrays[0].shape[:axis] + (1,) + arrays[0].shape[axis:]
        return concat([_reshaped(layers, x, shape) for x in arrays], axis)

    def take(x: Top, indices: Top, axis: int) -> Top:
        if axis != 0 or len(x.shape) != 2:
            raise Unsupported("Caffe's Embed takes rows of a matrix")
        rows, width = x.shape
        return layers.add(
            "Embed", [indices], indices.shape + (width,), num_output=width, input_dim=rows,
            bias_term=False, weights=[x],
        )  # fmt: skip

    return {
        "reshape": lambda x, shape: _reshaped(layers, x, shape),
        "permute_dims": permute,
        "broadcast_to": broadcast_to,
        "concat": concat,
        "stack": stack,
        "take": take,
    }


def _dense(layers: Layers) -> Dict[str, Op]:
    def matmul(a: Top, b: Top, *bias: Top) -> Top:
        if len(a.shape) != 2 or len(b.shape) != 2:
            raise Unsupported("Caffe's InnerProduct is of matrices")
        return layers.add(
            "InnerProduct", [a], (a.shape[0], b.shape[1]), num_output=b.shape[1], transpose=True,
            bias_term=bool(bias), weights=[b, *bias],
        )  # fmt: skip

    def bias_add(x: Top, bias: Top) -> Top:
        return layers.add("Bias", [x, bias], x.shape, axis=1)

    def sparse_loss(logits: Top, labels: Top) -> Top:
        raise Unsupported(
            "Caffe's losses are one number for a batch: their mean is SoftmaxWithLoss"
        )

    def softmax_with_loss(logits: Top, labels: Top, axis: Any, keepdims: bool) -> Top:
        loss = layers.add("SoftmaxWithLoss", [logits, labels], ())
        return _reshaped(layers, loss, (1,) * len(labels.shape) * keepdims)

    return {
        "matmul": matmul,
        "dense": matmul,
        "bias_add": bias_add,
        "softmax": lambda x, axis: layers.add("Softmax", [x], x.shape, axis=axis),
        "sparse_softmax_cross_entropy_with_logits": sparse_loss,
        "softmax_with_loss": softmax_with_loss,
    }


def _even(padding: Pairs) -> List[int]:
    if any(lo != hi for lo, hi in padding):
        raise Unsupported("Caffe pads both ends alike")
    return [lo for lo, _ in padding]


def _windows(layers: Layers) -> Dict[str, Op]:
    P = layers.P

    def conv(x: Top, weight: Top, stride: Any, padding: Pairs, dilation: Any, groups: int) -> Top:
        kernel, pad = weight.shape[2:], _even(padding)
        sizes = window_sizes(x.shape[2:], kernel, stride, padding, dilation)
        options = {
            "num_output": weight.shape[0], "bias_term": False, "kernel_size": list(kernel),
            "stride": list(stride), "pad": pad, "dilation": list(dilation), "group": groups,
        }  # fmt: skip
        return layers.add(
            "Convolution", [x], (x.shape[0], weight.shape[0]) + sizes, weights=[weight],
            convolution_param=options,
        )  # fmt: skip

    def conv_transpose(
        x: Top, weight: Top, stride: Any, padding: Pairs, output_padding: Any, dilation: Any,
        groups: int,
    ) -> Top:  # fmt: skip
        if any(output_padding):
            raise Unsupported("Caffe's Deconvolution has no output padding")
        kernel, pad = weight.shape[2:], _even(padding)
        sizes = transposed_sizes(x.shape[2:], kernel, stride, padding, output_padding, dilation)
        channels = weight.shape[1] * groups
        options = {
            "num_output": channels, "bias_term": False, "kernel_size": list(kernel),
            "stride": list(stride), "pad": pad, "dilation": list(dilation), "group": groups,
        }  # fmt: skip
        return layers.add(
            "Deconvolution", [x], (x.shape[0], channels) + sizes, weights=[weight],
            convolution_param=options,
        )  # fmt: skip

    def pool(
        kind: Any, x: Top, kernel_size: Any, stride: Any, padding: Pairs,
        count_include_pad: bool = True,
    ) -> Top:  # fmt: skip
        pad = _even(padding)
        if any(pad) and not count_include_pad:
            raise Unsupported("Caffe's mean over a window counts its padding")
        over = [(n + 2 * p - k) for n, k, p in zip(x.shape[2:], kernel_size, pad)]
        if any(o % s for o, s in zip(over, stride)):
            raise Unsupported("Caffe pools what is left at the end as a smaller window")
        sizes = window_sizes(x.shape[2:], kernel_size, stride, padding, (1, 1))
        return layers.add(
            "Pooling", [x], x.shape[:2] + sizes, pool=kind, kernel_h=kernel_size[0],
            kernel_w=kernel_size[1], stride_h=stride[0], stride_w=stride[1], pad_h=pad[0],
            pad_w=pad[1],
        )  # fmt: skip

    table: Dict[str, Op] = {
        "max_pool2d": partial(pool, P.Pooling.MAX),
        "avg_pool2d": partial(pool, P.Pooling.AVE),
    }
    for n in (1, 2, 3):
        table["conv%dd" % n] = conv
        table["conv_transpose%dd" % n] = conv_transpose
    return table
