"""Measure what the pictures of `verdicts.md` show, and keep it in ``measured/``.

Run: ``python docs/measure.py [NAME ...]``, on a machine that is otherwise idle; all of it takes
about three minutes. Each file says what made it, when, and on which machine.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sketches.roundings import errors

from bakeoff import machine
from bakeoff.blame import culprit, left_at
from bakeoff.case import Case
from bakeoff.export import read
from bakeoff.inputs import draw_inputs
from bakeoff.launch import launch_for
from bakeoff.plugins import load
from bakeoff.program import Value, trace
from bakeoff.replies import Array
from bakeoff.samples import samples_of
from bakeoff.statistics import per_call_ns
from bakeoff.timing import orders
from bakeoff.worker import Launch, Worker
from bakeoff_reports.analysis import analyse
from bakeoff_reports.analysis import load as load_run
from bakeoff_reports.trained import all_tests, models_of
from bakeoff_reports.trajectories import compared
from bakeoff_worker.program import Program

HERE = Path(__file__).parent
ROOT = HERE.parent
KERNELS = ROOT / "benchmarks" / "verdicts" / "kernel_adapter.py"
TOOTH_S = 10.0  # of the drift that its kernels play

Found = dict[str, Any]

FAULTY = ("relu-gradient-missing", "adam-without-bias-correction")
PROCESSES, SWEEPS, BLOCK_NS = 10, 30, 5_000_000
TURNS, TURN_NS = 40, 50_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURED)}")
    names = parser.parse_args().names or list(MEASURED)
    if unknown := set(names) - set(MEASURED):
        parser.error(f"{', '.join(sorted(unknown))}, expected some of {', '.join(MEASURED)}")
    for name in names:
        before = machine.state()["load"]
        found = {**_about(name), "load": [before[0]], **MEASURED[name]()}
        found["load"].append(machine.state()["load"][0])
        (HERE / "measured" / f"{name}.json").write_text(_text(found))


def _about(name: str) -> Found:
    about = machine.describe_machine()
    return {
        "command": f"python docs/measure.py {name}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {k: about[k] for k in ("cpu", "threads", "os", "python")},
        "numpy": np.__version__,
    }


def _text(found: Found) -> str:
    """Return JSON with a line per key, and a line per entry of what is nested in it."""
    lines = []
    for key, value in found.items():
        if isinstance(value, dict):
            inner = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


# --- by workers, block by block ----------------------------------------------------------------


@contextmanager
def _workers(launches: Sequence[Launch], program: Program, inputs: Mapping[str, Array],
             block_ns: int) -> Iterator[tuple[list[Worker], int]]:  # fmt: skip
    """Start workers with a program; yield them, and how many calls make a block."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(machine.measuring_lock())
        workers = []
        for i, launch in enumerate(launches):
            scratch = Path(folder) / str(i)
            scratch.mkdir()
            workers.append(stack.enter_context(Worker(launch, 60, scratch)))
        for worker in workers:
            worker.prepare(program, inputs)
        loops = [worker.calibrate(block_ns) for worker in workers]
        yield workers, sorted(loops)[len(loops) // 2]


def processes() -> Found:
    """Ten processes of one program, in turns: so that the machine is the same to all."""
    sample = samples_of("softmax")[0]
    case = Case("operators", sample.id, sample.program("float32"), sample.inputs("float32"),
                "float32")  # fmt: skip
    launch = launch_for(load().backends["numpy"], sys.executable, cpu=machine.pick_cpu())
    times: list[list[float]] = [[] for _ in range(PROCESSES)]
    with _workers([launch] * PROCESSES, case.program, draw_inputs(case), BLOCK_NS) as found:
        workers, loops = found
        for order in orders(PROCESSES, SWEEPS, "processes"):
            for i in order:
                times[i].append(round(workers[i].block(loops).cpu_ns / loops, 1))
    return {"program": sample.id, "calls_in_a_block": loops,
            "ns": {str(i + 1): t for i, t in enumerate(times)}}  # fmt: skip


def turns() -> Found:
    """Two equal programs while the machine slows down: one after the other, and in turns."""
    cpu = machine.pick_cpu()
    launch = Launch(sys.executable, str(KERNELS), "KernelAdapter", mode={"drifts": True}, cpu=cpu)
    values = [Value("x", (1,), "float32")]
    program = trace(lambda ops, x: ops.exp(x), values, name="about_50us")
    schemes = {
        "one after the other": [0] * TURNS + [1] * TURNS,
        "in turns": [i for order in orders(2, TURNS, "turns") for i in order],
    }
    found = {}
    inputs = {"x": np.zeros(1, np.float32)}
    with _workers([launch] * 2, program, inputs, TURN_NS) as (pair, loops):
        for scheme, order in schemes.items():
            time.sleep(TOOTH_S - time.time() % TOOTH_S)  # begin with a tooth
            began = time.monotonic()
            found[scheme] = [
                [side, round(time.monotonic() - began, 3), round(block.cpu_ns / loops)]
                for side in order
                for block in [pair[side].block(loops)]
            ]
    return {"rows": "program, seconds since the start, ns per call", **found}


# --- by runs -----------------------------------------------------------------------------------


def _run(*options: str) -> tuple[str, dict[str, dict[str, list[float]]]]:
    """Return the command, and ns of CPU time per call: case → backend → by round."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["bakeoff", "run", *options, "--half-width", "0", "--in-place", "--no-report"]
        script = Path(sys.executable).with_name(words[0])
        subprocess.run([script, *words[1:], "--out", folder], cwd=ROOT, check=True)
        records = [r for r in read(Path(folder)).records if r.blocks]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    rounds = defaultdict(set)
    for record in records:
        rounds[record.round].add((record.case_id, record.backend, record.replica))
    whole = {n for n, seats in rounds.items() if len(seats) == max(map(len, rounds.values()))}
    for record in sorted(records, key=lambda r: r.round):
        if record.round in whole:
            seat = record.backend + " again" * record.replica
            found[record.case_id][seat].append(per_call_ns(record.blocks, "cpu"))
    return " ".join(words), found


def equals() -> Found:
    """A page of fifty cells on four backends that are all the same: a hundred pairs of equals."""
    command, times = _run(
        "--plugin", "docs/equals.py", "--suites", "equals", "--backends", "one,two,three",
        "--preset", "quick", "--max-time", "55",
    )  # fmt: skip
    pairs = (("one", "one again"), ("two", "three"))
    return {
        "run": command,
        "log_ratios": {
            f"{case}: {new} / {base}": [
                round(math.log(n / b), 5) for b, n in zip(seats[base], seats[new], strict=True)
            ]
            for case, seats in times.items()
            for base, new in pairs
        },
    }


def effects() -> Found:
    """Programs of known speed: two equals, one that does 2 % more, one that does 5 % more."""
    command, times = _run(
        "--plugin", "benchmarks/verdicts/kernels.py", "--suites", "kernels",
        "--cases", "*about_2ms",
        "--backends", "a,c,slower-2,slower-5", "--preset", "standard", "--max-time", "40",
    )  # fmt: skip
    return {
        "run": command,
        "ns": {
            f"{case.partition('/')[2]} {seat}": [round(t, 2) for t in rounds]
            for case, seats in times.items()
            for seat, rounds in seats.items()
        },
    }


def models() -> Found:
    """One network trained by four backends: two that are right, two with a planted fault."""
    words = [
        "bakeoff", "run", "--plugin", "tests/faults/planted_faults.py", "--suites", "two_layer",
        "--backends", ",".join(("numpy", "numpy-plan", *FAULTY)),
        "--cases", "*128-10*batch64-adam-*",
        "--max-time", "1", "--in-place", "--no-report",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        script = Path(sys.executable).with_name(words[0])
        # The exit code is 1: two backends mismatch, as they must.
        subprocess.run([script, *words[1:], "--out", folder], cwd=ROOT, check=False)
        analysis = analyse(load_run(Path(folder)))
    (fit,) = (case for case in analysis.run.cases if case.fit)
    (step,) = (case for case in analysis.run.cases if not case.fit)
    found = models_of(analysis, fit)
    tests = all_tests({fit.id: found})
    return {
        "run": " ".join(words),
        "accuracies": {backend: model.accuracy for backend, model in found.items()},
        "counts": {f"{a}, {b}": list(astuple(t.counts)) for (_, a, b), t in tests.items()},
        "p_values": {f"{a}, {b}": t.p_value for (_, a, b), t in tests.items()},
        "allowed": list(compared(analysis, step)["numpy"].series["loss_envelope"]),
        "steps": {
            backend: {
                "losses": list(record.series["losses"]),
                "oracle": list(record.series["oracle_losses"]),
                "left_at": left_at(record.series),
                "by": culprit(record),
            }
            for backend, record in compared(analysis, step).items()
        },
    }


MEASURED: dict[str, Callable[[], Found]] = {
    f.__name__: f for f in (processes, turns, equals, effects, errors, models)
}


if __name__ == "__main__":
    main()
