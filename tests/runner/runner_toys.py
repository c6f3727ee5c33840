"""A plugin for tests: the fake toolkit as good and bad backends, and a suite of small cases.

It is loaded as any plugin is, with ``--plugin runner_toys.py``.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import bakeoff
from bakeoff.case import Case, Suite, draw
from bakeoff.interface import Backend
from bakeoff.program import Value, trace, training

FAKE = Path(__file__).parent.parent / "worker" / "fake_adapter.py"

MODES = {
    "honest": {},
    "slow": {"sleep_s": 0.002},
    "wrong": {"scale": 1.01},
    "lacking": {"lacks": ["matmul"]},
    "raising": {"fault": "raise"},
    "crashing": {"fault": "segfault"},
    "crashing-later": {"fault": "segfault", "after": 40},
    "hanging": {"fault": "hang"},
    "forgetful": {"fault": "toolkit_memory"},
    "broken": {"fault": "raise", "at": "import"},
}
BACKENDS = {
    name: Backend(name, name.title(), "fake", f"{FAKE}:FakeAdapter", mode)
    for name, mode in MODES.items()
}
BACKENDS["caching"] = replace(BACKENDS["honest"], name="caching", env={"TOY_CACHE": "{cache}"})
BACKENDS["gone"] = Backend("gone", "Gone", "nowhere", "no_such_module_anywhere.adapter:Adapter")


def product(size: int) -> Case:
    program = trace(
        lambda ops, a, b: ops.matmul(a, b),
        [Value("a", (size, size), "float32"), Value("b", (size, size), "float32")],
    )
    return Case(
        "toy", f"product-{size}", program, {"a": draw("normal"), "b": draw("normal")}, "float32",
        tags={"n": size},
    )  # fmt: skip


def elementwise() -> Case:
    program = trace(lambda ops, x: ops.tanh(x), [Value("x", (8,), "float32")])
    return Case("toy", "tanh", program, {"x": draw("normal")}, "float32", timed=False)


def step() -> Case:
    program = trace(
        lambda ops, w, x: ops.mean(ops.square(ops.matmul(x, w))),
        [Value("w", (4, 1), "float32"), Value("x", (8, 4), "float32")],
        training(["w"], "sgd", {"lr": 0.1}),
    )
    return Case(
        "toy", "step", program, {"w": draw("normal"), "x": draw("normal")}, "float32",
        steps=3, batches=2,
    )  # fmt: skip


def cases(preset: str) -> Iterable[Case]:
    yield product(4)
    yield product(32)
    yield elementwise()
    yield step()


SUITE = Suite("toy", "Toys", "Small cases for tests.", cases)


@bakeoff.hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    for backend in BACKENDS.values():
        register(backend)


@bakeoff.hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(SUITE)
