"""Interpreters that have what a check without a device needs, and no more."""

from collections.abc import Sequence
from pathlib import Path

from bakeoff import environments
from bakeoff.interface import Backend


def python_with(name: str, toolkit: str, requirements: Sequence[str]) -> Path:
    """Return the interpreter of an environment, made the first time."""
    backend = Backend(
        name=name, title="", toolkit=toolkit, adapter="none:None", requirements=tuple(requirements)
    )
    return Path(environments.provide(backend, progress=print).python)
