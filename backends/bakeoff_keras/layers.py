"""A training program as Keras has it: dense layers, a loss over the batch, an optimizer.

Keras trains models, not expressions. What has the form of one is recognised here; all else
is refused.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.program import Node, Program

_ACTIVATIONS = ("relu", "sigmoid", "tanh", "silu")
_LOSSES = {
    "sparse_softmax_cross_entropy_with_logits": "SparseCategoricalCrossentropy",
    "softmax_cross_entropy_with_logits": "CategoricalCrossentropy",
    "sigmoid_cross_entropy_with_logits": "BinaryCrossentropy",
    "squared_error": "MeanSquaredError",
}


class Dense(NamedTuple):
    """A layer: names of its parameters, and its activation."""

    kernel: str
    bias: Optional[str]
    activation: Optional[str]


class Stack(NamedTuple):
    """A model: input, layers, the loss's class in ``keras.losses``, and the targets."""

    rows: str
    layers: Tuple[Dense, ...]
    loss: str
    targets: str


def stack_of(program: Program) -> Stack:
    """Return the layers that a training program is made of.

    Raises
    ------
    Unsupported
        If it has another form.
    """
    nodes = list(program.nodes)
    params = set(program.ask["params"])
    if len(nodes) < 3 or nodes[-1].op != "mean" or nodes[-1].shape != ():
        raise _refused("a loss that is no mean over the batch")
    loss = nodes[-2]
    if loss.op not in _LOSSES or nodes[-1].args != (loss.name,):
        raise _refused("the loss %s" % loss.op)
    value, targets = loss.args
    layers: List[Dense] = []
    before = nodes[:-2]
    rows, value_now = None, None  # type: Any, Any
    while before:
        layer, taken, source = _layer(before, params)
        if layers and source != value_now:
            raise _refused("layers that are no chain")
        rows = rows or source
        value_now = before[taken - 1].name
        layers.append(layer)
        before = before[taken:]
    names = {v.name for v in program.data_inputs}
    if value != value_now or rows not in names or targets not in names:
        raise _refused("a loss of other than the last layer and given targets")
    return Stack(rows, tuple(layers), _LOSSES[loss.op], targets)


def _layer(nodes: List[Node], params: Any) -> Tuple[Dense, int, str]:
    """Return the first layer, how many nodes it takes, and what goes into it."""
    product, taken = nodes[0], 1
    if product.op != "matmul" or product.args[1] not in params or len(product.shape) != 2:
        raise _refused("%s where a dense layer begins" % product.op)
    bias = activation = None
    if taken < len(nodes) and nodes[taken].op in ("bias_add", "add"):
        bias = nodes[taken].args[1]
        if nodes[taken].args[0] != product.name or bias not in params:
            raise _refused("%s of other than a bias" % nodes[taken].op)
        taken += 1
    if taken < len(nodes) and nodes[taken].op in _ACTIVATIONS:
        activation = nodes[taken].op
        taken += 1
    return Dense(product.args[1], bias, activation), taken, product.args[0]


def _refused(what: str) -> Unsupported:
    return Unsupported(
        "Keras trains layers: a chain of Dense with %s, then a loss averaged over the batch; "
        "got %s" % (", ".join(_ACTIVATIONS), what)
    )


def model_of(keras: Any, stack: Stack, program: Program) -> Tuple[Any, Dict[str, Any]]:
    """Return an uncompiled ``Sequential``, and its variables by parameter name."""
    values = program.values()
    rows = values[stack.rows]
    made: Dict[str, Any] = {}
    layers = [keras.Input(rows.shape[1:], rows.shape[0], dtype=rows.dtype)]
    dense = []
    for layer in stack.layers:
        dense.append(
            keras.layers.Dense(
                values[layer.kernel].shape[1],
                activation=layer.activation,
                use_bias=layer.bias is not None,
            )
        )
    model = keras.Sequential(layers + dense)
    for layer, keras_layer in zip(stack.layers, dense):
        made[layer.kernel] = keras_layer.kernel
        if layer.bias is not None:
            made[layer.bias] = keras_layer.bias
    return model, made


def loss_of(keras: Any, stack: Stack) -> Any:
    """Return the object of ``keras.losses``, averaging over the batch."""
    options = {} if stack.loss == "MeanSquaredError" else {"from_logits": True}
    return getattr(keras.losses, stack.loss)(**options)
