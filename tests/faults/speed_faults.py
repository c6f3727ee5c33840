"""The table: each planted pace, and what a run must say of it.

Also a plugin: ``bakeoff run --in-place --plugin speed_faults.py --suites pace --backends …``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bakeoff
from bakeoff.case import Case, Preset, Suite, draw
from bakeoff.interface import Backend
from bakeoff.program import Value, trace

HERE = Path(__file__).parent
REFERENCE = "steady"


@dataclass(frozen=True, slots=True)
class Pace:
    """What must be said, at a margin of 0.5 %: one of ``verdicts``, and a ``remark``'s kind.

    ``perhaps``: a remark that a busy machine may bring.
    """

    name: str
    verdicts: tuple[str, ...]
    remark: str = ""
    perhaps: str = ""


PACES = (
    Pace("as_steady", ("same", "cannot tell")),
    Pace("fifth_slower", ("slower",)),
    # How often small ones are found on which machine, benchmarks/verdicts measures.
    Pace("five_percent_slower", ("slower", "cannot tell")),
    Pace("two_percent_slower", ("slower", "cannot tell")),
    Pace("slow_first_100_calls", ("same", "cannot tell"), perhaps="drift"),
    Pace("fast_only_on_zeros", ("slower",)),
    Pace("slower_with_every_call", ("slower",), "drift"),
    # pages that are ever new cost more and more where others need memory too
    Pace("keeps_memory", ("same", "cannot tell", "slower"), "leak", perhaps="drift"),
    Pace("slower_in_every_other_process", ("cannot tell", "slower")),
    Pace("sleeps", (), "elsewhere"),
)


def backend(name: str) -> Backend:
    """Return the backend of a pace; two of them are steady."""
    return Backend(
        name=name.replace("_", "-"),
        title=f"The reference engine, {name.replace('_', ' ')}",
        toolkit="NumPy",
        adapter=f"{HERE / 'paced_adapter.py'}:PacedAdapter",
        mode={"pace": "steady" if name == "as_steady" else name},
        packages=("bakeoff_reference",),
    )


def _cases(preset: Preset) -> Iterator[Case]:
    n = 160
    values = [Value("a", (n, n), "float32"), Value("b", (n, n), "float32")]
    program = trace(lambda ops, a, b: a @ b, values)
    yield Case("pace", "product", program, {"a": draw("normal"), "b": draw("normal")}, "float32")


@bakeoff.hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    for name in (REFERENCE, *(p.name for p in PACES)):
        register(backend(name))


@bakeoff.hookimpl
def register_suites(register: Callable[[Suite], None]) -> None:
    register(Suite("pace", "Paces", "A product, small enough for a thousand calls.", _cases))
