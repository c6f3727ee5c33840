"""Results that own their memory: what may lie in an input's is copied."""

from typing import Any, Container, Sequence, Set

import numpy as np

from bakeoff_worker.program import Node, Program, references

COPY = "copied"  # the op that `with_own_outputs` adds; an adapter supplies it


def with_own_outputs(program: Program, views: Container[str]) -> Program:
    """Return the program with a node `COPY` behind every output that may be an input's memory.

    ``views`` names the ops whose results may share memory with their first argument.
    """
    aliased = _aliases(program, views)
    values = program.values()
    nodes, outputs = list(program.nodes), list(program.outputs)
    for i, output in enumerate(outputs):
        if output in aliased:
            outputs[i] = "owned_%d" % i
            value = values[output]
            nodes.append(Node(outputs[i], COPY, (output,), {}, value.shape, value.dtype))
    return program._replace(nodes=tuple(nodes), outputs=tuple(outputs))


def _aliases(program: Program, views: Container[str]) -> Set[str]:
    found = {v.name for v in program.inputs}
    for node in program.nodes:
        if node.op in views and references(node)[0] in found:
            found.add(node.name)
    return found


def owned(array: Any, inputs: Sequence[Any]) -> Any:
    """Return a NumPy array, or its copy if it may lie in the memory of one of ``inputs``."""
    return np.array(array) if any(np.may_share_memory(array, x) for x in inputs) else array
