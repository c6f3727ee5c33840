"""Theano 1.0 and its heirs, Aesara and PyTensor.

This module registers; the adapters run in the worker.
"""

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
    Backend(
        name="aesara",
        title="Aesara",
        toolkit="Aesara",
        adapter="bakeoff_theano.aesara:AesaraAdapter",
        requirements=(
            "aesara==2.9.4",
            "cons==0.4.7",
            "etuples==0.3.10",
            "filelock==3.19.1",
            "logical-unification==0.4.7",
            "miniKanren==1.0.5",
            "multipledispatch==1.0.0",
            "numpy==1.25.2",
            "scipy==1.12.0",
            "setuptools==65.7.0",  # Aesara takes its distutils
            "toolz==1.0.0",
            "typing_extensions==4.12.2",
        ),
        python=">=3.9,<3.12",
        system=("a C++ compiler, g++", "the interpreter's C headers (Python.h)"),
        homepage="https://aesara.readthedocs.io",
        size_mb=194,
        released="2021-01",
        summary="Theano's graphs, tidied: types with whole shapes, other linkers than C",
    ),
    Backend(
        name="pytensor",
        title="PyTensor",
        toolkit="PyTensor",
        adapter="bakeoff_theano.pytensor:PyTensorAdapter",
        requirements=("pytensor==3.0.*", "numpy>=2,<3", "threadpoolctl>=3.5,<4"),
        system=("a C++ compiler, g++", "the interpreter's C headers (Python.h)"),
        homepage="https://pytensor.readthedocs.io",
        size_mb=370,
        released="2022-12",
        summary="Theano's graphs as PyMC keeps them on: rewritten, then compiled",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``theano``, ``aesara`` and ``pytensor``."""
    for backend in BACKENDS:
        register(backend)
