"""Runs that never took place: realistic, random, with every outcome and hostile texts."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from bakeoff import cost
from bakeoff.case import Case, Preset
from bakeoff.ceilings import Ceilings
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff_reports.analysis import Run

SUITES = ("matmul", "conv", "operators", "two_layer")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
HOSTILE_STYLE = "</style></script><b>&amp;\"'{{ 7 * 7 }}{% raw %}"

# name → typical ratio to the reference, spread of ratios over cases, toolkit, version
BACKENDS: dict[str, tuple[float, float, str, str]] = {
    "numpy": (1.0, 0.0, "bakeoff_reference", "0.1.0"),
    "numpy-plan": (0.86, 0.08, "bakeoff_reference", "0.1.0"),
    "torch": (0.95, 0.5, "PyTorch", "2.13.0+cpu"),
    "jax": (1.1, 0.8, "JAX", "0.10.2"),
}
NOISE = 0.006

# As BACKENDS, with the first release: twenty-odd toolkits, many of them near each other.
MUSEUM: dict[str, tuple[float, float, str, str]] = {
    "numpy": (1.0, 0.0, "bakeoff_reference", "2006-10"),
    "numpy-plan": (0.86, 0.02, "bakeoff_reference", "2006-10"),
    "theano": (1.4, 0.05, "Theano", "2008-01"),
    "caffe": (2.1, 0.05, "Caffe", "2013-12"),
    "autograd": (3.4, 0.05, "autograd", "2014-11"),
    "keras-jax": (9.0, 0.1, "Keras", "2015-03"),
    "keras-tensorflow": (11.0, 0.1, "Keras", "2015-03"),
    "keras-torch": (10.0, 0.1, "Keras", "2015-03"),
    "chainer": (4.0, 0.05, "Chainer", "2015-06"),
    "mxnet": (2.9, 0.05, "MXNet", "2015-09"),
    "mxnet-hybrid": (2.4, 0.05, "MXNet", "2015-09"),
    "tensorflow": (6.0, 0.1, "TensorFlow", "2015-11"),
    "tensorflow1": (2.2, 0.05, "TensorFlow", "2015-11"),
    "tensorflow-function": (1.9, 0.05, "TensorFlow", "2015-11"),
    "cntk": (1.7, 0.05, "CNTK", "2016-01"),
    "torch": (0.95, 0.05, "PyTorch", "2016-09"),
    "paddle": (2.0, 0.05, "PaddlePaddle", "2016-09"),
    "dl4j": (12.0, 0.1, "ND4J", "2014-06"),
    "caffe2": (1.2, 0.05, "Caffe2", "2017-04"),
    "mygrad": (3.3, 0.05, "MyGrad", "2018-05"),
    "fastai": (14.0, 0.1, "fastai", "2018-10"),
    "jax": (1.1, 0.05, "JAX", "2018-12"),
    "tinygrad": (5.0, 0.05, "tinygrad", "2020-10"),
    "pytensor": (1.3, 0.05, "PyTensor", "2022-11"),
    "torch-compile": (0.9, 0.05, "PyTorch", "2023-03"),
    "mlx": (1.25, 0.05, "MLX", "2023-12"),
}


def cases(preset: Preset = "quick") -> tuple[Case, ...]:
    """Return the cases of the suites we ship."""
    return tuple(c for s in SUITES for c in import_module(f"bakeoff_{s}").SUITE.of(preset))


def meta(backends: Sequence[str], **changes: Any) -> dict[str, Any]:
    """Return what a journal says of a run as a whole."""
    suites = [import_module(f"bakeoff_{s}").SUITE for s in SUITES]
    return {
        "bakeoff": "0.1.0",
        "created": "2026-05-12T14:03:11+00:00",
        "settings": {"preset": "quick", "threads": 1, "seed": 0, "backends": list(backends)},
        "reference": backends[0],
        "backends": [
            {"name": b, "title": b, "toolkit": BACKENDS.get(b, (0, 0, b, ""))[2]} for b in backends
        ],
        "suites": [{"name": s.name, "title": s.title, "summary": s.summary} for s in suites],
        "minimum_effect": 0.02,
        "ending": "complete",
        "problems": [],
        "machine": {
            "cpu": "AMD EPYC 9B14", "os": "Debian GNU/Linux 12", "cores": 2, "threads": 2,
            "memory_bytes": 16 * 2**30, "load": [1.2, 1.0, 0.9], "governor": None,
        },
        "sessions": [
            {"started": "2026-05-12T14:03:11+00:00", "ending": "complete", "elapsed_s": 118.4}
        ],
        **changes,
    }  # fmt: skip


def ceilings(backends: Sequence[str], float32: float = 200e9) -> dict[str, Any]:
    """Return what a journal says was possible: more than `run` makes of it."""
    measured = Ceilings(
        {"float32": float32, "float64": float32 / 2}, ((1 << 14, 1e11), (1 << 26, 3e10)), 35.0
    )
    return {backend: measured.to_json() for backend in backends}


def environments(backends: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what each backend's worker reported of itself."""
    return {
        f"env-{b}": {
            "backend": b,
            "python": "/somewhere/bin/python",
            "threads": 1,
            "hello": {
                "python": "3.11.9",
                "numpy": "2.4.6",
                "affinity": [1],
                "describe": {
                    "toolkit": BACKENDS[b][2],
                    "version": BACKENDS[b][3],
                    "device": "cpu",
                    "threads": 1,
                    "precision": "float32, no TF32",
                    "blas": "OpenBLAS 0.3.31" if b.startswith("numpy") else "MKL 2025.2",
                },
            },
        }
        for b in backends
        if b in BACKENDS
    }


def museum() -> Run:
    """Return a run of the preset museum on twenty-odd backends."""
    backends = [
        {"name": b, "title": b, "toolkit": toolkit, "released": released}
        for b, (_, _, toolkit, released) in MUSEUM.items()
    ]
    made = run(tuple(MUSEUM), "museum", rounds=4)
    settings = {"preset": "museum", "threads": 1, "seed": 0, "backends": list(MUSEUM)}
    places = {
        f"env-{b}": {
            "backend": b,
            "threads": 1,
            "hello": {"describe": {"toolkit": toolkit, "version": "1.0", "threads": 1}},
            "installed": {"size_bytes": 10_000_000 * (i + 1)},
        }
        for i, (b, (_, _, toolkit, _)) in enumerate(MUSEUM.items())
    }
    about = {**made.meta, "backends": backends, "settings": settings}
    return Run(about, made.cases, places, made.records)


def run(
    backends: Sequence[str] = tuple(BACKENDS),
    preset: Preset = "quick",
    rounds: int = 6,
    seed: int = 1,
    hostile: bool = False,
    **changes: Any,
) -> Run:
    """Return a run in which most things went well; ``hostile`` adds all that can go wrong."""
    chosen = cases(preset)
    rng = random.Random(seed)
    records = [
        record
        for case in chosen
        for backend in backends
        for record in _records(case, backend, rounds, rng, twin=backend == backends[0])
    ]
    names = list(backends)
    if hostile:
        records = list(_spoil(records, rng))
        names.append("caffe")
        records += [
            Record(c.id, "caffe", 0, 0, Outcome.UNAVAILABLE, f"pip: no wheel for {HOSTILE}")
            for c in chosen
        ]
        changes.setdefault("problems", [f"plugin {HOSTILE}: ImportError"])
    about = meta(names, **changes)
    if hostile:
        about["backends"][-1]["title"] = HOSTILE
        about["suites"][0]["title"] = f"Matrix product {HOSTILE}"
    places = environments(backends)
    if hostile:
        next(iter(places.values()))["hello"]["describe"]["notes"] = [HOSTILE, HOSTILE_STYLE]
        about["backends"][1]["toolkit"] = HOSTILE
        places[f"env-{names[1]}"]["hello"]["describe"]["toolkit"] = HOSTILE
    return Run(about, chosen, places, tuple(records))


def write(run: Run, folder: Path) -> Path:
    """Write a run's journal as the runner would; return the run directory."""
    journal = Journal.create(folder / FILE_NAME, run.meta, run.cases)
    with journal:
        ids = {name: journal.add_environment(data) for name, data in run.environments.items()}
        journal.append(
            *(replace(r, environment_id=ids.get(r.environment_id, "")) for r in run.records)
        )
    return folder


def _records(
    case: Case, backend: str, rounds: int, rng: random.Random, twin: bool
) -> Iterable[Record]:
    typical, spread, _, _ = BACKENDS.get(backend) or MUSEUM[backend]
    lean = math.exp(random.Random(f"{case.id} {backend}").gauss(math.log(typical), spread))
    rate = 60e9 if case.dtype == "float32" else 30e9
    base_ns = 1500 + cost.flops(case.program) / rate * 1e9
    for number in range(rounds):
        for replica in (0, 1) if twin else (0,):
            time_ns = base_ns * lean * math.exp(rng.gauss(0, NOISE))
            yield _record(case, backend, replica, number, time_ns, rng)


def _record(
    case: Case, backend: str, replica: int, number: int, time_ns: float, rng: random.Random
) -> Record:
    loops = max(1, round(5e6 / time_ns))
    fit = case.fit is not None
    checks = None
    if number == 0 and replica == 0:
        fraction = 10 ** rng.uniform(-3.5, -0.05)
        checks = (Check("y", "gamma", 2e-6 * fraction, 2e-6, fraction, 2.0, 1.0),)
    blocks = tuple(
        Block(
            i, loops, round(1.3 * loops * time_ns), round(loops * time_ns * rng.gauss(1, 0.004)), 0
        )
        for i in range(0 if fit else 6)
    )
    series: dict[str, tuple[float, ...]] = {}
    figures = {
        "transfer_ns": 2e5,
        "compile_ns": {"jax": 2.1e8}.get(backend, 4e5),
        "first_call_ns": 3 * time_ns + 1e5,
        "import_ns": {"torch": 1.9e9, "jax": 1.1e9}.get(backend, 1.1e8),
        "ready_ns": 1.6e8,
        "peak_is_of_program": int(backend != "jax"),
        "peak_rss_bytes": {"torch": 3.1e8, "jax": 2.9e8}.get(backend, 8e7) + rng.random() * 2e7,
    }
    if fit:
        epochs = 6
        series["losses"] = tuple(2.2 * math.exp(-0.5 * i) + 0.08 for i in range(epochs))
        series["accuracy"] = tuple(0.93 - 0.5 * math.exp(-0.9 * i) for i in range(epochs))
        series["seconds"] = tuple(time_ns * 1e-8 * (i + 1) for i in range(epochs))
        series["oracle_losses"] = series["losses"]
        figures |= {"accuracy": series["accuracy"][-1], "fit_wall_ns": 100 * time_ns * 60,
                    "epochs": epochs, "time_to_target_ns": 500 * time_ns}  # fmt: skip
    return Record(
        case.id, backend, replica, number, Outcome.OK, "", checks, figures, series, blocks,
        f"env-{backend}", "", "2026-05-12T14:03:20+00:00", 0.3,
    )  # fmt: skip


_BAD = (Outcome.UNSUPPORTED, Outcome.ERROR, Outcome.CRASHED, Outcome.TIMEOUT,
        Outcome.OUT_OF_MEMORY, Outcome.INTERRUPTED)  # fmt: skip


def _spoil(records: Sequence[Record], rng: random.Random) -> Iterable[Record]:
    """Give some cells of backends other than the reference every other outcome."""
    cells = sorted({(r.case_id, r.backend) for r in records if r.backend != records[0].backend})
    rng.shuffle(cells)
    fate: dict[tuple[str, str], Outcome] = dict(zip(cells, _BAD, strict=False))
    fate |= dict.fromkeys(cells[6:9], Outcome.MISMATCH)
    fate[cells[9]] = Outcome.CONTENDED
    reasons = {
        Outcome.UNSUPPORTED: f"op conv_transpose3d is not offered {HOSTILE}",
        Outcome.ERROR: f"RuntimeError: {HOSTILE} expected a tensor",
        Outcome.CRASHED: "ended by SIGSEGV",
        Outcome.TIMEOUT: "no answer after 120 s",
        Outcome.OUT_OF_MEMORY: "the kernel ended the process: out of memory",
        Outcome.INTERRUPTED: "interrupted by the user",
        Outcome.MISMATCH: "y: error 1e-4 is 50 times its bound",
        Outcome.CONTENDED: "waited for the core in 5 of 6 blocks",
    }
    for record in records:
        outcome = fate.get((record.case_id, record.backend))
        if outcome is None:
            yield record
        elif outcome.measured:
            checks = record.checks
            if checks and outcome is Outcome.MISMATCH:
                checks = (replace(checks[0], error=1e-4, fraction=50.0),)
            yield replace(record, outcome=outcome, reason=reasons[outcome], checks=checks)
        elif record.round == 0:
            log = f'Fatal Python error: {HOSTILE}\n  File "x.py", line 1 {HOSTILE_STYLE}\n'
            yield replace(
                record, outcome=outcome, reason=reasons[outcome], checks=None, blocks=(),
                figures={}, series={}, log=log,
            )  # fmt: skip
