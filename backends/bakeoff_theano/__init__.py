"""Theano 1.0. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="theano",
        title="Theano",
        toolkit="Theano",
        adapter="bakeoff_theano.adapter:TheanoAdapter",
        requirements=(
            "numpy==1.21.6",
            "scipy==1.7.3",
            "six==1.17.0",
            "Theano==1.0.5",
        ),
        python="==3.8.*",
        system=("a C++ compiler, g++", "the interpreter's C headers (Python.h)"),
        homepage="https://github.com/Theano/Theano",
        released="2009-04",
        summary="a symbolic graph, differentiated and optimized, each function compiled to C++",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``theano``."""
    for backend in BACKENDS:
        register(backend)
