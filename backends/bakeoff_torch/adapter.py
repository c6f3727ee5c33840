"""PyTorch in the worker: eager, or through ``torch.compile``.

Source: https://docs.pytorch.org/docs/stable/
"""

import atexit
import os
import shutil
import sys
import sysconfig
import tempfile
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, optimizers
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.ownership import COPY, with_own_outputs
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from . import cuda
from .graph import OPTIMIZERS, GraphTraining
from .operators import DTYPES, VIEWS, factories, from_factory, plain_ops

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_NOTES = (
    "results that would be views of inputs (reshape, permute_dims, getitem, ...) are copied",
    "conv and pool with unequal padding at the two ends pad explicitly first",
)


class TorchAdapter(Adapter):
    """PyTorch on the CPU or on the first CUDA device.

    Parameters
    ----------
    threads
        For ``torch.set_num_threads`` and ``torch.set_num_interop_threads``.
    compiled
        Pass the forward computation through ``torch.compile``; the optimizers stay
        PyTorch's own eager ones, as in its tutorials.
    device
        ``"cpu"`` or ``"cuda"``, where all tensors lie.
    graph
        Capture whole training steps, the optimizer included, as CUDA graphs.
    compile_mode
        Of ``torch.compile``: ``"reduce-overhead"`` captures what it compiles.
    tf32
        Let a GPU round the operands of float32 products and convolutions to TF32.
    """

    dtypes = DTYPES
    asks: Sequence[str] = ("forward", "gradient", "training")

    def __init__(
        self, threads: int = 1, compiled: bool = False, device: str = "cpu", graph: bool = False,
        compile_mode: Optional[str] = None, tf32: bool = False,
    ) -> None:  # fmt: skip
        if compiled:
            _prepare_inductor()
        import torch

        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != threads:  # may be set once per process
            torch.set_num_interop_threads(threads)
        self.torch = torch
        self._on_cuda = device == "cuda"
        self._timer: Optional[cuda.Timer] = None
        if self._on_cuda:
            cuda.set_precision(torch, tf32)
            self._timer = cuda.Timer(torch)
        self.name = "-".join(
            ["torch"] + ["cuda"] * self._on_cuda + ["graph"] * graph + ["tf32"] * tf32
            + [compile_mode or "compile"] * compiled
        )  # fmt: skip
        self._compiled, self._graph, self._compile_mode = compiled, graph, compile_mode
        if graph:
            self.optimizers = OPTIMIZERS
        self._device = None if device == "cpu" else device  # to name the CPU costs per call
        self._plain = plain_ops(torch)
        self._factories = factories(torch, self._device)
        self.ops = dict(self._plain)
        self.ops.update((name, from_factory(f)) for name, f in self._factories.items())
        self._dtypes = {name: getattr(torch, name) for name in DTYPES}
        if compiled:
            # Once per process Inductor loads itself, tries what the processor can do and
            # precompiles C++ headers (10 s): not part of any program's first call.
            torch.compile(torch.exp)(torch.ones(8, device=device))

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor that owns a copy of the values."""
        return self.torch.tensor(array, dtype=self._dtypes[dtype], device=self._device)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; bfloat16, which NumPy lacks, as float32."""
        tensor = tensor.detach().cpu()
        if tensor.dtype == self.torch.bfloat16:
            return tensor.float().numpy()
        return tensor.numpy().copy()

    def device_of(self, tensor: Tensor) -> str:
        """Return ``"cpu"`` or ``"cuda"``."""
        return str(tensor.device.type)

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``torch.autograd.grad``."""
        torch = self.torch
        positions = tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            args = list(args)
            leaves = []
            for i in positions:
                args[i] = args[i].detach().requires_grad_()
                leaves.append(args[i])
            outputs = fn(*args)
            ys = tuple(y for y in outputs if y.requires_grad)
            gs = cotangents
            if gs is not None and len(ys) < len(outputs):
                gs = tuple(g for y, g in zip(outputs, gs) if y.requires_grad)
            if ys:
                grads = torch.autograd.grad(
                    ys, leaves, gs, allow_unused=True, materialize_grads=True
                )
            else:
                grads = tuple(torch.zeros_like(x) for x in leaves)
            return tuple(y.detach() for y in outputs), grads

        return value_and_grad

    def optimizer(self, name: str, hyper: Mapping[str, float]) -> "NativeOptimizer":
        """Return the optimizer of ``torch.optim``."""
        return NativeOptimizer(self.torch, name, hyper)

    def synchronize(self, values: Any = None) -> None:
        """Wait for the device's whole queue: an optimizer's update may come after the loss."""
        if self._on_cuda:
            self.torch.cuda.synchronize()

    def device_timer(self) -> Any:
        """Return PyTorch's CUDA events; None on the CPU."""
        return self._timer

    def memory(self) -> Dict[str, int]:
        """Return ``device_peak_bytes``: of tensors, since the program was prepared."""
        if self._timer is None:
            return {}
        return {"device_peak_bytes": cuda.peak_bytes(self.torch, self._timer)}

    def release(self) -> None:
        """Give the device's cached memory back."""
        if self._on_cuda:
            cuda.reset_peak(self.torch)

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads, precision and layout as PyTorch reports them."""
        torch = self.torch
        told: Dict[str, Any] = {
            "toolkit": "PyTorch",
            "version": torch.__version__,
            "device": "cpu (%s)" % torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "precision": "float32 matmul precision %r" % torch.get_float32_matmul_precision(),
            "modes": _modes(torch),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "layout": "contiguous, channels first (N, C, *spatial)",
            "blas": _blas(torch),
            "onednn": torch.backends.mkldnn.is_available(),
            "compiled": self._compiled,
            "optimizer_origin": dict.fromkeys(self.optimizers, "native"),
            "notes": list(_NOTES),
        }
        if self._on_cuda:
            told["modes"].update(cuda.modes(torch))
            told.update(cuda.describe(torch))
        return told

    def compile(self, program: Program) -> Any:
        """Return the program with its attributes bound and its aliases broken."""
        fn = self._forward(program)
        if program.kind == "training":
            return self._training(program, fn)
        run = fn if program.kind == "forward" else GradientExecutable(self, program, fn)
        return run if self._compile_mode is None else _with_copies(run)

    def _training(self, program: Program, fn: Fn) -> InPlaceTraining:
        name, torch = program.ask["optimizer"], self.torch
        if self._graph:
            hyper = optimizers.hyperparameters(name, program.ask["hyper"])
            native = partial(native_optimizer, torch, name, hyper)
            return GraphTraining(torch, program, fn, native)
        if self._compile_mode is None:
            return Training(self, program, fn)
        return OverwritingTraining(self, program, fn)

    def _forward(self, program: Program) -> Fn:
        ops = dict(self._plain)
        program = with_own_outputs(program, VIEWS)
        nodes = []
        for i, node in enumerate(program.nodes):
            if node.op in self._factories:
                name = "%s_%d" % (node.op, i)
                ops[name] = self._factories[node.op](**node.attrs)
                nodes.append(node._replace(op=name, attrs={}))
            else:
                nodes.append(node)
        ops[COPY] = self.torch.clone
        fn: Fn = straight_line(program._replace(nodes=tuple(nodes)), ops)
        if self._compiled and program.nodes:
            fn = self.torch.compile(fn, fullgraph=True, dynamic=False, mode=self._compile_mode)
        return fn


class NativeOptimizer(object):
    """An optimizer of ``torch.optim`` behind ``init`` and ``update``; works in place."""

    def __init__(self, torch: Any, name: str, hyper: Mapping[str, float]) -> None:
        self._torch = torch
        self._name = name
        self._hyper = optimizers.hyperparameters(name, hyper)
        self._lr = float(hyper["lr"])

    def init(self, params: Sequence[Tensor]) -> Any:
        """Return ``torch.optim``'s object over the parameters."""
        return native_optimizer(self._torch, self._name, self._hyper, params, self._lr)

    def update(
        self, params: Sequence[Tensor], grads: Sequence[Tensor], state: Any, lr: float, t: int
    ) -> Tuple[Sequence[Tensor], Any]:
        """Step in place; return the same parameters and state."""
        for p, g in zip(params, grads):
            p.grad = g
        state.param_groups[0]["lr"] = lr
        state.step()
        return params, state


def native_optimizer(
    torch: Any, name: str, hyper: Mapping[str, float], params: Sequence[Tensor], lr: Any,
    **more: Any,
) -> Any:  # fmt: skip
    """Return the object of ``torch.optim`` whose equation is the catalogue's.

    On a GPU it is Adam's fused one, which is PyTorch's fastest.
    """
    optim, params = torch.optim, list(params)
    if name == "sgd":
        return optim.SGD(params, lr=lr)
    if name in ("momentum", "nesterov"):
        return optim.SGD(params, lr=lr, momentum=hyper["momentum"], nesterov=name == "nesterov")
    if name == "adagrad":
        return optim.Adagrad(params, lr=lr, eps=hyper["eps"])
    if name == "rmsprop":
        return optim.RMSprop(params, lr=lr, alpha=hyper["decay"], eps=hyper["eps"])
    if name not in ("adam", "adamw"):
        raise Unsupported("torch.optim: no counterpart of optimizer %r is known" % name)
    options = {"lr": lr, "betas": (hyper["beta1"], hyper["beta2"]), "eps": hyper["eps"]}
    options.update({"fused": True} if params[0].is_cuda else {}, **more)
    if name == "adam":
        return optim.Adam(params, **options)
    return optim.AdamW(params, weight_decay=hyper["weight_decay"], **options)


class Training(InPlaceTraining):
    """One step per call in PyTorch's idiom: ``zero_grad``, forward, ``backward``, ``step``."""

    def __init__(self, adapter: TorchAdapter, program: Program, fn: Fn) -> None:
        super().__init__(program)
        self._fn = fn
        self._optimizer = adapter.optimizer(program.ask["optimizer"], program.ask["hyper"])
        self._state: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Tensor]:
        """Return leaves, and start with a fresh ``torch.optim`` object."""
        leaves = [p.detach().clone().requires_grad_() for p in params]
        self._state = self._optimizer.init(leaves)
        return leaves

    def step(self, arguments: Sequence[Tensor], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        state = self._state
        state.zero_grad()
        (loss,) = self._fn(*arguments)
        loss.backward()
        state.param_groups[0]["lr"] = lr
        state.step()
        return loss.detach()

    def copy(self, param: Tensor) -> Tensor:
        """Return a copy outside the tape."""
        return param.detach().clone()


class OverwritingTraining(Training):
    """A step whose compiled parts are graphs: the next one overwrites their results."""

    def __init__(self, adapter: TorchAdapter, program: Program, fn: Fn) -> None:
        super().__init__(adapter, program, fn)
        self._begin = adapter.torch.compiler.cudagraph_mark_step_begin

    def step(self, arguments: Sequence[Tensor], lr: float, t: int) -> Tensor:
        """Step and return a copy of the loss."""
        self._begin()
        return super().step(arguments, lr, t).clone()


def _with_copies(run: Callable[..., Any]) -> Fn:
    """Return a call whose results are its caller's: those of graphs are overwritten."""
    return lambda *tensors: tuple(y.clone() for y in run(*tensors))


def _modes(torch: Any) -> Dict[str, Any]:
    """Return the settings of precision: of float32 products, here and in oneDNN, and Inductor."""
    products = [torch.get_float32_matmul_precision() != "highest"]
    onednn = getattr(torch.backends, "mkldnn", None)
    for part in ("matmul", "conv"):  # PyTorch 2.9
        precision = getattr(getattr(onednn, part, None), "fp32_precision", "none")
        products.append(precision in ("tf32", "bf16"))
    inductor = sys.modules.get("torch._inductor.config")
    unsafe = getattr(getattr(inductor, "cpp", None), "enable_unsafe_math_opt_flag", False)
    return {"tf32": any(products), "fast_math": bool(unsafe)}


def _blas(torch: Any) -> str:
    """Return the line of PyTorch's build settings that names its BLAS."""
    lines = [line.strip(" -") for line in torch.__config__.show().splitlines()]
    return next((line for line in lines if "Math Kernel" in line or "OpenBLAS" in line), "unknown")


def _prepare_inductor() -> None:
    """Look for what Inductor compiles with; give it an empty cache, if it was given none.

    The user's own cache would hide the compile time, which is the first call's figure.
    """
    compilers = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    if not any(c and shutil.which(c.split()[0]) for c in compilers):
        raise Unsupported(
            "torch.compile: no C++ compiler found (looked for CXX, g++, clang++); "
            "install one, for example with `apt install g++`, or set CXX"
        )
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    if not os.path.exists(header):
        raise Unsupported(
            "torch.compile: %s is missing; install the interpreter's headers, for example "
            "with `apt install python3-dev`" % header
        )
    if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="inductor-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
