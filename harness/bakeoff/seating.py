"""Who can take part, and who measures together with whom."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bakeoff.errors import BakeoffError
from bakeoff.interface import Backend
from bakeoff.launch import launch_for
from bakeoff.occupant import Occupant
from bakeoff.plan import Plan, Seat
from bakeoff.variants import file_name

WORKER_BYTES = 1_500_000_000  # what a worker with a toolkit and a large case may take
USABLE = 0.7  # of the memory that is free


class Provided(NamedTuple):
    """An interpreter that has a backend's toolkit, and what else it has."""

    python: str
    installed: Mapping[str, Any]


Groups = tuple[tuple[Seat, ...], ...]


def groups(seats: Sequence[Seat], available_bytes: int) -> Groups:
    """Divide the seats into groups whose workers fit in memory at the same time.

    Every group holds the reference, so that ratios chain through it; the twin is in the
    first. Rounds take the groups in turn: a round never pairs what did not run together.

    Parameters
    ----------
    seats
        The reference, its twin, the others.
    available_bytes
        Memory that is free.
    """
    reference, twin, *others = seats
    capacity = max(3, int(USABLE * available_bytes / WORKER_BYTES))
    first, rest = others[: capacity - 2], others[capacity - 2 :]
    chunks = [rest[i : i + capacity - 1] for i in range(0, len(rest), capacity - 1)]
    return ((reference, twin, *first), *((reference, *chunk) for chunk in chunks))


def seat_all(
    plan: Plan,
    provide: Callable[[Backend], Provided],
    refused: Callable[[Backend, str], None],
    *,
    threads: int,
    cpu: int | None,
    timeout_s: float,
    scratch: Path,
    logs: Path,
) -> dict[Seat, Occupant]:
    """Return an occupant for every seat whose backend can be provided.

    Parameters
    ----------
    plan
        Whose seats.
    provide
        Returns a backend's interpreter, or raises `BakeoffError`.
    refused
        Told of each backend that cannot be provided, with the reason.
    threads, cpu, timeout_s, scratch, logs
        For the workers.
    """
    seats: dict[Seat, Occupant] = {}
    for backend in plan.backends:
        try:
            provided = provide(backend)
            cache = scratch / f"cache-{file_name(backend.name)}"
            cache.mkdir(exist_ok=True)
            launch = launch_for(backend, provided.python, threads, cpu, cache)
        except BakeoffError as error:
            refused(backend, str(error))
            continue
        for seat in _of(backend, plan.seats):
            seats[seat] = Occupant(
                seat, backend, launch, timeout_s, scratch, logs, provided.installed
            )
    return seats


def _of(backend: Backend, seats: Iterable[Seat]) -> list[Seat]:
    return [seat for seat in seats if seat.backend == backend.name]
