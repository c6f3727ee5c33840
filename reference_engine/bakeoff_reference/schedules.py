"""Learning rates over steps t = 0, 1, ...: each schedule returns a function of t."""

from collections.abc import Callable, Mapping
from math import cos, pi
from typing import Any

Schedule = Callable[[int], float]


def constant(lr: float) -> Schedule:
    """``lr``."""
    return lambda t: lr


def step_decay(lr: float, d: float, t0: float) -> Schedule:
    """``lr d^((t - t0) / t0)``: falls by the factor d every t0 steps, smoothly.

    Source: Larson, Machine learning in Python, lecture notes, "Learning rate adjustment".
    """
    return lambda t: lr * d ** ((t - t0) / t0)


def exponential(lr: float, gamma: float) -> Schedule:
    """``lr gamma^t``.

    Source: Goodfellow, Bengio & Courville, Deep learning (2016), section 8.3.1.
    """
    return lambda t: lr * gamma**t


def cosine(lr: float, steps: int, lr_min: float = 0.0) -> Schedule:
    """``lr_min + (lr - lr_min) (1 + cos(pi min(t, steps) / steps)) / 2``.

    Source: Loshchilov & Hutter, SGDR, ICLR 2017, equation 5, without restarts.
    """
    return lambda t: lr_min + (lr - lr_min) * (1 + cos(pi * min(t, steps) / steps)) / 2


def warmup(lr: float, steps: int) -> Schedule:
    """``lr min(1, (t + 1) / steps)``.

    Source: Goyal et al., Accurate, large minibatch SGD (2017), section 2.2.
    """
    return lambda t: lr * min(1.0, (t + 1) / steps)


SCHEDULES: Mapping[str, Callable[..., Schedule]] = {
    f.__name__: f for f in (constant, step_decay, exponential, cosine, warmup)
}


def schedule(description: Mapping[str, Any] | None, lr: float) -> Schedule:
    """Return a schedule from data such as ``{"name": "cosine", "steps": 100}``.

    Raises
    ------
    ValueError
        If there is no such schedule, or its parameters do not fit.
    """
    parameters = dict(description or {"name": "constant"})
    name = parameters.pop("name")
    if name not in SCHEDULES:
        raise ValueError(f"schedule {name!r}, expected one of {', '.join(SCHEDULES)}")
    try:
        return SCHEDULES[name](lr, **parameters)
    except TypeError as error:
        raise ValueError(f"schedule {name}: {error}") from None
