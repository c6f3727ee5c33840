"""The eight steps, in the order in which a device that was never seen before is asked."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal["device", "workers", "run"]


@dataclass(frozen=True, slots=True)
class Step:
    """A check in a process of its own.

    Attributes
    ----------
    kind
        What it is given: the device itself, under the interpreter of the backend ``cupy``; the
        backends' workers; or what provides a run with its environments.
    limit_s
        After which it counts as hung; all limits together are less than eight minutes.
    """

    name: str
    title: str
    kind: Kind
    limit_s: float


STEPS = (
    Step("versions", "Versions and device descriptor", "device", 20),
    Step("kernels", "Every kernel against float64", "device", 50),
    Step("convolution", "Convolution, three passes, against im2col", "workers", 70),
    Step("products", "cuBLASLt inside capture", "device", 20),
    Step("replay", "Graph replay equals eager", "workers", 40),
    Step("latency", "Graphs of empty kernels", "device", 15),
    Step("rivals", "The table of rivals", "run", 215),
    Step("energy", "NVML and energy", "workers", 45),
)
CHECKS_OF = {step.name: step.kind for step in STEPS}


def chosen(globs: list[str]) -> tuple[Step, ...]:
    """Return the steps whose names match any of the globs; all without globs.

    Raises
    ------
    ValueError
        If a glob matches no step.
    """
    for glob in globs:
        if not any(fnmatchcase(step.name, glob) for step in STEPS):
            names = ", ".join(step.name for step in STEPS)
            raise ValueError(f"steps {glob!r}, expected to match some of {names}")
    return tuple(s for s in STEPS if not globs or any(fnmatchcase(s.name, g) for g in globs))
