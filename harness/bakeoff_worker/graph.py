"""What toolkits that build graphs have in common: walking a program, and the step's numbers.

Such a toolkit runs nothing while the program is walked: each op adds to its graph, and
the whole is run later, with values for the inputs and for the numbers that change from
step to step.
"""

from typing import Any, Callable, Dict, List, Mapping, Tuple

from bakeoff_worker import optimizers, schedules
from bakeoff_worker.program import Node, Program, references

Symbol = Any  # a toolkit's own variable of a graph

# Ops that are constant but for jumps: no gradient comes through.
_STEPS = frozenset(
    [
        *("sign", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("argmax", "one_hot", "zeros_like", "ones_like", "full_like"),
    ]
)


def grow(
    program: Program,
    inputs: Mapping[str, Symbol],
    apply: Callable[[Node, Tuple[Any, ...]], Symbol],
) -> Dict[str, Symbol]:
    """Return the symbol of every value of the program.

    Parameters
    ----------
    inputs
        Symbols of the forward inputs, by name.
    apply
        ``apply(node, args)`` adds one op application to the graph. ``args`` are those of
        the node, with symbols for names and lists of symbols for sequences.
    """
    symbols = dict(inputs)
    for node in program.nodes:
        symbols[node.name] = apply(node, tuple(_looked_up(symbols, a) for a in node.args))
    return symbols


def _looked_up(symbols: Mapping[str, Symbol], arg: Any) -> Any:
    if isinstance(arg, str):
        return symbols[arg]
    if isinstance(arg, tuple):
        return [symbols[name] for name in arg]
    return arg


class StepNumbers(object):
    """An optimizer's numbers: those that stay, and those that each step brings anew.

    Attributes
    ----------
    definition
        The optimizer's.
    hyper
        Its hyperparameters, defaults filled in, without ``lr``.
    fixed
        Numbers that may be constants of the graph, by name.
    changing
        Names of those that are inputs of the graph.
    """

    def __init__(self, program: Program) -> None:
        ask = program.ask
        self.definition = optimizers.DEFINITIONS[ask["optimizer"]]
        self.hyper = optimizers.hyperparameters(ask["optimizer"], ask["hyper"])
        self._rate = schedules.learning_rate(ask.get("schedule"), ask["hyper"]["lr"])
        # Two steps at two rates tell what depends on either.
        one, other = (self.definition.scalars(self.hyper, lr, t) for lr, t in ((1.0, 1), (0.5, 2)))
        self.changing: List[str] = sorted(k for k in one if one[k] != other[k] or k == "lr")
        self.fixed = {k: v for k, v in one.items() if k not in self.changing}

    def at(self, t: int) -> List[float]:
        """Return the numbers of step ``t`` = 1, 2, ..., in the order of ``changing``."""
        scalars = self.definition.scalars(self.hyper, self._rate(t - 1), t)
        return [scalars[k] for k in self.changing]

    def rate(self, t: int) -> float:
        """Return the learning rate of step ``t`` = 1, 2, ..."""
        return self._rate(t - 1)


def fused(program: Program, pairs: Mapping[Tuple[str, str], str]) -> Program:
    """Return the program with pairs of ops made one, as toolkits of layers have them.

    ``pairs`` maps ``(first, second)`` to the name of both together: ``("matmul",
    "bias_add")`` to a dense layer. A pair is one where the second takes the first's
    result as its first argument, nothing else takes it, and it is a matrix or a vector.
    The one node has the arguments of the first, then the rest of the second's.
    """
    uses = [name for node in program.nodes for name in references(node)]
    uses += list(program.outputs)
    found: Dict[str, Node] = {}
    for node in program.nodes:
        first = found.get(references(node)[0]) if references(node) else None
        pair = pairs.get((first.op, node.op)) if first is not None else None
        if first is not None and pair and uses.count(first.name) == 1 and len(first.shape) < 3:
            del found[first.name]
            found[node.name] = node._replace(
                op=pair, args=first.args + node.args[1:], attrs=dict(first.attrs, **node.attrs)
            )
        else:
            found[node.name] = node
    return program._replace(nodes=tuple(found[n.name] for n in program.nodes if n.name in found))


def reaching(program: Program) -> Dict[str, List[str]]:
    """Return, by input, the outputs that change when it changes a little."""
    sources = {v.name: {v.name} for v in program.inputs}
    for node in program.nodes:
        inputs = () if node.op in _STEPS else references(node)
        sources[node.name] = set().union(*[sources[name] for name in inputs])
    return {
        v.name: [name for name in program.outputs if v.name in sources[name]]
        for v in program.inputs
    }
