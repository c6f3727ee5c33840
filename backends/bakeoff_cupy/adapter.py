"""Adapter of bakeoff's own engine over CuPy: the eager tape, with our kernels where they pay."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bakeoff_worker.adapter import Adapter
from bakeoff_worker.program import Program, straight_line

from . import cublaslt, device
from .convolution import passes as convolution
from .fused import ArenaOptimizer, primitives
from .graph import GraphTraining, capturable
from .launch import Kernels
from .namespace import namespace

Tensor = Any


class CupyAdapter(Adapter):
    """The tape of the reference engine, with CuPy as its array module."""

    name = "cupy"
    dtypes = ("bool", "int32", "int64", "float16", "float32", "float64")

    def __init__(self, threads: int = 1, **mode: Any) -> None:
        super().__init__(threads, **mode)
        import cupy

        device.require(cupy)
        library = cublaslt.load()  # first: cuDNN ends the process if it finds none
        self._build(cupy, library, *convolution.load())

    def _build(self, cp: Any, library: Any, cudnn: Any, missing: str = "") -> None:
        """Build the engine over CuPy, cuBLASLt and cuDNN; ``missing`` says why that is None."""
        from bakeoff_reference.engine import Engine

        self._cp, self._kernels = cp, Kernels(cp)
        stream = partial(_current_stream, cp)
        products = cublaslt.CublasLt(library, cp.empty, stream, device.tf32())
        self._convolutions = convolution.Convolutions(
            cudnn, cp.empty, cp.ascontiguousarray, stream, device.tf32(), missing
        )
        self._xp = namespace(cp)
        self._xp.matmul = cublaslt.product(products, cp.broadcast_to, cp.matmul)
        self._xp.convolution = self._convolutions
        self._engine = Engine(self._xp, primitives=primitives(cp, self._kernels))
        self._timer = device.Timer(cp)
        self.ops: Mapping[str, Callable[..., Tensor]] = self._engine.ops

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor on the device that owns a contiguous copy of the values."""
        return self._engine.wrap(self._cp.array(np.asarray(array), dtype=dtype, order="C"))

    def to_numpy(self, tensor: Tensor) -> Any:
        return self._cp.asnumpy(tensor.value)

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
        """Return straight-line Python over the tape; results that are views are copied."""
        run = super().compile(program)
        if program.kind == "training":
            return run
        return self._engine.with_own_results(run, self._cp.shares_memory)

    def _gradient_of(self, program: Program) -> Callable[..., Any]:
        fn = straight_line(program, dict(self.ops))
        names = [v.name for v in program.inputs]
        return self.value_and_grad(fn, [names.index(n) for n in program.ask["params"]])

    def synchronize(self, values: Any = None) -> None:
        """Wait for the device's whole queue."""
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
            "notes": ["an index or a label out of range wraps around or gives NaN"],
        }


def _current_stream(cp: Any) -> int:
    return int(cp.cuda.get_current_stream().ptr)


class GraphAdapter(CupyAdapter):
    """As `CupyAdapter`, with a training step captured into one CUDA graph."""

    name = "cupy-graph"

    def compile(self, program: Program) -> Any:
        """Return the step as a graph; programs that do not train run on the tape."""
        if not capturable(program):
            return super().compile(program)
        return GraphTraining(
            self._cp, self._kernels, self._engine.wrap, program, self._gradient_of(program),
            self.optimizer(program.ask["optimizer"], program.ask["hyper"]),
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        told = super().describe()
        captured = "training steps are one CUDA graph; data are copied into it, the loss out of it"
        return {**told, "notes": [*told["notes"], captured]}
