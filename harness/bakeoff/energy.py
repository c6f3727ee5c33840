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
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

POWERCAP = Path("/sys/class/powercap")
LEAST_S = 10.0  # in less an energy says little of what ran


class Counter(NamedTuple):
    """A counter of microjoules that begins anew after ``range_uj``."""

    name: str
    source: str  # "rapl" or "nvml"
    read_uj: Callable[[], int]
    range_uj: int


def find_nvml() -> Any:
    """Return NVML's Python binding, ready; None without it, or without a card."""
    try:
        nvml = import_module("pynvml")  # optional: nvidia-ml-py
        nvml.nvmlInit()
    except Exception:  # no module, no library, no driver: each has an error of its own
        return None
    return nvml


def counters(powercap: Path = POWERCAP, nvml: Any = None) -> list[Counter]:
    """Return the counters that can be read."""
    return [*_packages(powercap), *(_cards(nvml) if nvml is not None else ())]


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
        self._last = {c: c.read_uj() for c in found}
        self._spent_uj = dict.fromkeys(found, 0)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return self._now() - self._began_s

    def joules(self) -> dict[str, float]:
        """Return what each counter has counted."""
        for counter, before in list(self._last.items()):
            try:
                now = counter.read_uj()
            except Exception:  # a card that is lost, say, is no reason to lose a run
                del self._last[counter], self._spent_uj[counter]
                continue
            spent = now - before
            self._spent_uj[counter] += spent if spent >= 0 else spent + counter.range_uj
            self._last[counter] = now
        return {c.name: round(uj / 1e6, 3) for c, uj in self._spent_uj.items()}

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
    """Yield the packages, not their parts (``core``, ``dram``), which are in them."""
    for zone in sorted(powercap.glob("intel-rapl:*")):
        try:
            name = (zone / "name").read_text().strip()
        except OSError:
            continue
        if name.startswith("package"):
            yield zone, name


def _packages(powercap: Path) -> Iterator[Counter]:
    for zone, name in _zones(powercap):
        energy = zone / "energy_uj"

        def read_uj(energy: Path = energy) -> int:
            return int(energy.read_text())

        try:
            read_uj()
            range_uj = int((zone / "max_energy_range_uj").read_text())
        except (OSError, ValueError):
            continue
        yield Counter(name, "rapl", read_uj, range_uj)


def _cards(nvml: Any) -> Iterator[Counter]:
    for number in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(number)

        def read_uj(handle: Any = handle) -> int:
            return 1000 * int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))

        try:
            read_uj()
        except nvml.NVMLError:  # before Volta, or not allowed
            continue
        yield Counter(f"card-{number}", "nvml", read_uj, 1000 << 64)
