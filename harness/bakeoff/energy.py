"""Energy, where the system counts it: processor packages (RAPL) and NVIDIA cards (NVML).

Both count all that a package or a card takes, whoever caused it: other jobs and idling too. A
figure is a backend's own only if nothing else ran meanwhile, and for long enough: counters tick
in milliseconds, and power follows work with a delay. Blocks of backends are interleaved, so that
no cell has an energy; a training to an accuracy runs alone, and may have one; a session of a run
has one for all.

Linux lets only root read RAPL's counters (since 2020: they tell others' secrets, CVE-2020-8694);
who may, `sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj` until the next start.

Source: Linux, Documentation/power/powercap/powercap.rst; NVIDIA Management Library,
``nvmlDeviceGetTotalEnergyConsumption``.
"""

import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import NamedTuple

from bakeoff import nvidia

POWERCAP = Path("/sys/class/powercap")
LEAST_S = 10.0  # in less an energy says little of what ran


class Counter(NamedTuple):
    """A counter of joules that begins anew after ``range_j``; `OSError` if it is lost."""

    name: str
    source: str  # "rapl" or "nvml"
    read_j: Callable[[], float]
    range_j: float


def counters(powercap: Path = POWERCAP) -> list[Counter]:
    """Return the counters that can be read."""
    return [*_packages(powercap), *_cards()]


def refused(powercap: Path = POWERCAP) -> list[str]:
    """Return the packages that count and that we may not read."""
    readable = {c.name for c in _packages(powercap)}
    return [name for _, name in _zones(powercap) if name not in readable]


class Meter:
    """Joules since it was made, by counter.

    A counter may begin anew between two readings, not twice: a package at 100 W takes some
    40 minutes to do so, a laptop's longer.

    Parameters
    ----------
    found
        What is read.
    now
        Seconds.
    """

    def __init__(self, found: list[Counter], now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began_s = now()
        self._last = {c: c.read_j() for c in found}
        self._spent_j = dict.fromkeys(found, 0.0)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return self._now() - self._began_s

    def joules(self) -> dict[str, float]:
        """Return what each counter has counted; one that is lost is left out from then on."""
        for counter, before in list(self._last.items()):
            try:
                now = counter.read_j()
            except (OSError, ValueError):
                del self._last[counter], self._spent_j[counter]
                continue
            spent = now - before
            self._spent_j[counter] += spent if spent >= 0 else spent + counter.range_j
            self._last[counter] = now
        return {c.name: round(spent, 3) for c, spent in self._spent_j.items()}

    def figures(self) -> dict[str, float]:
        """Return ``energy_rapl_j`` and ``energy_nvml_j``: sums by source, if it was long enough."""
        if self.elapsed_s < LEAST_S:
            return {}
        joules = self.joules()
        return {
            f"energy_{source}_j": sum(joules[c.name] for c in self._last if c.source == source)
            for source in dict.fromkeys(c.source for c in self._last)
        }


def _zones(powercap: Path) -> Iterator[tuple[Path, str]]:
    """Yield the packages, not their parts (``core``, ``dram``), which have names of their own."""
    for zone in sorted(powercap.glob("intel-rapl:*")):
        try:
            name = (zone / "name").read_text().strip()
        except OSError:
            continue
        if name.startswith("package"):
            yield zone, name


def _packages(powercap: Path) -> Iterator[Counter]:
    for zone, name in _zones(powercap):

        def read_j(counter: Path = zone / "energy_uj") -> float:
            return int(counter.read_text()) / 1e6

        try:
            read_j()
            range_j = int((zone / "max_energy_range_uj").read_text()) / 1e6
        except (OSError, ValueError):
            continue
        yield Counter(name, "rapl", read_j, range_j)


def _cards() -> Iterator[Counter]:
    for number, joules in enumerate(nvidia.energies_j()):

        def read_j(number: int = number) -> float:
            found = dict(enumerate(nvidia.energies_j())).get(number)
            if found is None:
                raise OSError(f"card {number} no longer tells its energy")
            return found

        if joules is not None:
            yield Counter(f"card-{number}", "nvml", read_j, inf)
