"""HIPS autograd in the worker: ``autograd.numpy``, and ``make_vjp`` over it.

Source: https://github.com/HIPS/autograd/blob/master/docs/tutorial.md
"""

from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, blas
from bakeoff_worker.ownership import owned
from bakeoff_worker.program import Program

from .operators import operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_NOTES = (
    "composed: convolution and pooling, of slices and tensordot; neural functions and losses, "
    "of which autograd has none",
    "composed: broadcast_to and broadcast branches of where, as sums with zeros, because their own "
    "gradients fail for broadcast dimensions",
    "optimizers are composed: autograd.misc.optimizers runs whole trainings, not steps",
    "results in the memory of an input (reshape, getitem, gradients of add, ...) are copied",
)


class AutogradAdapter(Adapter):
    """HIPS autograd, which computes through NumPy."""

    name = "autograd"
    dtypes = ("bool", "int32", "int64", "float32", "float64")

    def __init__(self, threads: int = 1) -> None:
        import autograd
        import autograd.builtins
        import autograd.numpy
        import numpy

        blas.limit_threads(threads)
        # infinities and NaN are results here, as they are in every toolkit; not warnings
        numpy.seterr(all="ignore")
        self._autograd, self._numpy = autograd, numpy
        self.ops = operators(autograd.numpy)

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a contiguous copy: autograd's arrays are NumPy's."""
        return self._numpy.array(array, dtype=dtype, order="C")

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the array."""
        return self._numpy.asarray(tensor)

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``autograd.make_vjp`` over a tuple of leaves."""
        autograd, positions = self._autograd, tuple(wrt)
        packed, ones_like = autograd.builtins.tuple, autograd.numpy.ones_like

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            def of_leaves(leaves: Any) -> Any:
                full = list(args)
                for i, position in enumerate(positions):
                    full[position] = leaves[i]
                return packed(fn(*full))

            vjp, outputs = autograd.make_vjp(of_leaves)(tuple(args[i] for i in positions))
            if cotangents is None:
                cotangents = tuple(ones_like(y) for y in outputs)
            return tuple(outputs), tuple(vjp(tuple(cotangents)))

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, BLAS and its threads."""
        from importlib.metadata import version

        found = blas.libraries()
        return {
            "toolkit": "autograd",
            "version": version("autograd"),
            "device": "cpu (NumPy %s)" % self._numpy.__version__,
            "threads": blas.threads_of(found),
            "blas": found,
            "precision": "the tensor's own dtype",
            "layout": "channels first (N, C, *spatial)",
            "optimizer_origin": dict.fromkeys(self.optimizers, "composed: no steps of its own"),
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return straight-line Python; what lies in an input's memory is copied."""
        run = super().compile(program)
        if program.kind == "training":
            return run
        asarray = self._numpy.asarray
        return lambda *tensors: tuple(owned(asarray(y), tensors) for y in run(*tensors))
