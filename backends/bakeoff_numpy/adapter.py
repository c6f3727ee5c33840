"""Adapters of bakeoff's own engine: the tape, plans, and plans with compiled loops."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bakeoff_worker import blas
from bakeoff_worker.adapter import Adapter
from bakeoff_worker.program import Program

Tensor = Any


class NumpyAdapter(Adapter):
    """The eager tape: every op records itself, gradients walk back over the record."""

    name = "numpy"
    dtypes = ("bool", "int32", "int64", "float16", "float32", "float64")

    def __init__(self, threads: int = 1, **mode: Any) -> None:
        super().__init__(threads, **mode)
        import numpy

        import bakeoff_reference
        from bakeoff_reference.engine import DEFAULT

        self._numpy, self._engine, self._reference = numpy, DEFAULT, bakeoff_reference
        blas.limit_threads(threads)
        # infinities and NaN are results here, as they are in every toolkit; not warnings
        numpy.seterr(all="ignore")
        self.ops: Mapping[str, Callable[..., Tensor]] = DEFAULT.ops

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor that owns a contiguous copy of the values."""
        return self._engine.wrap(self._numpy.array(array, dtype=dtype, order="C"))

    def to_numpy(self, tensor: Tensor) -> Any:
        return self._numpy.asarray(tensor.value)

    def device_of(self, tensor: Tensor) -> str:
        return "cpu"

    def value_and_grad(
        self, fn: Callable[..., tuple[Tensor, ...]], wrt: Sequence[int]
    ) -> Callable[..., tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]:
        return self._engine.with_gradients(fn, wrt)

    def optimizer(self, name: str, hyper: Mapping[str, float]) -> Any:
        """Return the engine's own optimizer: in place, ten passes for Adam."""
        return self._reference.optimizers.Optimizer(name, **hyper)

    def compile(self, program: Program) -> Any:
        """Return straight-line Python over the tape; results that are views are copied."""
        run = super().compile(program)
        if program.kind == "training":
            return run
        return self._engine.with_own_results(run, self._numpy.may_share_memory)

    def describe(self) -> dict[str, Any]:
        """Return the engine's and NumPy's versions, and the BLAS as it reports itself."""
        found = blas.libraries()
        notes = [] if found else ["no BLAS found: matrix products will be slow"]
        return {
            "toolkit": "NumPy",
            "version": self._numpy.__version__,
            "engine": self._reference.__name__,
            "device": "cpu",
            "threads": blas.threads_of(found),
            "modes": {"tf32": False, "fast_math": False, "accumulate": "float32"},
            "precision": "float16 adds up in float32; else the tensor's own dtype; float32 "
            "convolutions of 3 x 3 and many channels by Winograd's F(2, 3)",
            "layout": "NCHW",
            "blas": found,
            "optimizer_origin": dict.fromkeys(self.optimizers, "native"),
            "notes": notes,
        }


class PlanAdapter(NumpyAdapter):
    """Plans: a program is traced once into straight-line NumPy over preallocated memory."""

    name = "numpy-plan"
    _loops: Any = None

    def compile(self, program: Program) -> Any:
        from bakeoff_reference.plan import TrainingPlan, compile_program

        plan = compile_program(program, loops=self._loops)
        if isinstance(plan, TrainingPlan):
            return TrainingExecutable(plan, self._engine.wrap)
        return Executable(plan, self._engine.wrap)


class CompiledAdapter(PlanAdapter):
    """Plans whose elementwise runs are loops that Numba compiles when the plan is built."""

    name = "numpy-compiled"

    def __init__(self, threads: int = 1, **mode: Any) -> None:
        super().__init__(threads, **mode)
        from bakeoff_reference.compiled import Loops

        self._loops = Loops()

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "numba": self._loops.version}


class Executable:
    """A forward or gradient plan, called with tensors."""

    def __init__(self, plan: Any, wrap: Callable[[Any], Tensor]) -> None:
        self.plan, self._wrap = plan, wrap

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(map(self._wrap, self.plan(*[t.value for t in tensors])))


class TrainingExecutable(Executable):
    """A training plan: parameters live in it."""

    def load(self, params: Sequence[Tensor]) -> None:
        self.plan.load([p.value for p in params])

    def params(self) -> tuple[Tensor, ...]:
        return tuple(map(self._wrap, self.plan.params()))


__all__ = ["CompiledAdapter", "Executable", "NumpyAdapter", "PlanAdapter", "TrainingExecutable"]
