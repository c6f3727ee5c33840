"""A bakeoff plugin for the tests: a suite of toy cases, and backends with planted faults."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bakeoff import hookimpl
from bakeoff.case import Case, Preset, Suite, draw
from bakeoff.interface import Backend
from bakeoff.program import Value, gradient, trace

FAKE = Path(__file__).parent.parent / "worker" / "fake_adapter.py"
X, W = Value("x", (4, 3), "float32"), Value("w", (3, 2), "float32")

BACKENDS: dict[str, dict[str, Any]] = {
    "fake": {},
    "scaled": {"scale": 1.001},  # wrong results
    "sleeping": {"sleep_s": 0.002},
    "raising": {"fault": "raise"},
    "late": {"fault": "raise", "after": 3},  # right once, then broken
    "crashing": {"fault": "segfault"},
    "hanging": {"fault": "hang"},
    "refusing": {"fault": "refuse"},
}


def _layer(ops: Any, x: Any, w: Any) -> Any:
    return ops.relu(x @ w)


def _pair(ops: Any, x: Any, w: Any) -> Any:
    return x @ w, ops.exp(x)


def _softmax(ops: Any, x: Any, w: Any) -> Any:
    return ops.softmax(x @ w)


def _cases(preset: Preset) -> Iterator[Case]:
    normal = draw("normal")
    for name, workload in (("layer", _layer), ("pair", _pair), ("softmax", _softmax)):
        program = trace(workload, [X, W])
        yield Case("toy", name, program, {"x": normal, "w": normal}, "float32", tags={"n": 4})
    inputs = [X, W, Value("g", (4, 2), "float32")]
    program = trace(_layer, inputs, gradient(["x", "w"], ["g"]), "layer")
    draws = {"x": normal, "w": normal, "g": normal}
    yield Case("toy", "layer-gradient", program, draws, "float32", timed=False)


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(Suite("toy", "Toys", "small cases for tests", _cases))


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    for name, mode in BACKENDS.items():
        register(Backend(name, name, "fake", f"{FAKE}:FakeAdapter", mode))
    absent = ("surely-not-installed",)
    register(Backend("absent", "absent", "absent", f"{FAKE}:FakeAdapter", {}, absent))
