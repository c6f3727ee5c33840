"""Calls of every op with arrays to run them on: the catalogue's samples, in any dtype."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bakeoff.inputs import KINDS
from bakeoff.samples import SAMPLES, Sample
from bakeoff_reference.engine import DEFAULT
from bakeoff_reference.plan import compile_program
from bakeoff_worker.program import Program, straight_line

Array = Any
DIFFERENTIABLE = [s for s in SAMPLES if s.differentiable]
SMOOTH = [s for s in DIFFERENTIABLE if s.id != "astype-float32"]
"""Without the one op that rounds a float64 result to steps that differences would see."""


def drawn(sample: Sample, dtype: str, *, with_gradient: bool) -> tuple[Program, list[Array]]:
    """Return a sample's program and its inputs, the same ones every time."""
    program = sample.program(dtype, with_gradient)
    draws = sample.inputs(dtype, with_gradient)
    rng = np.random.default_rng([ord(c) for c in sample.id])
    arrays = [
        np.asarray(KINDS[draws[v.name].kind](rng, v.shape, **dict(draws[v.name].params)))
        for v in program.inputs
    ]
    return program, [a.astype(v.dtype) for a, v in zip(arrays, program.inputs, strict=True)]


def on_tape(program: Program, arrays: Sequence[Array]) -> list[Array]:
    """Run a forward or gradient program eagerly: outputs, then gradients."""
    fn = straight_line(program, DEFAULT.ops)
    by_name = dict(zip([v.name for v in program.inputs], arrays, strict=True))
    forward = [v.name for v in program.forward_inputs]
    wrt = program.ask.get("wrt", ())
    inputs = DEFAULT.tracked([by_name[n] for n in forward], [forward.index(n) for n in wrt])
    outputs = fn(*inputs)
    cotangents = [by_name[n] for n in program.ask.get("cotangents", ())]
    tracked = [inputs[forward.index(n)] for n in wrt]
    grads = DEFAULT.gradients(outputs, cotangents, tracked) if wrt else ()
    return [np.asarray(t.value) for t in (*outputs, *grads)]


def in_plan(program: Program, arrays: Sequence[Array]) -> list[Array]:
    """Run a program as a plan."""
    return list(compile_program(program)(*arrays))


def forward_of(program: Program) -> Callable[..., Array]:
    """Return the program's single output as a function of arrays, for finite differences."""
    fn = straight_line(program, DEFAULT.ops)
    return lambda *arrays: fn(*map(DEFAULT.wrap, arrays))[0].value
