"""What a worker answers, as the controller reads it: see `bakeoff_worker.session`."""

from dataclasses import dataclass
from typing import Any, TypedDict

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Block:
    """A timed block: ``loops`` calls, then a synchronisation; resident memory after it.

    ``device_ns`` is what the device's own events say of the calls; None without events.
    """

    loops: int
    wall_ns: int
    cpu_ns: int
    involuntary: int
    rss_bytes: int
    device_ns: int | None = None


class Called(TypedDict):
    """Costs of one call; ``first``: the first since the program was prepared.

    ``devices``: where each result lies, None where the adapter does not say.
    """

    devices: tuple[str | None, ...]
    first: bool
    wall_ns: int
    cpu_ns: int


class Observed(TypedDict):
    """Two calls compared, results by number: see `bakeoff_worker.session.Session.observe`.

    ``outputs`` are those of the second call.
    """

    outputs: list[Array]
    overwritten: list[int]
    same: list[int]
    shared: list[tuple[int, str]]


class Trained(TypedDict):
    """Losses (steps,) in float64, parameters after the kept steps, and costs.

    ``devices``: where the first loss lies, and the parameters.
    """

    losses: Array
    devices: tuple[str | None, ...]
    params: dict[int, list[Array]]
    first: bool
    first_step_ns: int
    wall_ns: int
    cpu_ns: int


class Fitted(TypedDict):
    """Losses (epochs, steps), one entry per epoch of the rest, classes of the test rows.

    ``time_to_target_ns`` is the wall time of training up to the epoch that reached the
    target, None if none did. ``before`` are the losses of the stages before, in one row, and
    ``before_ns`` what they took.
    """

    losses: Array
    before: Array
    predictions: Array
    params: list[Array]
    wall_ns: list[int]
    cpu_ns: list[int]
    evaluate_ns: list[int]
    accuracy: list[float]
    reached: bool
    time_to_target_ns: int | None
    transfer_ns: int
    compile_ns: int
    before_ns: int
