"""The backends that these tests run with every op by itself, and how long a request may take."""

import importlib

from bakeoff.interface import Backend

TIMEOUT_S = 300.0


def built_in() -> dict[str, Backend]:
    """Return the built-in backends by name."""
    found: list[Backend] = []
    modules = ("numpy", "torch", "jax", "tensorflow", "cupy")
    for module in (f"bakeoff_{name}" for name in modules):
        importlib.import_module(module).register_backends(found.append)
    return {backend.name: backend for backend in found}
