"""The passes that suites ask for, and what the time of each includes."""

from collections.abc import Callable, Sequence
from typing import Any

from bakeoff.program import Program, Value, gradient, trace

_APART = (
    "Inputs lie on the device beforehand and results stay there; transfer, compilation and "
    "the first call are separate figures."
)


def gradient_program(
    workload: Callable[..., Any],
    inputs: Sequence[Value],
    wrt: Sequence[str],
    name: str | None = None,
) -> Program:
    """Trace a workload of one output for its gradients with respect to ``wrt``.

    The program has one input more, ``cotangent``, of the output's shape and dtype.
    """
    forward = trace(workload, inputs, name=name)
    output = forward.values()[forward.outputs[0]]
    cotangent = Value("cotangent", output.shape, output.dtype)
    return trace(workload, [*inputs, cotangent], gradient(wrt, [cotangent.name]), name)


def includes(program: Program) -> str:
    """Return the text for `Case.includes`: it follows from what is asked, not from the backend."""
    ask = program.ask
    if program.kind == "forward":
        return f"One forward call, until its output is ready. {_APART}"
    if program.kind == "gradient":
        wrt = " and ".join(ask["wrt"])
        return (
            f"One call that gives the output and the gradient with respect to {wrt}, from a "
            f"given cotangent, until all are ready. {_APART}"
        )
    params = ", ".join(ask["params"])
    return (
        f"One training step: forward, loss, gradients of {params}, and their update by "
        f"{ask['optimizer']}, until the loss and the parameters are ready. The batches lie on "
        "the device beforehand and are used in turn; transfer, compilation and the first step "
        "are separate figures."
    )
