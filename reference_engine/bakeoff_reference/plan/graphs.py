"""Plans of graphs: placeholders become inputs, operators statements."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bakeoff_reference.arrays import Array, dtype_name
from bakeoff_reference.conv.settings import DEFAULT, ConvSettings
from bakeoff_reference.graph import Apply, Constant, Operator, Variable, toposort
from bakeoff_reference.optimizers import Optimizer
from bakeoff_reference.plan.build import Input, Plan, forward_plan, gradient_plan
from bakeoff_reference.plan.training import TrainingPlan

Feed = Mapping[Operator, Any]


class Line(NamedTuple):
    """One operator of a graph, as plans take it."""

    name: str
    op: str
    args: tuple[Any, ...]
    attrs: Mapping[str, Any]


class Listing:
    """A graph as named inputs and lines, in topological order."""

    def __init__(self, ends: Sequence[Operator], feed: Feed) -> None:
        order = toposort(ends)
        self.names = {id(n): f"n{i}" for i, n in enumerate(order)}
        self.fed = [n for n in order if n in _Identity(feed)]
        self.held = [n for n in order if isinstance(n, Constant) and n not in _Identity(feed)]
        values = {id(n): v for n, v in feed.items()}
        self.inputs = [
            *(self._input(n, Constant(values[id(n)], getattr(n, "dtype", None)).value)
              for n in self.fed),
            *(self._input(n, n.value) for n in self.held),
        ]  # fmt: skip
        leaves = {id(n) for n in [*self.fed, *self.held]}
        self.lines = [self._line(n) for n in order if id(n) not in leaves]

    def _input(self, node: Operator, value: Array) -> Input:
        return Input(self.names[id(node)], value.shape, dtype_name(value.dtype))

    def _line(self, node: Operator) -> Line:
        if not isinstance(node, Apply):
            raise TypeError(
                f"plan: {node!r}, expected a fed placeholder or an op of the catalogue; "
                "Session runs graphs with operators of one's own"
            )
        args: tuple[Any, ...] = tuple(
            self.names[id(a)] if isinstance(a, Operator) else a for a in node.args
        )
        return Line(
            self.names[id(node)], node.op.name, (args,) if node.op.variadic else args, node.attrs
        )


class _Identity:
    """Membership by identity: ``==`` of operators makes a node."""

    def __init__(self, nodes: Feed) -> None:
        self._ids = {id(n) for n in nodes}

    def __contains__(self, node: object) -> bool:
        return id(node) in self._ids


class GraphPlan:
    """A compiled graph: ``plan(feed={a: 5.0})`` returns values, as a session does."""

    def __init__(self, plan: Plan, listing: Listing, single: bool) -> None:
        self.plan, self.source = plan, plan.source
        self._listing, self._single = listing, single

    def __call__(self, feed: Feed) -> Any:
        """Return the fetched values, then the gradients, for fed placeholders."""
        results = self.plan(*_arguments(self._listing, feed))
        return results[0] if self._single else list(results)


class GraphTraining:
    """A compiled training step of a graph: variables are updated at every call."""

    def __init__(self, plan: TrainingPlan, listing: Listing, variables: Sequence[Variable]) -> None:
        self.plan, self.source = plan, plan.source
        self._listing, self._variables = listing, variables

    def __call__(self, feed: Feed) -> float:
        """Do one step; return the loss before it."""
        (loss,) = self.plan(*_arguments(self._listing, feed, skip=self._variables))
        for variable, value in zip(self._variables, self.plan.params(), strict=True):
            variable.value = value
        return float(loss)


def _arguments(listing: Listing, feed: Feed, skip: Sequence[Operator] = ()) -> list[Array]:
    values = {id(n): v for n, v in feed.items()}
    left_out = {id(n) for n in skip}
    fed = [Constant(values[id(n)], getattr(n, "dtype", None)).value for n in listing.fed]
    return [*fed, *(n.value for n in listing.held if id(n) not in left_out)]


def compile_graph(
    fetch: Any, feed: Feed, wrt: Sequence[Operator] = (), conv: ConvSettings = DEFAULT
) -> GraphPlan:
    """Return a plan of a graph for the shapes and dtypes of an example feed.

    Parameters
    ----------
    fetch
        A node, or a list of nodes.
    feed
        An example value for every placeholder.
    wrt
        Nodes whose gradient is returned after the values; the fetched nodes are then scalars.
    conv
        How convolutions are computed.
    """
    ends = list(fetch) if isinstance(fetch, (list, tuple)) else [fetch]
    listing = Listing(ends, feed)
    outputs = [listing.names[id(e)] for e in ends]
    if wrt:
        names = [listing.names[id(n)] for n in wrt]
        plan = gradient_plan("graph", listing.inputs, listing.lines, outputs, names, (), conv)
    else:
        plan = forward_plan("graph", listing.inputs, listing.lines, outputs, conv)
    return GraphPlan(plan, listing, single=not wrt and ends[0] is fetch)


def compile_training(
    loss: Operator, feed: Feed, variables: Sequence[Variable], optimizer: Optimizer,
    conv: ConvSettings = DEFAULT,
) -> GraphTraining:  # fmt: skip
    """Return a training step that minimises ``loss`` by changing ``variables``.

    ``conv`` says how convolutions are computed.
    """
    listing = Listing([loss], feed)
    names = [listing.names[id(v)] for v in variables]
    plan = TrainingPlan(
        "graph", listing.inputs, listing.lines, listing.names[id(loss)], names, optimizer.name,
        optimizer.hyper, lambda t: optimizer.lr, conv,
    )  # fmt: skip
    plan.load([v.value for v in variables])
    return GraphTraining(plan, listing, variables)
