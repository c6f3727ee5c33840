"""JAX in the worker: whole programs, training steps included, under ``jax.jit``.

Source: https://docs.jax.dev
"""

import os
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from bakeoff_worker import Adapter
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.program import Program, straight_line

from .operators import operators
from .scan import Pending, ScanTraining
from .training import Training

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_WIDE = frozenset(["float64", "int64"])
_NOTES = (
    "jax_enable_x64 is on for programs that hold a float64 or int64 value, and off for all "
    "others; float32 values stay float32 in both",
    "a training step is one jitted function; parameters and optimizer state are donated to it, "
    "the learning rate and bias corrections are its arguments",
    "clip is composed of where, so that the gradient at a bound is whole; jnp.clip halves it",
    "losses are composed: JAX itself has none",
)
_CUDA_NOTES = (
    "JAX has no device events: its times are the host's, of blocks ended by block_until_ready",
    "XLA_PYTHON_CLIENT_PREALLOCATE is false, so that several workers share the device",
)


class JaxAdapter(Adapter):
    """JAX on the CPU or on the first CUDA device; each program is jitted whole.

    Parameters
    ----------
    threads
        Of XLA's pool.
    device
        ``"cpu"`` or ``"cuda"``.
    steps
        Training steps to a call of the device; with several, steps wait for those that follow.
    """

    dtypes = ("bool", "int32", "int64", "float16", "bfloat16", "float32", "float64")
    asks = ("forward", "gradient", "training")

    def __init__(self, threads: int = 1, device: str = "cpu", steps: int = 1) -> None:
        # The pool's size is read once, when XLA's CPU client starts.
        os.environ["NPROC"] = str(threads)
        import jax
        import jaxlib
        import numpy

        self._on_cuda = device == "cuda"
        if self._on_cuda:
            _full_precision(jax)
        self.name = "-".join(["jax"] + ["cuda"] * self._on_cuda + ["scan"] * (steps > 1))
        self._steps = steps
        self.jax = jax
        self._jaxlib = jaxlib.__version__
        self.np = numpy
        self._x64 = bool(jax.config.jax_enable_x64)
        self.ops = operators(jax)

    def use_x64(self, wanted: bool) -> None:
        """Switch 64-bit types on or off, as a user does at the start of a script."""
        if wanted != self._x64:
            self.jax.config.update("jax_enable_x64", wanted)
            self._x64 = wanted

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return an array that owns a copy of the values."""
        if dtype in _WIDE:
            self.use_x64(True)
        return self.jax.numpy.array(array, dtype=dtype, copy=True)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; bfloat16, which NumPy lacks, as float32."""
        tensor = _value(tensor)
        if tensor.dtype.name == "bfloat16":
            return self.np.asarray(tensor).astype("float32")
        return self.np.array(tensor)

    def device_of(self, tensor: Tensor) -> str:
        """Return ``"cpu"`` or ``"cuda"``."""
        platform = next(iter(_value(tensor).devices())).platform
        return "cuda" if platform == "gpu" else str(platform)

    def synchronize(self, values: Any = None) -> None:
        """Wait for ``values``, or for all that has been dispatched."""
        if values is None:
            self.jax.effects_barrier()
            values = self.jax.live_arrays()
        self.jax.block_until_ready([_value(v) for v in values])

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``jax.vjp``, jitted."""
        return self.jax.jit(self._vjp(fn, wrt))  # type: ignore[no-any-return]

    def _vjp(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        jax, positions = self.jax, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            def partly(*leaves: Tensor) -> Any:
                full = list(args)
                for i, leaf in zip(positions, leaves):
                    full[i] = leaf
                return fn(*full)

            outputs, pullback = jax.vjp(partly, *[args[i] for i in positions])
            if cotangents is None:
                cotangents = (jax.numpy.ones_like(outputs[0]),)
            return outputs, pullback(tuple(cotangents))

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads, precision and layout as JAX reports them."""
        jax = self.jax
        device = jax.devices()[0]
        precision = jax.config.jax_default_matmul_precision
        return {
            "toolkit": "JAX",
            "version": jax.__version__,
            "jaxlib": self._jaxlib,
            "device": "%s (%s)" % (jax.default_backend(), device.device_kind),
            "threads": _pool_size(),
            "precision": "default matmul precision %r" % (precision or "default: full on the CPU"),
            "modes": _modes(jax),
            "layout": "channels first (N, C, *spatial) as given; XLA chooses inside",
            "blas": "XLA:GPU (cuBLAS, cuDNN)" if self._on_cuda else "XLA:CPU (Eigen, oneDNN)",
            "compiled": True,
            "optimizer_origin": dict.fromkeys(
                self.optimizers, "composed: JAX itself has no optimizers"
            ),
            "steps_per_call": self._steps,
            "notes": list(_NOTES + (_CUDA_NOTES if self._on_cuda else ())),
        }

    def memory(self) -> Dict[str, int]:
        """Return what JAX tells of a device's memory: now, and at most since the process began."""
        told = self.jax.devices()[0].memory_stats() if self._on_cuda else None
        names = {
            "bytes_in_use": "device_bytes",
            "peak_bytes_in_use": "device_process_peak_bytes",
        }
        return {names[k]: int(v) for k, v in (told or {}).items() if k in names}

    def compile(self, program: Program) -> Any:
        """Return the program jitted; XLA compiles it at the first call."""
        fn = straight_line(program, dict(self.ops))
        wide = any(v.dtype in _WIDE for v in program.values().values())
        if program.kind == "training":
            if self._steps > 1:
                return ScanTraining(self, program, fn, wide, self._steps)
            return Training(self, program, fn, wide)
        if program.kind == "forward":
            return WithX64(self, self.jax.jit(fn), wide)
        return WithX64(self, GradientExecutable(self, program, fn), wide)


def _value(tensor: Any) -> Tensor:
    """Return an array; a loss that waits for others is computed."""
    return tensor.value() if isinstance(tensor, Pending) else tensor


def _full_precision(jax: Any) -> None:
    """Refuse another device than a GPU; let XLA use no TF32 there, in products or convolutions.

    Raises
    ------
    ImportError
        If JAX finds no CUDA device, or its CUDA plugin is missing.
    """
    try:
        platform = jax.devices()[0].platform
    except (RuntimeError, AssertionError) as error:  # without a plugin a bare assertion fails
        reason = str(error) or "no CUDA plugin; install jax[cuda12]"
        raise ImportError("JAX %s sees no CUDA device: %s" % (jax.__version__, reason))
    if platform not in ("gpu", "cuda"):
        raise ImportError("JAX %s runs on %s, expected cuda" % (jax.__version__, platform))
    jax.config.update("jax_default_matmul_precision", "highest")


class WithX64(object):
    """An executable that runs with 64-bit types on or off, as its program needs."""

    def __init__(self, adapter: JaxAdapter, fn: Callable[..., Any], wide: bool) -> None:
        self._adapter = adapter
        self._fn = fn
        self._wide = wide

    def __call__(self, *tensors: Tensor) -> Tuple[Tensor, ...]:
        self._adapter.use_x64(self._wide)
        return self._fn(*tensors)  # type: ignore[no-any-return]


def _modes(jax: Any) -> Dict[str, Any]:
    """Return the settings of precision; without one, products on a GPU may be of TF32."""
    precision = jax.config.jax_default_matmul_precision
    full = ("highest", "float32", "F32_F32_F32") if precision else ()
    reduced = precision not in full if precision else jax.default_backend() != "cpu"
    return {
        "tf32": reduced,
        "fast_math": "xla_cpu_enable_fast_math=true" in os.environ.get("XLA_FLAGS", "").lower(),
    }


def _pool_size() -> Any:
    """Return how many threads XLA's pool has, read from the kernel; else as it was asked."""
    try:
        tasks = os.listdir("/proc/self/task")
        names = []
        for task in tasks:
            with open("/proc/self/task/%s/comm" % task) as file:
                names.append(file.read().strip())
    except OSError:
        return "%s (NPROC, not read back)" % os.environ["NPROC"]
    return names.count("tf_XLAEigen") or int(os.environ["NPROC"])
