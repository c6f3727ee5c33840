"""What a program costs: floating-point operations and bytes, by the catalogue.

Model-level counts, as in "FLOPs of a training step": what the mathematics needs, not what
an implementation does. A gradient costs, for every op on the way from ``wrt`` to an output,
the forward count once per differentiable argument (exact for matmul and convolution, whose
vector-Jacobian products are of the same size). Recomputation is not counted.
"""

from collections.abc import Mapping

from bakeoff.ops import OPS
from bakeoff.rules import Spec
from bakeoff_worker.optimizers import DEFINITIONS
from bakeoff_worker.program import Node, Program, references


def flops(program: Program) -> int:
    """Return the floating-point operations of one run of the program, as it is asked."""
    total = sum(by_node(program).values())
    if program.kind == "training":
        specs = _specs(program)
        # one multiply-add for the parameter, two per slot of the optimizer
        slots = len(DEFINITIONS[program.ask["optimizer"]].slots)
        total += sum(specs[p].size for p in program.ask["params"]) * (2 + 4 * slots)
    return total


def by_node(program: Program) -> dict[str, int]:
    """Return the operations of each node by name: forward, and for the gradients asked."""
    specs = _specs(program)
    found = {node.name: _node_flops(node, specs) for node in program.nodes}
    wanted = set(program.ask.get("wrt", ())) | set(program.ask.get("params", ()))
    if wanted:
        for node, active in _active(program, wanted):
            found[node.name] *= 1 + _active_arguments(node, active)
    return found


def bytes_moved(program: Program) -> int:
    """Return the bytes of the program's inputs and results, each once: the least to move."""
    specs = _specs(program)
    moved = [v.name for v in program.inputs] + [*program.outputs, *program.ask.get("wrt", ())]
    return sum(specs[name].nbytes for name in moved)


def _specs(program: Program) -> dict[str, Spec]:
    return {name: Spec(v.shape, v.dtype) for name, v in program.values().items()}


def _node_flops(node: Node, specs: Mapping[str, Spec]) -> int:
    args = [
        specs[a]
        if isinstance(a, str)
        else tuple(specs[n] for n in a)
        if isinstance(a, tuple)
        else a
        for a in node.args
    ]
    call, result = OPS[node.op].infer(args, node.attrs)
    return OPS[node.op].flops(call, result)


def _active(program: Program, wanted: set[str]) -> list[tuple[Node, set[str]]]:
    """Return the nodes that depend on ``wanted``, each with the active names known by then."""
    active = set(wanted)
    found = []
    for node in program.nodes:
        if active.intersection(references(node)):
            found.append((node, set(active)))
            active.add(node.name)
    return found


def _active_arguments(node: Node, active: set[str]) -> int:
    positions = OPS[node.op].differentiable
    count = 0
    for i in positions:
        arg = node.args[i]
        if isinstance(arg, str):
            count += arg in active
        elif isinstance(arg, tuple):
            count += bool(active.intersection(arg))
    return count
