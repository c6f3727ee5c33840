"""PyTensor, Aesara's heir, in the worker: the same graphs, without Theano's layers.

Source: https://pytensor.readthedocs.io
"""

import os
from typing import Any, Dict

from bakeoff_worker import blas

from .adapter import set_flags
from .aesara import AesaraAdapter
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


class PyTensorAdapter(AesaraAdapter):
    """PyTensor on the CPU, through its C linker."""

    name = "pytensor"
    toolkit = "PyTensor"
    notes = _NOTES

    def __init__(self, threads: int = 1) -> None:
        set_flags("pytensor", {"linker": "cvm", "blas__ldflags": ""})
        os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # SciPy's too, when that is loaded
        import numpy
        import pytensor
        import pytensor.tensor.special

        blas.limit_threads(threads)
        numpy.seterr(all="ignore")  # infinities are results in NumPy's products too
        self._take(pytensor, operators(pytensor))

    def _blas_in_use(self) -> Dict[str, Any]:
        found = blas.libraries()
        return {"threads": blas.threads_of(found), "blas": found}
