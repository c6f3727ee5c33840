"""Graph mode: nodes that compute nothing until they are asked.

`Operator` is the lecture's: a node knows its inputs, and how to go ``forward`` and ``backward``.
Every op of the catalogue applied to a node gives an `Apply`; a subclass of one's own needs just
the two methods. `forward_pass` and `backward` are the lecture's two loops.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bakeoff_reference.arrays import NUMPY, Array, dtype_name
from bakeoff_reference.broadcasting import unbroadcast
from bakeoff_reference.overloads import Overloads
from bakeoff_reference.primitive import Primitive


class Operator(Overloads):
    """A node of a graph.

    Attributes
    ----------
    inputs
        The nodes that it reads.
    value, gradient
        What `forward_pass` and `backward` left here.

    Examples
    --------
    >>> class add(Operator):
    ...     def __init__(self, a, b):
    ...         super().__init__()
    ...         self.inputs = [a, b]
    ...     def forward(self, a, b):
    ...         return a + b
    ...     def backward(self, a, b, dout):
    ...         return dout, dout
    >>> x, y = Constant(5.0), Constant(6.0)
    >>> float(forward_pass(toposort([add(x, y)])))
    11.0
    """

    def __init__(self, inputs: Sequence["Operator"] = ()) -> None:
        self.inputs = list(inputs)
        self.value: Any = None
        self.gradient: Any = None

    def forward(self, *values: Array) -> Array:
        """Return the node's value from its inputs' values."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def backward(self, *values: Array, dout: Array) -> Sequence[Array]:
        """Return one gradient per input; called with the inputs' values and ``dout``."""
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def eval(self, feed: Mapping["Operator", Any] | None = None) -> Any:
        """Return the value of this node for the fed placeholders."""
        return run(self, feed)


class Placeholder(Operator):
    """A node whose value is fed."""

    def __init__(self, name: str = "", shape: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.name, self.shape = name, None if shape is None else tuple(shape)
        self.dtype = None if dtype is None else dtype_name(dtype)

    def forward(self, *values: Array) -> Array:
        raise ValueError(f"{self!r}: no value; pass feed={{placeholder: value}}")

    def __repr__(self) -> str:
        return f"<placeholder {self.name or hex(id(self))}>"


class Constant(Operator):
    """A node with a value of its own; `Variable` marks those that training changes."""

    def __init__(self, value: Any, dtype: Any = None) -> None:
        super().__init__()
        array = NUMPY.asarray(value, dtype and dtype_name(dtype))
        if dtype is None and not hasattr(value, "dtype") and array.dtype == "float64":
            array = array.astype("float32")
        self.value = array

    def forward(self, *values: Array) -> Array:
        return self.value


class Variable(Constant):
    """A parameter: a node whose value an optimizer changes between runs."""


class Apply(Operator):
    """A catalogue op applied to nodes; other arguments become constants."""

    def __init__(self, op: Primitive, args: Sequence[Any], attrs: Mapping[str, Any]) -> None:
        # Python numbers stay as they are: they take the dtype of the tensor beside them
        self.args = tuple(
            a if isinstance(a, (Operator, bool, int, float)) else Constant(getattr(a, "value", a))
            for a in args
        )
        super().__init__([a for a in self.args if isinstance(a, Operator)])
        self.op, self.attrs = op, dict(attrs)

    def arguments(self, values: Sequence[Array]) -> list[Any]:
        """Return the op's arguments: the inputs' values, and the numbers in their places."""
        given = iter(values)
        return [next(given) if isinstance(a, Operator) else a for a in self.args]

    def forward(self, *values: Array) -> Array:
        args = self.arguments(values)
        result = self.op.forward(NUMPY, *args, **self.op.prepared(args, dict(self.attrs)))
        return result[0] if self.op.saves else result

    def backward(self, *values: Array, dout: Array) -> Sequence[Array]:
        args = self.arguments(values)
        attrs = self.op.prepared(args, dict(self.attrs))
        saved = self.op.forward(NUMPY, *args, **attrs)
        if self.op.saves:
            saved = saved[1]
        grads = []
        for arg, value, rule in zip(self.args, args, self.op.rules(len(args)), strict=True):
            if isinstance(arg, Operator):
                grad = rule(NUMPY, dout, saved, *args, **attrs) if rule else value * 0
                grads.append(unbroadcast(NUMPY, NUMPY.asarray(grad), value.shape))
        return grads

    def __repr__(self) -> str:
        return f"<{self.op.name} of {len(self.inputs)} nodes>"


def toposort(ends: Iterable[Operator]) -> list[Operator]:
    """Return every node behind ``ends``, inputs before what reads them; the last end is last."""
    order: list[Operator] = []
    seen: set[int] = set()
    for end in ends:
        stack: list[tuple[Operator, bool]] = [(end, False)]
        while stack:
            node, inputs_done = stack.pop()
            if inputs_done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((n, False) for n in reversed(node.inputs) if id(n) not in seen)
    return order


def forward_pass(order: Sequence[Operator], feed_dict: Mapping[Operator, Any] | None = None) -> Any:
    """Compute every node in order, leave values in ``node.value``, return the last one.

    Parameters
    ----------
    order
        A topologically sorted list of nodes (`toposort`).
    feed_dict
        Values of placeholders.
    """
    feed = _fed(feed_dict)
    for node in order:
        inputs = [n.value for n in node.inputs]
        node.value = feed[id(node)] if id(node) in feed else node.forward(*inputs)
    return order[-1].value


def backward(order: Sequence[Operator]) -> list[Any]:
    """Fill ``node.gradient`` with the last node's gradient; return them in order.

    Call after `forward_pass`. Nodes that the last one does not depend on get None.
    """
    for node in order:
        node.gradient = None
    order[-1].gradient = NUMPY.ones(NUMPY.asarray(order[-1].value).shape, order[-1].value.dtype)
    for node in reversed(order):
        if node.inputs and node.gradient is not None:
            grads = node.backward(*[n.value for n in node.inputs], dout=node.gradient)
            for n, grad in zip(node.inputs, grads, strict=True):
                n.gradient = grad if n.gradient is None else n.gradient + grad
    return [node.gradient for node in order]


def run(fetch: Any, feed: Mapping[Operator, Any] | None = None) -> Any:
    """Return the value of a node, or a list of values of a list of nodes.

    Unlike `forward_pass` it leaves nothing in the nodes.
    """
    ends = list(fetch) if isinstance(fetch, (list, tuple)) else [fetch]
    table: dict[int, Any] = _fed(feed)
    for node in toposort(ends):
        if id(node) not in table:
            table[id(node)] = node.forward(*[table[id(n)] for n in node.inputs])
    values = [NUMPY.asarray(table[id(n)]).copy() for n in ends]
    return values if isinstance(fetch, (list, tuple)) else values[0]


def _fed(feed: Mapping[Operator, Any] | None) -> dict[int, Any]:
    """Fed values as arrays, by the node's ``id``, checked against declared shapes."""
    table = {}
    for node, value in (feed or {}).items():
        array = Constant(value, getattr(node, "dtype", None)).value
        shape = getattr(node, "shape", None)
        if shape is not None and (
            len(shape) != array.ndim
            or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True))
        ):
            raise ValueError(f"feed: {node!r} got shape {array.shape}, expected {shape}")
        table[id(node)] = array
    return table


class Session:
    """Runs graphs: ``session.run(c, feed={a: 5.0})``. A context manager, as in the lecture."""

    def run(self, fetch: Any, feed: Mapping[Operator, Any] | None = None) -> Any:
        """Return the value of a node, or values of a list of nodes."""
        return run(fetch, feed)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to close: a session holds no resources."""
