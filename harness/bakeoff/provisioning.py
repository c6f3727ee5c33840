"""The environments of many backends: surveyed first, then made side by side.

Backends that share an environment are one piece of work. A failure is one environment's
and stops no other; an interruption ends them all, and none is left half-made.
"""

import shutil
import threading
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from bakeoff import devices, environments
from bakeoff.environments import Environment, Progress
from bakeoff.errors import EnvironmentFailure
from bakeoff.interface import Backend

AT_ONCE = 4  # installing is mostly unpacking: more at once only compete for the disk


@dataclass(frozen=True, slots=True)
class Wanted:
    """An environment that backends ask for.

    Attributes
    ----------
    key
        Of the environment; empty if it cannot be made, for want of an interpreter or a device.
    backends
        All that share it.
    made
        The environment, if it is there.
    reason
        Why it is not there and cannot be, or could not be made.
    """

    key: str
    backends: tuple[Backend, ...]
    made: Environment | None = None
    reason: str = ""

    @property
    def names(self) -> str:
        """The backends, for people."""
        return ", ".join(b.name for b in self.backends)

    @property
    def bytes_expected(self) -> int:
        """What its backends state of its size; 0 if none does."""
        return 1_000_000 * max(b.size_mb for b in self.backends)


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is and what is to be made, before anything is."""

    there: tuple[Wanted, ...]
    missing: tuple[Wanted, ...]
    unavailable: tuple[Wanted, ...]

    @property
    def bytes_there(self) -> int:
        """Sum of the measured sizes."""
        return sum(w.made.size_bytes for w in self.there if w.made)

    @property
    def bytes_expected(self) -> int:
        """Sum of the stated sizes of what is missing."""
        return sum(w.bytes_expected for w in self.missing)

    @property
    def of_unknown_size(self) -> int:
        """How many of the missing have no stated size."""
        return sum(not w.bytes_expected for w in self.missing)


def survey(backends: Iterable[Backend], cache: Path | None = None) -> Survey:
    """Return which environments the backends have, lack, and cannot get."""
    by_key: dict[str, list[Backend]] = {}
    unavailable = []
    for backend in backends:
        if why := devices.why_missing(backend.device):
            unavailable.append(Wanted("", (backend,), reason=f"backend {backend.name}: {why}"))
            continue
        try:
            by_key.setdefault(environments.key_of(backend), []).append(backend)
        except EnvironmentFailure as failure:
            unavailable.append(Wanted("", (backend,), reason=str(failure)))
    found = [
        Wanted(key, tuple(sharing), environments.find(sharing[0], cache))
        for key, sharing in by_key.items()
    ]
    there = tuple(w for w in found if w.made)
    return Survey(there, tuple(w for w in found if not w.made), tuple(unavailable))


def make(
    wanted: Sequence[Wanted],
    *,
    at_once: int = AT_ONCE,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Generator[Wanted, None, None]:
    """Make environments and yield each, made or with its reason, as it ends.

    Close the iterator (or let an exception leave it) and those under way are ended; it
    returns when nothing of theirs is left.

    Parameters
    ----------
    wanted
        Of a `survey`.
    at_once
        How many at the same time.
    cache, progress
        As of `environments.provide`; ``progress`` is called from several threads.
    """
    unwanted = threading.Event()

    def make_one(one: Wanted) -> Wanted:
        try:
            made = environments.provide(
                one.backends[0], cache=cache, progress=progress, unwanted=unwanted.is_set
            )
        except EnvironmentFailure as failure:
            return Wanted(one.key, one.backends, reason=str(failure))
        return Wanted(one.key, one.backends, made)

    pool = ThreadPoolExecutor(at_once)
    try:
        for future in as_completed([pool.submit(make_one, one) for one in wanted]):
            yield future.result()
    finally:
        unwanted.set()
        pool.shutdown(cancel_futures=True)


def free_bytes(cache: Path | None = None) -> int:
    """Return what is free where environments are made."""
    folder = environments.cache_folder(cache)
    return shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.is_dir())).free
