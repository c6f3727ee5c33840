"""Plans of neutral programs (`bakeoff_worker.program.Program`), known here by their shape only."""

from typing import Any

from bakeoff_reference.conv.settings import DEFAULT, ConvSettings
from bakeoff_reference.plan.build import Input, Plan, forward_plan, gradient_plan
from bakeoff_reference.plan.recorder import Loops
from bakeoff_reference.plan.training import TrainingPlan
from bakeoff_reference.schedules import schedule


def compile_program(
    program: Any, conv: ConvSettings = DEFAULT, *, loops: Loops | None = None
) -> Plan | TrainingPlan:
    """Return the plan of a program: forward, gradient or training, as it asks.

    ``loops``, as of `bakeoff_reference.compiled.Loops`, fuse runs of elementwise statements.

    The order of arguments is the program's: all inputs, cotangents included; for training the
    inputs that are no parameters. ``conv`` says how convolutions are computed.
    """
    inputs = [Input(v.name, tuple(v.shape), v.dtype) for v in program.inputs]
    name, nodes, outputs, ask = program.name, program.nodes, program.outputs, program.ask
    if ask["kind"] == "forward":
        return forward_plan(name, inputs, nodes, outputs, conv, loops=loops)
    if ask["kind"] == "gradient":
        return gradient_plan(
            name, inputs, nodes, outputs, ask["wrt"], ask["cotangents"], conv, loops=loops
        )
    hyper = dict(ask["hyper"])
    return TrainingPlan(
        name, inputs, nodes, outputs[0], ask["params"], ask["optimizer"], hyper,
        schedule(ask.get("schedule"), hyper["lr"]), conv, loops=loops,
    )  # fmt: skip
