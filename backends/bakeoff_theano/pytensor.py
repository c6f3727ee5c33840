"""PyTensor, Theano's heir, in the worker: the same graphs, whose types hold whole shapes.

Source: https://pytensor.readthedocs.io
"""

import os
import sys
from typing import Any, Dict, Sequence, Tuple

from bakeoff_worker import Unsupported, blas

from .adapter import Symbol, TheanoAdapter
from .windows import operators

_NOTES = (
    "linker=cvm, functions compiled to C: Numba, PyTensor 3's default, took two minutes for one "
    "small convolution with its gradients on a busy machine, where C took six seconds",
    "compiled functions are kept in the environment's folder and found again by the next "
    "process: compile time is that of a first process only the first time",
    "products are NumPy's, as where PyTensor comes from pip and no BLAS is linked",
    "composed: convolutions and pools, of windows that take picks; PyTensor has left Theano's "
    "nnet behind, and its own signal.convolve1d and convolve2d know no channels",
)


class PyTensorAdapter(TheanoAdapter):
    """PyTensor on the CPU, through its C linker."""

    name = "pytensor"
    toolkit = "PyTensor"
    notes = _NOTES
    _pattern_name = "shape"

    def __init__(self, threads: int = 1) -> None:
        flags = {
            "floatX": "float32",
            "linker": "cvm",
            "openmp": "False",
            "blas__ldflags": "",
            "base_compiledir": os.path.join(sys.prefix, "pytensor-compiledir"),
        }
        os.environ["PYTENSOR_FLAGS"] = ",".join("%s=%s" % flag for flag in sorted(flags.items()))
        os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # SciPy's too, when that is loaded
        import numpy
        import pytensor
        import pytensor.tensor.special

        if not pytensor.config.cxx:
            raise Unsupported(
                "PyTensor: no C++ compiler found, which its C linker needs; install one, for "
                "example with `apt install g++`"
            )
        blas.limit_threads(threads)
        numpy.seterr(all="ignore")  # infinities are results in NumPy's products too
        self.np = numpy
        self.theano = pytensor
        self.ops = operators(pytensor)

    def _blas_in_use(self) -> Dict[str, Any]:
        found = blas.libraries()
        return {"threads": blas.threads_of(found), "blas": found}

    def _pattern(self, shape: Sequence[int]) -> Tuple[Any, ...]:
        return tuple(shape)

    def _patterned(self, symbol: Symbol, pattern: Tuple[Any, ...]) -> Symbol:
        if symbol.type.shape == pattern:
            return symbol
        return self.theano.tensor.specify_shape(symbol, pattern)
