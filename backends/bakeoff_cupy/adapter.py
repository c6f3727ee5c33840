"""Adapter of bakeoff's own engine over CuPy: the eager tape, with our kernels where they pay."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakSet

import numpy as np

from bakeoff_worker.adapter import Adapter
from bakeoff_worker.program import Program, straight_line

from . import cublaslt, device
from .convolution import passes as convolution
from .five_launches import FiveLaunches, offered, two_layers
from .fused import ArenaOptimizer, primitives
from .graph import GraphTraining
from .launch import Kernels
from .namespace import namespace
from .training import Step, TapeStep, Training, on_device

Tensor = Any

_NOTES = (
    "an index or a label out of range wraps around or gives NaN",
    "a training step of two dense layers with a ReLU between and cross-entropy behind is five "
    "kernels, in place of the tape; its figure launches_per_step says so",
)


class CupyAdapter(Adapter):
    """The tape of the reference engine, with CuPy as its array module."""

    name = "cupy"
    dtypes: Sequence[str] = ("bool", "int32", "int64", "float16", "float32", "float64")

    def __init__(self, threads: int = 1, **mode: Any) -> None:
        super().__init__(threads, **mode)
        import cupy

        device.require(cupy)
        library = cublaslt.load()  # first: cuDNN ends the process if it finds none
        self._build(cupy, library, *convolution.load(device.cuda(cupy)))

    def _build(self, cp: Any, library: Any, cudnn: Any, missing: str = "") -> None:
        """Build the engine over CuPy, cuBLASLt and cuDNN; ``missing`` says why that is None."""
        from bakeoff_reference.engine import Engine

        self._cp, self._kernels = cp, Kernels(cp)
        stream = partial(_current_stream, cp)
        self._products = cublaslt.CublasLt(library, cp.empty, stream, device.tf32())
        self._convolutions = convolution.Convolutions(
            cudnn, cp.empty, cp.ascontiguousarray, stream, device.tf32(), missing
        )
        self._xp = namespace(cp)
        self._xp.matmul = cublaslt.product(self._products, cp.broadcast_to, cp.matmul)
        self._xp.convolution = self._convolutions
        self._engine = Engine(self._xp, primitives=primitives(cp, self._kernels))
        if _has_bfloat16():
            self.dtypes = (*self.dtypes, "bfloat16")
        self._timer = device.Timer(cp, self._flush)
        self._trainings: WeakSet[Training] = WeakSet()
        self.ops: Mapping[str, Callable[..., Tensor]] = self._engine.ops

    def _flush(self) -> None:
        """Queue the steps that wait for others."""
        for training in self._trainings:
            training.flush()

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor on the device that owns a contiguous copy of the values."""
        return self._engine.wrap(self._cp.array(np.asarray(array, dtype), order="C"))

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; bfloat16, which NumPy lacks, as float32."""
        self._flush()
        array = self._cp.asnumpy(tensor.value)
        return array.astype("float32") if array.dtype.name == "bfloat16" else array

    def device_of(self, tensor: Tensor) -> str:
        return "cuda"

    def value_and_grad(
        self, fn: Callable[..., tuple[Tensor, ...]], wrt: Sequence[int]
    ) -> Callable[..., tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]:
        return self._engine.with_gradients(fn, wrt)

    def optimizer(self, name: str, hyper: Mapping[str, float]) -> ArenaOptimizer:
        """Return the engine's own optimizer: one kernel over all parameters."""
        return ArenaOptimizer(self._cp, self._xp, self._kernels, self._engine.wrap, name, hyper)

    def compile(self, program: Program) -> Any:
        """Return straight-line Python over the tape; results that are views are copied.

        Training steps stay on the device, where kernels of ours update the parameters.
        """
        if on_device(program):
            training = self._training(program)
            self._trainings.add(training)
            return training
        run = super().compile(program)
        if program.kind == "training":
            return run
        return self._engine.with_own_results(run, self._cp.shares_memory)

    def _training(self, program: Program) -> Training:
        return Training(*self._parts(program))

    def _parts(self, program: Program) -> tuple[Any, ...]:
        """Return what `Training` is made of."""
        optimizer = self.optimizer(program.ask["optimizer"], program.ask["hyper"])
        wrap, layers = self._engine.wrap, two_layers(program)
        step: Step
        if layers is None or not offered(self._products, program, layers):
            step = TapeStep(self._cp, wrap, program, self._gradient_of(program), optimizer)
        else:
            step = FiveLaunches(self._cp, self._kernels, self._products, layers, optimizer)
        return self._cp, self._kernels, wrap, program, step, optimizer

    def _gradient_of(self, program: Program) -> Callable[..., Any]:
        fn = straight_line(program, dict(self.ops))
        names = [v.name for v in program.inputs]
        return self.value_and_grad(fn, [names.index(n) for n in program.ask["params"]])

    def synchronize(self, values: Any = None) -> None:
        """Wait for the device's whole queue."""
        self._flush()
        self._cp.cuda.Device(0).synchronize()

    def device_timer(self) -> Any:
        """Return CuPy's events."""
        return self._timer

    def memory(self) -> dict[str, int]:
        """Return what the pool took since the program was prepared, and who convolved."""
        peak = {"device_peak_bytes": device.held_bytes(self._cp, self._timer)}
        return {**peak, **self._convolutions.figures()}

    def release(self) -> None:
        """Give the device's cached memory back."""
        self._convolutions.forget()
        device.release(self._cp)

    def describe(self) -> dict[str, Any]:
        """Return versions, device and precision as CuPy and the CUDA runtime report them."""
        return {
            **device.describe(self._cp),
            "engine": "bakeoff_reference",
            "layout": "NCHW; convolutions on tensor cores NHWC",
            "convolution": self._convolutions.describe(),
            "optimizer_origin": dict.fromkeys(self.optimizers, "native"),
            "notes": list(_NOTES),
        }


def _has_bfloat16() -> bool:
    """Return whether NumPy and CuPy know ``bfloat16``: they do where ml_dtypes is imported."""
    try:
        import ml_dtypes  # noqa: F401  # it registers the name
    except ImportError:
        return False
    return True


def _current_stream(cp: Any) -> int:
    return int(cp.cuda.get_current_stream().ptr)


class GraphAdapter(CupyAdapter):
    """As `CupyAdapter`, with so many training steps captured into one CUDA graph."""

    name = "cupy-graph"

    def __init__(self, threads: int = 1, steps: int = 1) -> None:
        self._steps = steps
        super().__init__(threads)

    def _training(self, program: Program) -> Training:
        return GraphTraining(*self._parts(program), steps=self._steps)

    def describe(self) -> dict[str, Any]:
        told = super().describe()
        count = "one training step" if self._steps == 1 else f"{self._steps} training steps"
        captured = (
            f"{count} to a CUDA graph; data are copied into it unless they lie there from the "
            "last time, losses are copied out of it"
        )
        left = "steps left over are graphs of one each, and so is a call with a cold cache"
        notes = [*told["notes"], captured, *([left] if self._steps > 1 else [])]
        return {**told, "notes": notes}
