"""Which backends are the museum's, and how they are seated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bakeoff import environments
from bakeoff.environments import Environment
from bakeoff.errors import EnvironmentFailure
from bakeoff.interface import Backend
from bakeoff.launch import launch_for
from bakeoff.occupant import Occupant
from bakeoff.plan import Seat
from bakeoff.plugins import load

# Tested by tests/backends, with every op by itself.
ELSEWHERE = frozenset({"numpy", "numpy-plan", "numpy-compiled", "torch", "torch-compile", "jax"})

# Every other backend of ours that runs on a processor.
BACKENDS: dict[str, Backend] = {
    name: backend
    for name, backend in load(start=Path(__file__).parents[2]).backends.items()
    if name not in ELSEWHERE and backend.device == "cpu"
}
TIMEOUT_S = 900.0  # toolkits that compile C++ take minutes for a family of ops, the first time


@dataclass
class Museum:
    """Backends with their environments and workers."""

    backends: Mapping[str, Backend]
    scratch: Path
    _environments: dict[str, Environment | EnvironmentFailure] = field(default_factory=dict)
    _occupants: dict[str, Occupant] = field(default_factory=dict)

    def environment(self, name: str) -> Environment:
        """Return a backend's environment; skip the test where it cannot be had."""
        if name not in self._environments:
            try:
                made = environments.provide(self.backends[name], progress=print)
                self._environments[name] = made
            except EnvironmentFailure as failure:
                self._environments[name] = failure
        found = self._environments[name]
        if isinstance(found, EnvironmentFailure):
            pytest.skip(str(found))
        return found

    def occupant(self, name: str) -> Occupant:
        """Return who holds a backend's worker."""
        environment = self.environment(name)
        if name not in self._occupants:
            backend = self.backends[name]
            launch = launch_for(backend, str(environment.python))
            self._occupants[name] = Occupant(
                Seat(name, 0), backend, launch, TIMEOUT_S, self.scratch, self.scratch
            )
        return self._occupants[name]

    def close(self) -> None:
        """End the workers."""
        for occupant in self._occupants.values():
            occupant.leave()
