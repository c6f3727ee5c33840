"""Convolutions on the device, three passes, against im2col and GEMM in float64.

The reference's own convolution is im2col and a product; in float64 it is the oracle. The bound
is that of the dtype's rounding over the sum of absolute products.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from judged import Row, row, within
from provided import WorkerOf

from bakeoff.case import Case
from bakeoff.compare import compare_call
from bakeoff.inputs import draw_inputs
from bakeoff.oracle import Oracle
from bakeoff.plugins import load
from bakeoff.worker import Worker, WorkerFailure, launch_for
from bakeoff_conv import SUITE

LAYERS = ("image", "digit", "middle", "deep", "pointwise", "strided", "depthwise")


def cases() -> list[Case]:
    """Return the layers' passes in float32."""
    return [c for c in SUITE.cases("standard")
            if c.dtype == "float32" and c.name.split("-")[1] in LAYERS]  # fmt: skip


def rows(worker_of: WorkerOf, chosen: list[Case] | None = None) -> Iterator[Row]:
    """Yield how convolutions are done, then a row per layer and pass."""
    with ExitStack() as stack:
        worker = stack.enter_context(worker_of("cupy"))
        scratch = stack.enter_context(TemporaryDirectory(prefix="bakeoff-"))
        oracle = stack.enter_context(
            Oracle(launch_for(load().backends["numpy"], sys.executable), Path(scratch))
        )
        used = how(worker.hello["describe"])
        yield used
        for case in cases() if chosen is None else chosen:
            yield _judged(worker, oracle, case, by_cudnn=used["status"] == "ok")


def how(described: Mapping[str, Any]) -> Row:
    """Return whether cuDNN is in use, by what the backend tells."""
    told = str(described.get("convolution", "im2col and matrix products: no cuDNN is told of"))
    return row("cuDNN", "ok" if told.startswith("cuDNN") else "not built", told)


def _judged(worker: Worker, oracle: Oracle, case: Case, by_cudnn: bool) -> Row:
    inputs = draw_inputs(case)
    try:
        worker.prepare(case.program, inputs)
        outputs, _ = worker.call()
        refused = worker.usage().get("im2col_passes", 0)
        worker.release()
    except WorkerFailure as failure:
        return row(case.name, "lost" if not worker.alive else "error", failure.reason)
    checks = compare_call(case, outputs, oracle.call(case, inputs))
    worst = max(checks, key=lambda c: (c.fraction != c.fraction, c.fraction))
    usual = max((c.usual for c in checks if c.usual is not None), default=0.0)
    if usual > 1 and worst.passed:
        found = f"less precise than float32 is: {usual:.3g} times its usual error (TF32, Winograd)"
        return row(case.name, "fail", found, usual=usual)
    if by_cudnn and refused:
        return row(case.name, "fail", f"{refused} passes by im2col: cuDNN refused them")
    return within(case.name, worst.fraction, worst.output, usual=usual)
