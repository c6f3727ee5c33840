"""Learning-rate schedules: one table, each with its equation.

``t = 0, 1, ...`` counts steps, ``lr0`` is the optimizer's ``lr``. All arithmetic is
Python's float64 on the host, so every toolkit gets the same number.
"""

import math
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional


class Schedule(NamedTuple):
    """A schedule: its equation, its parameters' defaults (None: required), its function."""

    name: str
    equation: str
    parameters: Dict[str, Optional[float]]
    rate: Callable[..., float]


def _constant(lr0: float, t: int) -> float:
    return lr0


def _step_decay(lr0: float, t: int, d: float, t0: float) -> float:
    return float(lr0 * d ** ((t - t0) / float(t0)))


def _exponential(lr0: float, t: int, gamma: float) -> float:
    return lr0 * gamma**t


def _cosine(lr0: float, t: int, steps: float, lr_min: float) -> float:
    return lr_min + (lr0 - lr_min) * (1.0 + math.cos(math.pi * min(t, steps) / steps)) / 2.0


def _warmup(lr0: float, t: int, steps: float) -> float:
    return lr0 * min(1.0, (t + 1) / float(steps))


SCHEDULES: Dict[str, Schedule] = {
    s.name: s
    for s in (
        Schedule("constant", "lr = lr0", {}, _constant),
        Schedule("step_decay", "lr = lr0 d^((t - t0) / t0)", {"d": None, "t0": None}, _step_decay),
        Schedule("exponential", "lr = lr0 gamma^t", {"gamma": None}, _exponential),
        Schedule(
            "cosine",
            "lr = lr_min + (lr0 - lr_min) (1 + cos(pi min(t, steps) / steps)) / 2",
            {"steps": None, "lr_min": 0.0},
            _cosine,
        ),
        Schedule("warmup", "lr = lr0 min(1, (t + 1) / steps)", {"steps": None}, _warmup),
    )
}


def learning_rate(schedule: Optional[Mapping[str, Any]], lr0: float) -> Callable[[int], float]:
    """Return ``lr(t)`` of a schedule such as ``{"name": "exponential", "gamma": 0.9}``.

    Raises
    ------
    ValueError
        If the schedule is unknown, or a parameter is missing or unknown.
    """
    given = dict(schedule or {"name": "constant"})
    name = given.pop("name", None)
    if name not in SCHEDULES:
        raise ValueError("schedule %r, expected one of %s" % (name, ", ".join(SCHEDULES)))
    definition = SCHEDULES[name]
    parameters = dict(definition.parameters)
    parameters.update(given)
    missing = sorted(k for k, v in parameters.items() if v is None)
    unknown = sorted(set(given) - set(definition.parameters))
    if missing or unknown:
        raise ValueError(
            "schedule %s: missing %s, unknown %s; expected %s"
            % (name, missing, unknown, sorted(definition.parameters))
        )
    rate = definition.rate
    return lambda t: rate(lr0, t, **parameters)


def is_constant(schedule: Optional[Mapping[str, Any]]) -> bool:
    """Return whether the rate stays ``lr0``; some momentum is the catalogue's only then."""
    return (schedule or {"name": "constant"}).get("name") == "constant"
