"""A training step replayed as one graph gives the bits of the same step run eagerly."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from judged import Row, row
from provided import WorkerOf

from bakeoff.case import Case
from bakeoff.inputs import draw_inputs
from bakeoff.program import training
from bakeoff.worker import Worker, WorkerFailure
from bakeoff_two_layer.cases import PARAMS, step_case
from bakeoff_worker.optimizers import DEFINITIONS

RATE = 0.001
STEPS = 24  # more than batches lie ready: each is seen again
EAGER, GRAPH = "cupy", "cupy-graph"


def cases() -> Iterator[Case]:
    """Yield a training step of the two-layer network per optimizer."""
    base = step_case(128, 64, "adam", "float32")
    for name in DEFINITIONS:
        program = base.program._replace(ask=training(PARAMS, name, {"lr": RATE}))
        yield replace(base, name=name, program=program)


def rows(worker_of: WorkerOf) -> Iterator[Row]:
    """Yield a row per optimizer."""
    with ExitStack() as stack:
        both = [stack.enter_context(worker_of(name)) for name in (EAGER, GRAPH)]
        for case in cases():
            try:
                eager, graph = (_trained(worker, case) for worker in both)
            except WorkerFailure as failure:
                alive = all(worker.alive for worker in both)
                yield row(case.name, "error" if alive else "lost", failure.reason)
                continue
            yield compared(case.name, eager, graph)


def _trained(worker: Worker, case: Case) -> list[Any]:
    """Return the losses of all steps, and the parameters after the last."""
    worker.prepare(case.program, draw_inputs(case), case.batches)
    trained = worker.train(STEPS, keep=(STEPS,))
    worker.release()
    return [trained["losses"], *trained["params"][STEPS]]


def compared(name: str, eager: list[Any], graph: list[Any]) -> Row:
    """Return the row of an optimizer."""
    unequal = sum(
        int(np.count_nonzero(a.view("u1").reshape(a.size, -1) != b.view("u1").reshape(a.size, -1)))
        for a, b in zip(map(np.ascontiguousarray, eager), map(np.ascontiguousarray, graph),
                        strict=True)
    )  # fmt: skip
    if not unequal:
        return row(
            name, "ok", f"{STEPS} steps: every bit of losses and parameters", unequal_bytes=0
        )
    largest = max(float(np.abs(a - b).max()) for a, b in zip(eager, graph, strict=True))
    return row(
        name, "fail", f"{unequal} bytes differ, by up to {largest:.3g}", unequal_bytes=unequal
    )
