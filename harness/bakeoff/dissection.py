"""A training program taken apart: its ops one by one, its gradient, its optimizer.

Each part is a program of its own, which any backend can be asked, and the numbers that reach it
in a step of the training, which `bakeoff.bounds` evaluates in float64.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bakeoff.bounds import FORMATS, analyse
from bakeoff.case import Case, draw
from bakeoff.inputs import rounded
from bakeoff.program import Program, Value, forward, gradient, trace, training
from bakeoff.replies import Array
from bakeoff_worker.program import Node, references


class Piece(NamedTuple):
    """A part of a training program.

    ``what`` is its name in words: ``"relu (v2)"``, ``"optimizer adam"``.
    """

    what: str
    case: Case
    inputs: dict[str, Array]


def op_pieces(case: Case, inputs: Mapping[str, Array], label: str) -> list[Piece]:
    """Return every op by itself, in program order: forward, and backward where gradients flow.

    Parameters
    ----------
    case
        A training case whose loss is the program's output.
    inputs
        Of one step: parameters, and data without the axis of batches.
    label
        Tells the pieces of this step and backend from others.
    """
    program = case.program
    values = _values(program, inputs)
    reached = _reached(program)
    loss = program.values()[program.outputs[0]]
    cotangents = {loss.name: np.ones(loss.shape)}
    found = []
    for node in reversed(program.nodes):
        given = {name: values[name] for name in references(node)}
        wrt = [n for n in given if n in reached] if node.name in cotangents else []
        piece = alone(program, node, wrt)
        if wrt:
            given[_cotangent(node)] = rounded(cotangents[node.name], node.dtype)
            gradients = analyse(piece, given)[-len(wrt) :]
            for name, part in zip(wrt, gradients, strict=True):
                cotangents[name] = cotangents.get(name, 0.0) + np.asarray(part.ball.mid)
        found.append(_piece(f"{node.op} ({node.name})", case, piece, given, f"{label}-{node.name}"))
    return found[::-1]


def gradient_piece(case: Case, inputs: Mapping[str, Array], label: str) -> Piece:
    """Return the loss and the gradient of all parameters, as one program."""
    program, given = _whole_gradient(case.program, inputs)
    return _piece("the gradient as a whole", case, program, given, f"{label}-gradient")


def optimizer_piece(case: Case, met: Sequence[Mapping[str, Array]], steps: int) -> Piece:
    """Return the case's optimizer by itself, on the gradients that it meets.

    Its loss is Σ w g, so that the gradient of each parameter w is the g that is given.

    Parameters
    ----------
    met
        Inputs of training steps, of which the gradients are taken; used in turn.
    steps
        How many of the optimizer are compared.
    """
    ask, table = case.program.ask, case.program.values()
    params = [table[name] for name in ask["params"]]
    grads = [Value(f"{p.name}_gradient", p.shape, p.dtype) for p in params]
    schedule = ask.get("schedule") or {"name": "constant"}
    program = trace(
        _linear, [*params, *grads],
        training(ask["params"], ask["optimizer"], ask["hyper"], schedule), "optimizer",
    )  # fmt: skip
    found = [_gradients(case.program, inputs) for inputs in met]
    given = {p.name: np.asarray(met[0][p.name]) for p in params}
    for g, arrays in zip(grads, zip(*found, strict=True), strict=True):
        given[g.name] = np.stack([rounded(a, g.dtype) for a in arrays])  # (batches, *shape)
    what = f"optimizer {ask['optimizer']}"
    if schedule["name"] != "constant":
        what += f" with {schedule['name']}"
    label = f"optimizer-{steps}-steps"
    return _piece(what, case, program, given, label, steps=steps, batches=len(found))


def alone(program: Program, node: Node, wrt: Sequence[str] = ()) -> Program:
    """Return a program of one node: forward, or also the gradient of its arguments ``wrt``."""
    table = program.values()
    inputs = [table[name] for name in dict.fromkeys(references(node))]
    ask = forward()
    if wrt:
        inputs.append(Value(_cotangent(node), node.shape, node.dtype))
        ask = gradient(wrt, [_cotangent(node)])
    return Program(node.op, tuple(inputs), (node,), (node.name,), ask)


def _cotangent(node: Node) -> str:
    return f"{node.name}_cotangent"


def _linear(ops: Any, *tensors: Any) -> Any:
    """Σ w g over the parameters, then their gradients."""
    half = len(tensors) // 2
    total = None
    for w, g in zip(tensors[:half], tensors[half:], strict=True):
        part = ops.sum(w * g)
        total = part if total is None else total + part
    return total


def _values(program: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return every value of the program, exact but for its rounding to its dtype."""
    names = tuple(node.name for node in program.nodes)
    found = analyse(program._replace(outputs=names, ask=forward()), inputs)
    table = program.values()
    exact = {n: np.asarray(b.ball.mid) for n, b in zip(names, found, strict=True)}
    return {**inputs, **{n: rounded(a, table[n].dtype) for n, a in exact.items()}}


def _reached(program: Program) -> set[str]:
    """Return the floating-point values that depend on the parameters."""
    reached = set(program.ask["params"])
    for node in program.nodes:
        if node.dtype in FORMATS and reached.intersection(references(node)):
            reached.add(node.name)
    return reached


def _whole_gradient(
    program: Program, inputs: Mapping[str, Array]
) -> tuple[Program, dict[str, Array]]:
    loss = program.values()[program.outputs[0]]
    one = Value("loss_cotangent", loss.shape, loss.dtype)
    asked = program._replace(
        inputs=(*program.inputs, one), ask=gradient(program.ask["params"], [one.name])
    )
    return asked, {**inputs, one.name: rounded(np.ones(one.shape), one.dtype)}


def _gradients(program: Program, inputs: Mapping[str, Array]) -> Iterator[Array]:
    count = len(program.ask["params"])
    return (np.asarray(b.ball.mid) for b in analyse(*_whole_gradient(program, inputs))[-count:])


def _piece(
    what: str, case: Case, program: Program, inputs: dict[str, Array], label: str,
    steps: int = 0, batches: int = 1,
) -> Piece:  # fmt: skip
    # How the inputs came about is no matter: these are given. Nothing random is claimed of them.
    draws = {v.name: draw("constant", value=0.0) for v in program.inputs}
    name = f"{case.name}-{label}"
    found = Case(
        case.suite, name, program, draws, case.dtype, case.seed, steps=steps, batches=batches
    )
    return Piece(what, found, inputs)
