"""A plugin: backends of known speed, and a suite of kernels of about 1 µs, 50 µs and 2 ms."""

from collections.abc import Callable, Iterator
from pathlib import Path

from bakeoff import hookimpl
from bakeoff.case import Case, Preset, Suite, draw
from bakeoff.interface import Backend
from bakeoff.program import Value, trace

ADAPTER = f"{Path(__file__).with_name('kernel_adapter.py')}:KernelAdapter"
KERNELS = ("about_1us", "about_50us", "about_2ms")

# Name → how much slower. The reference brings a twin of its own: two pairs of equals in all.
SLOWER = {"a": 0.0, "c": 0.0, "d": 0.0, "slower-2": 0.02, "slower-5": 0.05}


def backends(drifts: bool) -> list[Backend]:
    """Return the backends, the reference first."""
    return [
        Backend(name, name, "kernel", ADAPTER, mode={"slower": slower, "drifts": drifts})
        for name, slower in SLOWER.items()
    ]


def _cases(preset: Preset) -> Iterator[Case]:
    for name in KERNELS:
        program = trace(lambda ops, x: ops.exp(x), [Value("x", (1,), "float32")], name=name)
        yield Case("kernels", name, program, {"x": draw("normal")}, "float32")


SUITE = Suite("kernels", "Kernels", "Work of known length.", _cases)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    for backend in backends(drifts=False):
        register(backend)


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(SUITE)
