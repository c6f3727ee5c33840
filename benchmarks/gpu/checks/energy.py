"""What NVML tells before and after, and the energy of at least ten seconds of steps."""

import time
from collections.abc import Iterator

from judged import Row, row
from provided import WorkerOf

from bakeoff import nvidia
from bakeoff.energy import LEAST_S, Meter, counters
from bakeoff.errors import EnvironmentFailure
from bakeoff.inputs import draw_inputs
from bakeoff.worker import WorkerFailure
from bakeoff_two_layer.cases import step_case

BACKENDS = ("cupy-graph", "torch-cuda")
BLOCK_NS = 200_000_000
NO_NVML = "no GPU is told of by NVML; pip install nvidia-ml-py, or bakeoff[nvidia]"


def rows(worker_of: WorkerOf) -> Iterator[Row]:
    """Yield the device's record, a row of energy per backend, and the state after."""
    if not nvidia.describe():
        yield row("NVML", "not available", NO_NVML)
        return
    yield _record("NVML", nvidia.describe())
    yield _record("before", nvidia.state())
    for name in BACKENDS:
        yield _energy(worker_of, name)
    yield slowed(nvidia.state())


def _record(what: str, gpus: list[dict[str, object]]) -> Row:
    told = "; ".join(f"{k} {v}" for k, v in gpus[0].items() if v not in (None, []))
    return row(what, "told", told, gpus=gpus)


def slowed(gpus: list[dict[str, object]]) -> Row:
    """Return the state after the work; what held the clocks down is told, not hidden."""
    events = gpus[0].get("clock_events")
    held = sorted(nvidia.SLOWED.intersection(events if isinstance(events, list) else ()))
    told = _record("after", gpus)
    return {**told, "status": "fail" if held else "told",
            "found": f"clocks held down by {', '.join(held)}; {told['found']}"
            if held else told["found"]}  # fmt: skip


def _energy(worker_of: WorkerOf, name: str) -> Row:
    what = f"energy, {name}"
    case = step_case(128, 64, "adam", "float32")
    try:
        with worker_of(name) as worker:
            worker.prepare(case.program, draw_inputs(case), case.batches)
            loops = worker.calibrate(BLOCK_NS)
            meter, steps = Meter([c for c in counters() if c.source == "nvml"]), 0
            while meter.elapsed_s < LEAST_S:
                worker.block(loops)
                steps += loops
            joules, elapsed_s = sum(meter.joules().values()), meter.elapsed_s
    except EnvironmentFailure as failure:
        return row(what, "not available", str(failure))
    except WorkerFailure as failure:
        return row(what, "error", failure.reason)
    if not joules:
        return row(what, "not available", "this card counts no joules (NVML, Volta and later)")
    found = (
        f"{1e6 * joules / steps:.1f} µJ per step, {joules / elapsed_s:.0f} W, in {elapsed_s:.1f} s"
    )
    return row(what, "ok", found, joules=joules, steps=steps, elapsed_s=elapsed_s,
               at=time.time())  # fmt: skip
