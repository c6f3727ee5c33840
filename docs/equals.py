"""A plugin: the engine under three names, and fifty cells on which every difference is chance."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from bakeoff import hookimpl
from bakeoff.case import Case, Preset, Suite
from bakeoff.interface import Backend
from bakeoff.ops import OPS
from bakeoff.plugins import load
from bakeoff.samples import samples_of

NAMES = ("one", "two", "three")
CELLS = 50


def _cases(preset: Preset) -> Iterator[Case]:
    for op in islice(OPS, CELLS):
        sample = samples_of(op)[0]
        program, inputs = sample.program("float32"), sample.inputs("float32")
        yield Case("equals", op, program, inputs, "float32")


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    engine = load().backends["numpy"]
    for name in NAMES:
        register(replace(engine, name=name, title=f"NumPy, copy {name}"))


@hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(Suite("equals", "Equals", "The first ops of the catalogue.", _cases))
